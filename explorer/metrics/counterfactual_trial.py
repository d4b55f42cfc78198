"""Rows of a world, what is done to them and what becomes of them in truth; what others draw of that, and how far off it
is. What counterfactuals are measured on: :mod:`explorer.metrics.counterfactuals`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.causal.base import Noises
from explorer.causal.interventions import Hard, Interventions
from explorer.errors import ExplorerError
from explorer.numerics.distances import decibels
from explorer.worlds.base import Array, World

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]
Do = Mapping[str, Floats]
"""Factor → the value (n,) that it is set to in each row."""

RESAMPLES = 1000  # of rows, for intervals
LEAF_DEVIATIONS = 2.0
SEEN_AMONG = 5000  # rows, of which the one with the nearest value is what "see" shows


@dataclass(frozen=True)
class Errors:
    """Of n counterfactual pictures: ``factors`` name → root mean square error in standard deviations, ``intervals``
    their 95 % intervals over rows (1,000 resamples), ``mse`` of pictures in [0, 1], ``unread`` the share of readings
    that failed, which count in no error; NaN where all of a factor failed. ``chance`` and ``chance_mse``: the same of
    each picture against the truth of every row."""

    factors: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    mse: float
    unread: float
    chance: Mapping[str, float]
    chance_mse: float

    @property
    def psnr(self) -> float:
        """Of the mean squared error, in decibels; infinite where there is none."""
        return decibels(self.mse)


def squared_error(pictures: Pictures, others: Pictures) -> float:
    """The mean squared difference of two arrays of pictures, in [0, 1]."""
    return float(np.mean(((pictures.astype(np.float32) - others.astype(np.float32)) / 255.0) ** 2))


def permuted_error(values: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]) -> float:
    """The mean squared difference of ``values`` (n, …) and ``others`` (m, …) over all pairs of their rows, which is the
    mean over all ways to permute them against each other, each row on itself included: (mean - mean)² + the variances.
    NaN of none."""
    if not len(values) or not len(others):
        return float("nan")
    gap = values.mean(axis=0, dtype=np.float64) - others.mean(axis=0, dtype=np.float64)
    spread = values.var(axis=0, dtype=np.float64) + others.var(axis=0, dtype=np.float64)
    return float((gap**2 + spread).mean())


def permuted_decibels(pictures: Pictures, others: Pictures) -> float:
    """What :func:`decibels` of :func:`squared_error` is by chance: :func:`permuted_error` of the pictures."""
    return decibels(permuted_error(pictures.astype(np.float32) / 255.0, others.astype(np.float32) / 255.0))


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
        self.gains = gains
        self._gains = _gains(gains, rows, world.channels, seed)
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

    def baselines(self, do: Do, true: Array) -> dict[str, Pictures]:
        """Pictures, drawn by the world, of the rows that happen to have the values of ``do``; of do() without
        propagation; and of what the ``true`` rows would be with the noise of all effects at its median."""
        alone = self.factual.copy()
        for name in do:
            alone[:, self.world.column(name)] = true[:, self.world.column(name)]
        return {
            "see": self.drawn(self.seen(do)),
            "do without propagation": self.drawn(alone),
            "propagate with noise 0": self.drawn(self.without_noise(do)),
        }

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
        read, aim = self.read(pictures, self._gains[: len(pictures)]), self.standardised(true)
        factors, intervals, chance = {}, {}, {}
        for name, values, others in zip(self.world.measured, read.T, aim.T, strict=True):
            seen = np.isfinite(values)
            factors[name], intervals[name] = _root_mean((values - others)[seen] ** 2, self.seed)
            chance[name] = float(np.sqrt(permuted_error(values[seen], others)))
        return Errors(
            factors,
            intervals,
            squared_error(pictures, true_pictures),
            float(np.isnan(read).mean()) if read.size else 0.0,
            chance,
            permuted_error(pictures.astype(np.float32) / 255.0, true_pictures.astype(np.float32) / 255.0),
        )

    def read(self, pictures: Pictures, gains: NDArray[np.float32] | float) -> Floats:
        """(n, measured factors) in standard deviations, of pictures that are taken to have these ``gains``; NaN where
        a picture does not show it."""
        plain = np.clip(pictures / gains + 0.5, 0, 255).astype(np.uint8)
        return self.standardised(self.world.measure(plain))

    def standardised(self, rows: Array) -> Floats:
        """(n, measured factors) of rows (n, factors) of the world, in standard deviations."""
        names = self.world.measured
        scale = np.array([self.deviations[name] for name in names])
        return np.asarray(rows[:, [self.world.column(name) for name in names]].astype(np.float64) / scale)

    def under(self, do: Do, seed: int) -> Array:
        """Rows (n, factors) of the world under ``do``, of noises of their own."""
        count = len(next(iter(do.values())))
        acts: Interventions = {name: Hard(torch.from_numpy(value)) for name, value in do.items()}
        return self.world.rows_of(self.world.model.predict(self.world.model.noises(count, seed), acts))

    def others(self, count: int, seed: int) -> tuple[Array, Pictures]:
        """``count`` rows of the world as it brings them about, and pictures of them with gains of their own."""
        rows = self.world.sample(count, seed)
        drawn = self.world.render(rows, self.size) * _gains(self.gains, count, self.world.channels, seed)
        return rows, (drawn + 0.5).astype(np.uint8)

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


def _gains(gains: float, count: int, channels: int, seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng([seed, 41]).random((count, 1, 1, channels))
    return np.asarray((1.0 + gains * (2.0 * drawn - 1.0)) / (1.0 + gains), np.float32)


def _root_mean(squares: Floats, seed: int) -> tuple[float, tuple[float, float]]:
    """The root of the mean of ``squares`` (n,), and its 95 % interval over rows; NaN of none."""
    if not len(squares):
        return float("nan"), (float("nan"), float("nan"))
    chosen = np.random.default_rng([seed, 47]).integers(len(squares), size=(RESAMPLES, len(squares)))
    low, high = np.quantile(np.sqrt(squares[chosen].mean(axis=1)), (0.025, 0.975))
    return float(np.sqrt(squares.mean())), (float(low), float(high))
