"""How true a model's counterfactual pictures are, on a world that knows the true ones. Arrays in, figures out.

How a family takes part: :class:`Imagination` is all that is asked of it, pictures in and pictures out. Of a generator
whose capabilities have ``causes``, :class:`explorer.metrics.imagination.GeneratorImagination` makes one; anything else
(a causal layer of its own, an ablation, an oracle) implements the three methods itself.

The rows are *identified*: the noise of every effect can be told from the factors. One root is set to a level of its own
at random; what the picture then shows is read by :meth:`World.measure` and held against the truth in standard
deviations of the world's rows. On a world that reads nothing from pixels the pictures alone are held against the true
ones. Beside the model stand five baselines, of which the last shows whether abduction is of use: to propagate
with the noise at its median, rendered by the world itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from explorer.ending import Progress, in_parts
from explorer.metrics.counterfactual_distances import TRUTH, Distance, Features, Imagined, distances, interventional
from explorer.metrics.counterfactual_trial import (
    Do,
    Errors,
    Floats,
    Pictures,
    Trial,
    permuted_decibels,
    squared_error,
)
from explorer.numerics.distances import decibels

CYCLES = 10
DRAWS = 200
LEVEL = 0.9


class Imagination(Protocol):
    """What is measured. Pictures are (n, size, size, channels), 0..255, of one size, and factors have the names and
    units of the world."""

    def imagine(self, pictures: Pictures, do: Do, own_noise: bool = True) -> Pictures:
        """What each picture would have been under ``do``: abduction, action, prediction. Without ``do`` the picture as
        the model gives it back. ``own_noise`` False: what of the picture no factor tells is set to the prior's
        middle."""

    def outcomes(self, pictures: Pictures, do: Do, draws: int, seed: int) -> Mapping[str, Floats]:
        """Factor → (n, draws) values under ``do``, as they are distributed given the pictures; of a model without
        mechanisms, nothing."""

    def drawn(self, do: Do, seed: int, own_noise: bool = True) -> Pictures:
        """Pictures of the model's own, of no picture that there is, one for every row of ``do`` and under it.
        Repeatable for a seed."""


@dataclass(frozen=True)
class Faithfulness:
    """The figures. ``do`` and ``baselines``: by the root that is set (baselines: then by name); ``leaves``: by the leaf
    that is set ± 2 standard deviations of its noise away. ``composition``: cycles → decibels; ``reversal``: setting a
    root and setting it back; both with what chance gives, the pictures permuted against their own. ``own_noise``:
    decibels with the picture's own noise and with it set to 0. ``coverage``: the share of rows, whose noise is not
    identified, in which the 90 % interval holds the truth (None: no interval, or no such rows). ``distances``: root →
    name → distance of distributions (:mod:`explorer.metrics.counterfactual_distances`), as far as there are features.
    ``rows``: how many were measured."""

    do: Mapping[str, Errors]
    baselines: Mapping[str, Mapping[str, Errors]]
    leaves: Mapping[str, Errors]
    unset: Mapping[str, Errors]
    composition: Mapping[int, float]
    composition_chance: Mapping[int, float]
    reversal: Mapping[str, float]
    reversal_chance: Mapping[str, float]
    own_noise: Mapping[str, tuple[float, float]]
    distances: Mapping[str, Mapping[str, Distance]]
    coverage: Mapping[str, float]
    rows: int


def faithfulness(
    model: Imagination, trial: Trial, progress: Progress | None = None, features: Features | None = None
) -> Faithfulness:
    """The figures of ``model``; see :class:`Faithfulness`. ``progress`` is told the finished share and may raise.
    ``features``: of the distances between pictures; None: these are left out."""
    finished = in_parts(progress, 3 * len(trial.roots) + len(trial.leaves) + 2)
    # Gains that nobody knows cannot be taken out before a picture is read.
    own_pictures = partial(model.drawn, seed=trial.seed, own_noise=trial.gains == 0)
    again = model.imagine(trial.pictures, {})
    composition = {1: again}
    finished()
    do, baselines, reversal, reversal_chance, own, distant = {}, {}, {}, {}, {}, {}
    for root in trial.roots:
        acts = {root: trial.levels(root, len(trial.factual))}
        true = trial.true(acts)
        pictures = model.imagine(trial.pictures, acts)
        drawn = {**trial.baselines(acts, true), "reconstruct": again, TRUTH: trial.drawn(true)}
        do[root] = trial.errors(pictures, true, drawn[TRUTH])
        bare = model.imagine(trial.pictures, acts, own_noise=False)
        own[root] = do[root].psnr, decibels(squared_error(bare, drawn[TRUTH]))
        finished()
        back = model.imagine(pictures, {root: trial.factual[:, trial.world.column(root)].astype(np.float64)})
        reversal[root] = decibels(squared_error(back, trial.pictures))
        reversal_chance[root] = permuted_decibels(back, trial.pictures)
        baselines[root] = {name: trial.errors(shown, true, drawn[TRUTH]) for name, shown in drawn.items()}
        finished()
        distant[root] = distances(Imagined(root, acts, pictures, drawn), trial, features) if features else {}
        if (apart := interventional(own_pictures, trial, root, features)) is not None:
            distant[root]["interventional"] = apart
        finished()
    leaves, unset = {}, {}
    for leaf in trial.leaves:
        acts = {leaf: trial.shifted(leaf)}
        true = trial.true(acts)
        leaves[leaf] = trial.errors(model.imagine(trial.pictures, acts), true, trial.drawn(true))
        unset[leaf] = trial.errors(composition[1], true, trial.drawn(true))
        finished()
    for _ in range(CYCLES - 1):
        again = model.imagine(again, {})
    composition[CYCLES] = again
    coverage = dict(_covered(model, trial))
    finished()
    return Faithfulness(
        do,
        baselines,
        leaves,
        unset,
        {cycles: decibels(squared_error(shown, trial.pictures)) for cycles, shown in composition.items()},
        {cycles: permuted_decibels(shown, trial.pictures) for cycles, shown in composition.items()},
        reversal,
        reversal_chance,
        own,
        distant,
        coverage,
        len(trial.factual),
    )


def _covered(model: Imagination, trial: Trial) -> Iterator[tuple[str, float]]:
    """Leaf → share of rows that do not tell its noise in which the 90 % interval holds the truth. Many outcomes may be
    one value (the least that there is); where the truth is such a value, its rank among them is drawn, so that right
    distributions give 90 % and no more."""
    for leaf, do, pictures, true in trial.unidentified():
        drawn = model.outcomes(pictures, do, DRAWS, trial.seed).get(leaf)
        if drawn is not None:
            yield leaf, interval_coverage(drawn, true, 1e-6 * trial.deviations[leaf], trial.seed)


def interval_coverage(drawn: Floats, true: Floats, tie: float, seed: int) -> float:
    """The share of rows in which the central 90 % of ``drawn`` (n, draws) hold ``true`` (n,); values within ``tie`` of
    the truth are equal to it, and its rank among them is random."""
    away = drawn - true[:, None]
    below, equal = (away < -tie).sum(axis=1), (np.abs(away) <= tie).sum(axis=1)
    rank = (below + np.random.default_rng([seed, 53]).random(len(true)) * (equal + 1)) / (drawn.shape[1] + 1)
    return float(np.mean((rank >= (1 - LEVEL) / 2) & (rank <= (1 + LEVEL) / 2)))
