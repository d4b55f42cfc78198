"""What a model imagines, as distributions: whether its pictures are like the world's (realism), whether do() leads to
what do() leads to in the world (interventional distance), and whether no more changes than has to (minimality)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.metrics.counterfactual_trial import Do, Floats, Pictures, Trial
from explorer.metrics.quality import MINIMUM, unit_variance
from explorer.numerics.distances import energy_distance, frechet_distance
from explorer.worlds.base import Array

Features = Callable[[Pictures], Tensor]
"""(n, size, size, channels) pictures → (n, d) numbers, of which pictures that differ have different ones."""

POOL = 2000  # pictures of the world among which those with a value are sought
NEIGHBOURS = 50  # of them, those whose value is nearest
CHANGED, STAYED = 0.8, 0.2  # weights of the two parts of minimality, as Melistas et al. 2024 have them
REPEATED = 2  # rows of the world to compare with, times those of the trial; random halves of them
TRUTH = "truth"


@dataclass(frozen=True)
class Distance:
    """A distance, 0 at best: the model's, by chance, and of each baseline, of which the last, the truth, is what is
    left where nothing is wrong."""

    value: float
    chance: float
    baselines: Mapping[str, float]


@dataclass(frozen=True)
class Imagined:
    """What is done to the rows of a trial: one ``root`` is set to the values ``do`` (n,). What the model makes of it,
    ``pictures``, and what each baseline does, ``drawn``, of which ``truth`` is the last."""

    root: str
    do: Do
    pictures: Pictures
    drawn: Mapping[str, Pictures]


def distances(imagined: Imagined, trial: Trial, features: Features) -> dict[str, Distance]:
    """``realism`` (of at least 500 rows) and ``minimality`` of what is imagined."""
    seen = {name: features(pictures) for name, pictures in imagined.drawn.items()}
    found = {"minimality": _minimality(imagined, trial, features, seen)}
    if len(trial.factual) >= MINIMUM:
        found["realism"] = _realism(imagined, trial, features, seen)
    return found


def _realism(imagined: Imagined, trial: Trial, features: Features, seen: Mapping[str, Tensor]) -> Distance:
    """The Fréchet distance of features from true counterfactuals of other rows, under do() of the same root to other
    levels: the mean over random halves of twice as many. The truth: each half from the other. By chance: of pictures
    every pixel of which comes from another one."""
    count = len(trial.factual)
    reference = torch.cat([features(_true_elsewhere(imagined.root, trial, part)) for part in (1, 2)])
    scale = unit_variance(reference)
    reference = reference.double() / scale
    split = np.random.default_rng([trial.seed, 59])
    halves = [np.split(split.permutation(2 * (len(reference) // 2)), 2) for _ in range(REPEATED)]
    truth = np.mean([frechet_distance(reference[one], reference[other]) for one, other in halves])

    def away(values: Tensor) -> float:
        return float(np.mean([frechet_distance(values.double() / scale, reference[half]) for half, _ in halves]))

    source = np.random.default_rng([trial.seed, 61])
    _, height, width, _ = imagined.pictures.shape
    rows = source.permuted(np.tile(np.arange(count)[:, None, None], (1, height, width)), axis=0)
    mixed = imagined.pictures[rows, np.arange(height)[:, None], np.arange(width)]
    others = {name: away(values) for name, values in seen.items() if name != TRUTH}
    return Distance(away(features(imagined.pictures)), away(features(mixed)), {**others, TRUTH: float(truth)})


def _true_elsewhere(root: str, trial: Trial, part: int) -> Pictures:
    """True counterfactual pictures of other rows than those of ``trial``."""
    other = Trial(trial.world, trial.size, trial.rows, trial.seed + 1009 * part, trial.gains)
    return other.drawn(other.true({root: other.levels(root, len(other.factual))}))


def _minimality(imagined: Imagined, trial: Trial, features: Features, seen: Mapping[str, Tensor]) -> Distance:
    """The counterfactual latent distance: log(.8 exp P(A ≤ d) + .2 exp P(B ≥ d)), d the distance of features between
    a picture and its counterfactual, A that from the picture to pictures of the world with the value that is set, B to
    those with the value that it had; the mean over rows, 0 to 1. By chance: the counterfactual of another row."""
    rows, pool = trial.others(POOL, trial.seed + 5)
    column = trial.world.column(imagined.root)
    shown = features(pool)
    scale = unit_variance(shown)
    before = features(trial.pictures).double() / scale
    apart = torch.cdist(before, shown.double() / scale).numpy()

    def nearest(values: Floats) -> Floats:
        """(n, neighbours) distances of each row's picture from pictures with its value."""
        order = np.abs(values[:, None] - rows[None, :, column]).argpartition(NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        return np.take_along_axis(apart, order, axis=1)

    changed = nearest(imagined.do[imagined.root])
    stayed = nearest(trial.factual[:, column].astype(np.float64))

    def score(after: Tensor) -> float:
        away = (after.double() / scale - before).norm(dim=1).numpy()[:, None]
        return latent_distance((changed <= away).mean(axis=1), (stayed >= away).mean(axis=1))

    own = features(imagined.pictures)
    return Distance(score(own), score(own.roll(1, dims=0)), {name: score(values) for name, values in seen.items()})


def latent_distance(changed: Floats, stayed: Floats) -> float:
    """The mean of log(.8 exp ``changed`` + .2 exp ``stayed``), two shares (n,)."""
    return float(np.log(CHANGED * np.exp(changed) + STAYED * np.exp(stayed)).mean())


def interventional(
    drawn: Callable[[Do], Pictures], trial: Trial, root: str, features: Features | None = None
) -> Distance | None:
    """How far what the model's own pictures show under do() of ``root``, ``drawn``, is from what the world's do: the
    energy distance (0 to 1) of the values that are set and the factors that are read, or on a world that reads none the
    ``features``; without these, None. By chance: the values permuted against what is read. The truth, as many rows of
    the world, is the mean over :data:`REPEATED`. Of a model whose pictures have gains, those with none of their own."""
    count, world = len(trial.factual), trial.world
    levels = trial.levels(root, count)
    do = {root: levels}
    if not world.measured and features is None:
        return None

    def read(pictures: Pictures, gain: float = 1.0) -> Tensor:
        """(n, 1 + factors or features), without the rows of which something is not seen."""
        values = torch.from_numpy(np.resize(levels, (len(pictures), 1)) / trial.deviations[root])
        seen = (
            torch.from_numpy(trial.read(pictures, gain)) if world.measured or features is None else features(pictures)
        )
        found = torch.cat([values, seen.double()], dim=1)
        return found[found.isfinite().all(dim=1)]

    def rendered(rows: Array) -> Tensor:
        return read(world.render(rows, trial.size))

    reference = rendered(trial.under({root: np.tile(levels, REPEATED)}, trial.seed + 7))
    scale = torch.ones(reference.shape[1]) if world.measured else unit_variance(reference)

    def away(values: Tensor) -> float:
        return energy_distance(values / scale, reference / scale) if len(values) else float("nan")

    own = read(drawn(do), 1.0 / (1.0 + trial.gains))
    order = torch.from_numpy(np.random.default_rng([trial.seed, 67]).permutation(len(own)))
    alone = world.sample(count, trial.seed + 9)
    alone[:, world.column(root)] = levels
    truths = [away(rendered(trial.under(do, trial.seed + 11 + again))) for again in range(REPEATED)]
    return Distance(
        away(own),
        away(torch.cat([own[order, :1], own[:, 1:]], dim=1)),
        {
            "see": away(rendered(trial.seen(do))),
            "do without propagation": away(rendered(alone)),
            TRUTH: float(np.mean(truths)),
        },
    )
