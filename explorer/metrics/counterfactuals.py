"""How true a model's counterfactual pictures are, on a world that knows the true ones. Arrays in, figures out.

How a family takes part: :class:`Imagination` is all that is asked of it, pictures in and pictures out. Of a generator
whose capabilities have ``causes``, :class:`explorer.metrics.imagination.GeneratorImagination` makes one; anything else
(a causal layer of its own, an ablation, an oracle) implements the two methods itself.

The rows are *identified*: the noise of every effect can be told from the factors. One root is set to a level of its own
at random; what the picture then shows is read by :meth:`World.measure` and held against the truth in standard
deviations of the world's rows. On a world that reads nothing from pixels the pictures alone are held against the true
ones. Beside the model stand five baselines, of which the last shows whether abduction is of use: to propagate
with the noise at its median, rendered by the world itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.causal.base import Noises
from explorer.causal.interventions import Hard, Interventions
from explorer.errors import ExplorerError
from explorer.generators.base import Progress
from explorer.worlds.base import Array, World

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]
Do = Mapping[str, Floats]
"""Factor → the value (n,) that it is set to in each row."""

RESAMPLES = 1000  # of rows, for intervals
LEAF_DEVIATIONS = 2.0
CYCLES = 10
DRAWS = 200
LEVEL = 0.9
SEEN_AMONG = 5000  # rows, of which the one with the nearest value is what "see" shows


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


@dataclass(frozen=True)
class Case:
    """n identified rows of a world, what is done to them, and what becomes of them in truth. ``factual`` and ``true``
    (n, factors); pictures (n, size, size, channels)."""

    do: Do
    factual: Array
    true: Array
    pictures: Pictures
    true_pictures: Pictures


@dataclass(frozen=True)
class Errors:
    """Of n counterfactual pictures: ``factors`` name → root mean square error in standard deviations, ``intervals``
    their 95 % intervals over rows (1,000 resamples), ``mse`` of pictures in [0, 1], ``unread`` the share of readings
    that failed, which count in no error; NaN where all of a factor failed."""

    factors: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    mse: float
    unread: float

    @property
    def psnr(self) -> float:
        """Of the mean squared error, in decibels; infinite where there is none."""
        return decibels(self.mse)


@dataclass(frozen=True)
class Faithfulness:
    """The figures. ``do`` and ``baselines``: by the root that is set (baselines: then by name); ``leaves``: by the leaf
    that is set ± 2 standard deviations of its noise away. ``composition``: cycles → decibels; ``reversal``: setting a
    root and setting it back. ``own_noise``: decibels with the picture's own noise and with it set to 0. ``coverage``:
    the share of rows, whose noise is not identified, in which the 90 % interval holds the truth (None: no interval, or
    no such rows). ``rows``: how many were measured."""

    do: Mapping[str, Errors]
    baselines: Mapping[str, Mapping[str, Errors]]
    leaves: Mapping[str, Errors]
    composition: Mapping[int, float]
    reversal: Mapping[str, float]
    own_noise: Mapping[str, tuple[float, float]]
    coverage: Mapping[str, float] = field(default_factory=dict)
    rows: int = 0


def decibels(mse: float) -> float:
    """The peak signal-to-noise ratio of a mean squared error of pictures in [0, 1]."""
    return float("inf") if mse <= 0 else -10.0 * float(np.log10(mse))


def squared_error(pictures: Pictures, others: Pictures) -> float:
    """The mean squared difference of two arrays of pictures, in [0, 1]."""
    return float(np.mean(((pictures.astype(np.float32) - others.astype(np.float32)) / 255.0) ** 2))


class Trial:
    """A world's rows, deviations, and true counterfactuals. ``gains``: every channel of a picture is multiplied by a
    number of its own, 1 ± that, over 1 + that: noise of the picture's own, the same in its counterfactual."""

    def __init__(self, world: World, size: int, rows: int, seed: int, gains: float = 0.0) -> None:
        """Raises :class:`ExplorerError` where no number causes anything."""
        self.world, self.size, self.rows, self.seed = world, size, rows, seed
        graph = world.model.graph
        numbers = [factor.name for factor in world.factors if factor.kind == "number"]
        self.roots = tuple(name for name in numbers if graph.children(name) and not graph.parents(name))
        self.effects = tuple(name for name in world.names if name in graph.descendants(self.roots) - {*self.roots})
        self.leaves = tuple(name for name in self.effects if name in world.measured and not graph.children(name))
        if not self.roots:
            raise ExplorerError(
                f"Counterfactuals are held against the truth on a world in which a number causes something, and in "
                f"'{world.name}' none does; choose another world."
            )
        self.deviations = dict(zip(world.names, world.sample(SEEN_AMONG, seed + 1).std(axis=0), strict=True))
        self.noises, self.factual = self._drawn(identified=True)
        drawn = np.random.default_rng([seed, 41]).random((rows, 1, 1, world.channels))
        self._gains = ((1.0 + gains * (2.0 * drawn - 1.0)) / (1.0 + gains)).astype(np.float32)
        self.pictures = self.drawn(self.factual)

    def _drawn(self, identified: bool) -> tuple[Noises, Array]:
        """Noises, and rows that tell the noise of every effect, or do not."""
        world, count = self.world, 8 * self.rows
        noises = world.model.noises(count, self.seed)
        factual = world.rows_of(world.model.predict(noises))
        unique = np.isfinite(world.abduct(factual)[:, [world.column(name) for name in self.effects]]).all(axis=1)
        chosen = np.flatnonzero(unique == identified)[: self.rows]
        return {name: noise[torch.from_numpy(chosen)] for name, noise in noises.items()}, factual[chosen]

    def drawn(self, factors: Array) -> Pictures:
        """The pictures of rows (n ≤ rows, factors), each with the gains of its place."""
        pictures = self.world.render(factors, self.size)
        return (pictures * self._gains[: len(pictures)] + 0.5).astype(np.uint8)

    def levels(self, root: str, count: int) -> Floats:
        """(count,) values that ``root`` is set to: its own distribution, drawn anew."""
        return self.world.sample(count, self.seed + 2)[:, self.world.column(root)].astype(np.float64)

    def true(self, do: Do) -> Array:
        """What becomes of the rows under ``do``, by the world's mechanisms and the noises that the rows have."""
        return self._predicted(self.noises, self.factual, do)

    def _predicted(self, noises: Noises, factual: Array, do: Do) -> Array:
        acts: Interventions = {name: Hard(torch.from_numpy(value)) for name, value in do.items()}
        return self.world.rows_of(self.world.model.predict(noises, acts, self.world.values_of(factual)))

    def without_noise(self, do: Do) -> Array:
        """As :meth:`true`, with every descendant's noise at its median."""
        model = self.world.model
        late = model.graph.descendants(do)
        middle = {
            name: model.mechanisms[name].noise(torch.full_like(noise, 0.5)) if name in late else noise
            for name, noise in self.noises.items()
        }
        return self._predicted(middle, self.factual, do)

    def seen(self, do: Do) -> Array:
        """Rows that happen to have the values of ``do``, or the nearest ones."""
        table = self.world.sample(SEEN_AMONG, self.seed + 3)
        away = np.zeros((len(self.factual), len(table)))
        for name, value in do.items():
            away += np.abs(value[:, None] - table[None, :, self.world.column(name)]) / self.deviations[name]
        return np.asarray(table[away.argmin(axis=1)])

    def shifted(self, leaf: str) -> Floats:
        """(rows,) values of ``leaf`` 2 standard deviations of its noise above or below its own; above, where the range
        of its grid ends below."""
        world = self.world
        spread = float(self.noises[leaf].std())
        up, down = (
            np.asarray(world.model.predict({**self.noises, leaf: self.noises[leaf] + sign * spread})[leaf].numpy())
            for sign in (LEAF_DEVIATIONS, -LEAF_DEVIATIONS)
        )
        below = np.random.default_rng([self.seed, 43]).random(len(up)) < 0.5
        return np.asarray(np.where(below & (down > world.factors[world.column(leaf)].low), down, up))

    def errors(self, pictures: Pictures, true: Array, true_pictures: Pictures) -> Errors:
        """Of counterfactual ``pictures``, against the ``true`` factors and pictures."""
        read = self.world.measure(self._plain(pictures)).astype(np.float64)
        columns = [self.world.column(name) for name in self.world.measured]
        squares = {
            name: (np.asarray(read[:, k] - true[:, k], np.float64) / self.deviations[name]) ** 2
            for name, k in zip(self.world.measured, columns, strict=True)
        }
        factors, intervals = {}, {}
        for name, values in squares.items():
            factors[name], intervals[name] = _root_mean(values[np.isfinite(values)], self.seed)
        unread = float(np.isnan(read[:, columns]).mean()) if columns else 0.0
        return Errors(factors, intervals, squared_error(pictures, true_pictures), unread)

    def _plain(self, pictures: Pictures) -> Pictures:
        """Without the gains, so that they can be read."""
        return np.clip(pictures / self._gains[: len(pictures)] + 0.5, 0, 255).astype(np.uint8)

    def unidentified(self) -> Iterator[tuple[str, Do, Pictures, Floats]]:
        """(leaf, do, pictures, true values) of rows that do not tell the noise of ``leaf``."""
        noises, factual = self._drawn(identified=False)
        abducted = self.world.abduct(factual)
        for leaf in self.leaves:
            chosen = np.flatnonzero(np.isnan(abducted[:, self.world.column(leaf)]))
            root = next((name for name in self.roots if name in self.world.model.graph.parents(leaf)), None)
            if not len(chosen) or root is None:
                continue
            do = {root: self.levels(root, len(chosen))}
            some = {name: noise[torch.from_numpy(chosen)] for name, noise in noises.items()}
            true = self._predicted(some, factual[chosen], do)[:, self.world.column(leaf)]
            yield leaf, do, self.drawn(factual[chosen]), true.astype(np.float64)


