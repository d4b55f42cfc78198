"""How good a generator's samples are: their distance from data, and how much of the data's variety they reach.

Pictures are compared by what the world's attribute predictor reads from them, its features and the factors. Beside
every number stands the same of fresh data in place of the samples: what a perfect generator would get.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.checkpoint import read_card
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Progress
from explorer.metrics.base import shared
from explorer.metrics.memorisation import COUNT, copies
from explorer.numerics.distances import frechet_distance
from explorer.numerics.neighbours import precision_recall
from explorer.scene.measures import Score
from explorer.scene.model import Quality
from explorer.training.data import WorldSource
from explorer.worlds import registry as worlds
from explorer.worlds.attributes import Attributes, attributes_of, distance
from explorer.worlds.base import Factor, World

MINIMUM = 500
"""Pictures below which the covariance of the features is mostly chance."""

NEIGHBOURS = 3  # as Kynkäänniemi et al. 2019
QUANTILES = 10  # bins of a number
REACHED = 0.1  # of the data's frequency: a level that samples show less often is one they miss
DEAD = 0.01  # of the mean deviation: a feature that varies less over the data is not blown up to unit variance
SPLITS = 10  # random halves of the data, for the chance of the Fréchet distance
BATCH = 50
HEUSEL = "Heusel et al. 2017"
KYNKAANNIEMI = "Kynkäänniemi et al. 2019"

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """What the predictor reads from n pictures: the factors (n, K), and the features (n, d)."""

    values: Values
    features: Tensor

    def part(self, rows: slice | NDArray[np.int64]) -> Seen:
        """The same of some of the pictures."""
        return Seen(self.values[rows], self.features[rows])


def sample_quality(
    generator: Generator, world_name: str, n: int, seed: int = 0, progress: Progress | None = None
) -> dict[str, Score]:
    """Name → score of ``n`` samples against ``n`` pictures of the world called ``world_name``, drawn as those that the
    model's card says it was trained on; repeatable for a seed.

    ``frechet``, ``precision``, ``recall`` and ``coverage``, and of a world of real examples ``nearest_example``; of a
    generator that takes fewer steps while a slider moves the same again with the ending ``_interactive``. Raises
    :class:`ExplorerError` below :data:`MINIMUM` pictures, for a world without a predictor, and for pictures that are
    not finite.
    """
    if n < MINIMUM:
        raise ExplorerError(f"The quality of samples needs at least {MINIMUM} pictures, not {n}; raise n.")
    world, attributes = worlds.world(world_name), attributes_of(world_name, generator.device)
    ways = {"": Quality()}
    if 0 < generator.card.interactive_steps < generator.card.full_steps:
        ways["_interactive"] = Quality(steps=generator.card.interactive_steps)
    copied = bool(world.example) and generator.card.size[0] in world.sizes
    # A sample takes as long as its sampler has steps; drawing a picture of the world hardly any, hundreds of them some.
    works = [float(max(1, quality.steps or generator.card.full_steps)) + 2.0 for quality in ways.values()]
    first, *rest = shared(progress, [2.0, *(part for work in works for part in (work, 3.0 * copied))])
    data = _seen(attributes, _data(generator, world, 2 * n, seed), 2 * n, first)
    found: dict[str, Score] = {}
    for (ending, quality), drawing, copying in zip(ways.items(), rest[::2], rest[1::2], strict=True):
        samples = _seen(attributes, _samples(generator, quality, range(n * seed, n * seed + n)), n, drawing)
        steps = quality.steps or generator.card.full_steps
        taken = f" at {steps} {'step' if steps == 1 else 'steps'}" if len(ways) > 1 else ""
        scores = compare(samples, data, attributes.factors, attributes.world, taken, seed)
        if copied:
            again = torch.cat(list(_samples(generator, quality, range(n * seed, n * seed + min(n, COUNT)))))
            others = source_like(generator, world).held_out(min(n, COUNT), 2 * n * seed)
            scores["nearest_example"] = copies(world, attributes, again, others, taken, copying)
        found |= {name + ending: score for name, score in scores.items()}
    return found


def compare(
    samples: Seen, data: Seen, factors: Sequence[Factor], world: str, taken: str = "", seed: int = 0
) -> dict[str, Score]:
    """The scores of n ``samples`` against the first half of 2n ``data``; their chance is the second half in place of
    the samples. ``world`` and ``taken`` (how samples were drawn) are for the titles."""
    n = len(samples.values)
    # Otherwise the largest feature decides, and with it the chance of how often data show its factor.
    scale = unit_variance(data.features)
    samples, data = (replace(seen, features=seen.features.double() / scale) for seen in (samples, data))
    first, second = data.part(slice(0, n)), data.part(slice(n, 2 * n))
    estimator = (
        f"features of the attribute predictor of '{world}', of unit variance; {n} samples and {n} pictures; "
        "chance: data in "
    )

    source = np.random.default_rng([seed, 11])
    halves = [np.split(source.permutation(2 * n), 2) for _ in range(SPLITS)]
    null = [frechet_distance(data.features[one], data.features[other]) for one, other in halves]
    frechet, chance = frechet_distance(samples.features, first.features), float(np.mean(null))
    reached = precision_recall(samples.features, first.features, NEIGHBOURS)
    perfect = precision_recall(second.features, first.features, NEIGHBOURS)
    covered = coverage(samples.values, first.values, factors)
    covered_by_data = coverage(second.values, first.values, factors)
    found = {
        "frechet": Score(
            value=frechet,
            null=chance,
            null_high=float(np.quantile(null, 0.95)),
            title=f"Fréchet distance{taken}",
            paper=HEUSEL,
            better="lower",
            estimator=f"{estimator}{SPLITS} random halves",
            parts={"ratio to chance": frechet / chance if chance > 0 else None},
            note=f"{frechet / chance:.1f} times that of data" if chance > 0 else "",
        ),
        "coverage": Score(
            value=float(np.mean(list(covered.values()))),
            null=float(np.mean(list(covered_by_data.values()))),
            title=f"Factor coverage{taken}",
            estimator=(
                f"mean over factors of the share of levels (of numbers with more than {QUANTILES}: deciles of the "
                f"data) that are read from samples at least {REACHED:g} times as often as from data; chance: data"
            ),
            parts=dict(covered),
        ),
    }
    for name, value, level in zip(reached._fields, reached, perfect, strict=True):
        found[name] = Score(
            value=value,
            null=level,
            title=f"{name.capitalize()}{taken}",
            paper=KYNKAANNIEMI,
            estimator=f"{NEIGHBOURS} nearest neighbours, {estimator}place of the samples",
        )
    return {name: _in_group(score, n) for name, score in found.items()}


def unit_variance(features: Tensor) -> Tensor:
    """(d,) what ``features`` (n, d) are divided by to have unit variance; those that hardly vary have less."""
    deviation = features.double().std(dim=0)
    return deviation.clamp_min(DEAD * float(deviation.mean()))


def coverage(samples: Values, data: Values, factors: Sequence[Factor]) -> dict[str, float]:
    """Factor → share of the levels that occur in ``data`` (m, K) which ``samples`` (n, K) show at least
    :data:`REACHED` times as often.

    The levels are those of the factor's grid, each value counting for the nearest; of a number that has more than
    :data:`QUANTILES` and does not wrap, the intervals between that many quantiles of ``data``.
    """
    found: dict[str, float] = {}
    for column, factor in enumerate(factors):
        if factor.kind == "number" and not factor.cyclic and len(factor.values) > QUANTILES:
            edges = np.quantile(data[:, column], np.arange(1, QUANTILES) / QUANTILES)
            there, here = (np.searchsorted(edges, values[:, column], side="right") for values in (data, samples))
        else:
            there, here = (_nearest(factor, values[:, column]) for values in (data, samples))
        count = max(QUANTILES, len(factor.values))
        expected = np.bincount(there, minlength=count) / len(data)
        shown = np.bincount(here, minlength=count) / len(samples)
        found[factor.name] = float((shown >= REACHED * expected)[expected > 0].mean())
    return found


def _nearest(factor: Factor, values: NDArray[np.float32]) -> NDArray[np.int64]:
    levels = np.asarray(factor.values)
    away = np.abs(values[:, None] - levels) if factor.kind == "category" else distance(factor, values[:, None], levels)
    return np.asarray(away.argmin(axis=1), np.int64)


def source_like(generator: Generator, world: World) -> WorldSource:
    """Pictures of ``world`` at the generator's size, where the world draws it, and with independent factors where the
    model's card says that it was trained on such."""
    size, recipe = generator.card.size[0], read_card(Path(generator.card.path)).get("recipe")
    uniform = isinstance(recipe, dict) and recipe.get("data") == world.name and recipe.get("uniform") is True
    return WorldSource(world, size if size in world.sizes else None, uniform)


def _data(generator: Generator, world: World, n: int, seed: int) -> Iterator[Tensor]:
    """Held-out pictures."""
    source = source_like(generator, world)
    for start in range(0, n, BATCH):
        yield source.held_out(min(BATCH, n - start), n * seed + start).images


def _samples(generator: Generator, quality: Quality, seeds: range) -> Iterator[Tensor]:
    """Pictures of ``seeds``."""
    for start in range(0, len(seeds), BATCH):
        chosen = [seed % 2**32 for seed in seeds[start : start + BATCH]]
        pictures = generator.render(generator.sample(chosen), quality)
        if not bool(torch.isfinite(pictures).all()):
            raise ExplorerError(f"'{generator.card.name}' draws pictures that are not finite; they cannot be measured.")
        yield pictures


def _seen(attributes: Attributes, pictures: Iterator[Tensor], n: int, progress: Progress) -> Seen:
    """What is read from ``n`` pictures."""
    values, features = [], []
    for part in pictures:
        read = attributes.both(_channels(attributes, part))
        values.append(read[0])
        features.append(read[1])
        progress(sum(map(len, values)) / n)
    return Seen(np.concatenate(values), torch.cat(features))


def _channels(attributes: Attributes, pictures: Tensor) -> Tensor:
    """Grey where the predictor reads grey pictures."""
    return pictures.mean(dim=1, keepdim=True) if attributes.channels == 1 else pictures


def _in_group(score: Score, n: int) -> Score:
    return msgspec.structs.replace(score, group="quality", null_name="data", n=n)