def faithfulness(model: Imagination, trial: Trial, progress: Progress | None = None) -> Faithfulness:
    """The figures of ``model``; see :class:`Faithfulness`. ``progress`` is told the finished share and may raise."""
    parts = 2 * len(trial.roots) + len(trial.leaves) + 2
    done = 0

    def finished() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done / parts)

    again = model.imagine(trial.pictures, {})
    composition = {1: decibels(squared_error(again, trial.pictures))}
    finished()
    do, baselines, reversal, own = {}, {}, {}, {}
    for root in trial.roots:
        acts = {root: trial.levels(root, len(trial.factual))}
        true = trial.true(acts)
        true_pictures = trial.drawn(true)
        pictures = model.imagine(trial.pictures, acts)
        do[root] = trial.errors(pictures, true, true_pictures)
        bare = model.imagine(trial.pictures, acts, own_noise=False)
        own[root] = do[root].psnr, decibels(squared_error(bare, true_pictures))
        finished()
        back = model.imagine(pictures, {root: trial.factual[:, trial.world.column(root)].astype(np.float64)})
        reversal[root] = decibels(squared_error(back, trial.pictures))
        alone = trial.factual.copy()
        alone[:, trial.world.column(root)] = acts[root]
        drawn = {
            "see": trial.drawn(trial.seen(acts)),
            "do without propagation": trial.drawn(alone),
            "propagate with noise 0": trial.drawn(trial.without_noise(acts)),
            "reconstruct": again,
            "truth": true_pictures,
        }
        baselines[root] = {name: trial.errors(shown, true, true_pictures) for name, shown in drawn.items()}
        finished()
    leaves = {}
    for leaf in trial.leaves:
        acts = {leaf: trial.shifted(leaf)}
        true = trial.true(acts)
        leaves[leaf] = trial.errors(model.imagine(trial.pictures, acts), true, trial.drawn(true))
        finished()
    for _ in range(CYCLES - 1):
        again = model.imagine(again, {})
    composition[CYCLES] = decibels(squared_error(again, trial.pictures))
    coverage = dict(_covered(model, trial))
    finished()
    return Faithfulness(do, baselines, leaves, composition, reversal, own, coverage, len(trial.factual))


def _root_mean(squares: Floats, seed: int) -> tuple[float, tuple[float, float]]:
    """The root of the mean of ``squares`` (n,), and its 95 % interval over rows; NaN of none."""
    if not len(squares):
        return float("nan"), (float("nan"), float("nan"))
    chosen = np.random.default_rng([seed, 47]).integers(len(squares), size=(RESAMPLES, len(squares)))
    low, high = np.quantile(np.sqrt(squares[chosen].mean(axis=1)), (0.025, 0.975))
    return float(np.sqrt(squares.mean())), (float(low), float(high))


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
