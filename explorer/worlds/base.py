"""A world: procedural pictures whose factors, and what causes what among them, are known. The ground truth that
everything is measured on.

A world is a structural causal model with a renderer. Every factor has a mechanism x = assign(parents, noise) whose
noise is a quantile function of a uniform number in (0, 1); the uniform numbers of different factors are independent
unless the caller correlates them (a Gaussian copula: an unobserved common cause, the *spurious* correlation of the
literature).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from explorer.errors import ExplorerError

Array = NDArray[np.float32]
Correlations = Mapping[tuple[str, str], float]
"""(factor, factor) → correlation in [-1, 1] of the normal scores of their noises."""


@dataclass(frozen=True)
class Factor:
    """One ground-truth variable.

    ``values`` are the levels of its grid (ascending); a ``number`` may also lie between them, a ``category`` may not.
    ``cyclic``: the last level is next to the first, one step on (hues); ``labels`` name a category's levels.
    """

    name: str
    values: tuple[float, ...]
    cyclic: bool = False
    kind: Literal["number", "category"] = "number"
    unit: str = ""
    labels: tuple[str, ...] = ()

    @property
    def low(self) -> float:
        """The smallest level."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The largest level."""
        return self.values[-1]

    @property
    def period(self) -> float:
        """After how much a cyclic factor repeats: the range and one step more."""
        return (self.high - self.low) * len(self.values) / (len(self.values) - 1)


@dataclass(frozen=True)
class Mechanism:
    """x = assign(parents, noise), vectorised over rows.

    ``assign`` takes the parents' values (n, parents) in the order of ``parents`` and the noise (n,); ``quantile``
    turns uniform numbers (n,) in (0, 1) into the noise; ``abduct`` takes the parents' values and x and returns the
    noise that gave it, NaN where more than one could have (None: nowhere unique). The default is exogenous: the noise
    is the value.
    """

    parents: tuple[str, ...]
    quantile: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    assign: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]] = lambda parents, noise: noise
    abduct: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]] | None = lambda parents, value: (
        value
    )


def on_grid(factor: Factor) -> Mechanism:
    """No causes; every level of the factor's grid is equally likely."""
    levels = np.asarray(factor.values)
    return Mechanism((), lambda u: levels[np.minimum((u * len(levels)).astype(np.int64), len(levels) - 1)])


def normal_noise(deviation: float, mean: float = 0.0) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The quantile function of a normal distribution cut at three standard deviations, so that ranges stay finite."""
    cut = float(ndtr(-3.0))
    return lambda u: mean + deviation * ndtri(cut + u * (1.0 - 2.0 * cut))


class World(ABC):
    """Found by :mod:`explorer.worlds.registry` as the module-level ``WORLD`` of a file in this folder."""

    name: ClassVar[str]
    title: ClassVar[str]
    sizes: ClassVar[tuple[int, ...]] = (64,)  # pictures are size x size; the first is the default
    channels: ClassVar[int] = 3
    factors: ClassVar[tuple[Factor, ...]]
    mechanisms: ClassVar[Mapping[str, Mechanism]]  # factor's name → mechanism; one for every factor
    unseen: ClassVar[tuple[str, ...]] = ()  # causes that a picture shows through their effects alone
    measured: ClassVar[tuple[str, ...]] = ()  # the factors that :meth:`measure` reads from pixels in closed form
    example: ClassVar[str] = ""  # the factor, if any, that names one of finitely many things that people made

    @property
    def size(self) -> int:
        """Pixels a side, unless :meth:`render` is asked for another."""
        return self.sizes[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The factors' names, in the order of the columns."""
        return tuple(factor.name for factor in self.factors)

    @abstractmethod
    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, size, size, channels) pictures, 0..255, of (n, number of factors) values; numbers may lie between the
        grid's levels. Any row is drawn as it stands, also one that no mechanism would give. Raises ValueError for rows
        that :meth:`checked` refuses."""

    def measure(self, pictures: NDArray[np.uint8]) -> Array:
        """(n, number of factors) of (n, size, size, channels) pictures: the factors in ``measured`` in closed form, NaN
        where the picture does not show one, and NaN for all other factors."""
        return np.full((len(pictures), len(self.factors)), np.nan, np.float32)

    def shown(self, factors: Array) -> Array:
        """(n, number of factors) values as a picture tells them: of several that draw the same picture, the least."""
        return factors

    def noises(self, n: int, seed: int, correlations: Correlations | None = None) -> NDArray[np.float64]:
        """(n, number of factors) exogenous noise, repeatable for a seed. Raises :class:`ExplorerError` for unknown
        names, or for correlations that no joint distribution has."""
        normal = np.random.default_rng(seed).standard_normal((n, len(self.factors)))
        if correlations:
            normal = normal @ self._mixing(correlations).T
        uniform = np.clip(ndtr(normal), 1e-12, 1 - 1e-12)
        columns = [self.mechanisms[name].quantile(uniform[:, i]) for i, name in enumerate(self.names)]
        return np.stack(columns, axis=1).astype(np.float64)

    def factors_of(self, noises: NDArray[np.float64], do: Mapping[str, float] | None = None) -> Array:
        """(n, number of factors) values that the mechanisms give of ``noises``; factors in ``do`` are set instead.
        Raises :class:`ExplorerError` for a name that the world does not have."""
        return self._predicted(noises, do or {})

    def sample(self, n: int, seed: int, correlations: Correlations | None = None) -> Array:
        """(n, number of factors) values of the observational distribution; repeatable for a seed."""
        return self.factors_of(self.noises(n, seed, correlations))

    def independent(self, n: int, seed: int) -> Array:
        """(n, number of factors) values drawn independently and uniformly from the grid: what disentanglement is
        measured on."""
        source = np.random.default_rng(seed)
        columns = [np.asarray(f.values, np.float32)[source.integers(len(f.values), size=n)] for f in self.factors]
        return np.stack(columns, axis=1)

    def levels_of(self, factors: Array) -> NDArray[np.int64]:
        """(n, number of factors) index of the nearest level of each factor's grid."""
        found = np.empty(factors.shape, np.int64)
        for column, factor in enumerate(self.factors):
            away = np.abs(factors[:, column, None] - np.asarray(factor.values)[None])
            if factor.cyclic:
                away = np.minimum(away % factor.period, -away % factor.period)
            found[:, column] = away.argmin(axis=1)
        return found

    def abduct(self, factors: Array) -> NDArray[np.float64]:
        """(n, number of factors) noise of observed rows (Pearl's first step); NaN where it is not unique."""
        rows = np.asarray(factors, np.float64)
        noises = np.full(rows.shape, np.nan)
        for name in self.names:
            mechanism = self.mechanisms[name]
            if mechanism.abduct is not None:
                parents = rows[:, [self.column(parent) for parent in mechanism.parents]]
                noises[:, self.column(name)] = mechanism.abduct(parents, rows[:, self.column(name)])
        return noises

    def counterfactual(self, factors: Array, do: Mapping[str, float]) -> Array:
        """(n, number of factors): abduction, action, prediction (Pearl 2009, theorem 7.1.7). What no change reaches
        stays as observed. Rows whose noise is not unique where it matters come out as NaN in the factors that depend
        on it."""
        return self._predicted(self.abduct(factors), do, np.asarray(factors, np.float64))

    @property
    def order(self) -> tuple[str, ...]:
        """The factors, causes before effects."""
        done: list[str] = []
        while len(done) < len(self.factors):
            ready = [n for n in self.names if n not in done and set(self.mechanisms[n].parents) <= set(done)]
            assert ready, f"the graph of '{self.name}' has a cycle"
            done += ready
        return tuple(done)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """(cause, effect) pairs of the causal graph."""
        return tuple((parent, name) for name in self.names for parent in self.mechanisms[name].parents)

    def column(self, name: str) -> int:
        """The factor's column. Raises :class:`ExplorerError` naming those there are."""
        if name not in self.names:
            raise ExplorerError(f"The world '{self.name}' has no factor '{name}'; it has {', '.join(self.names)}.")
        return self.names.index(name)

    def with_values(self, base: Array, values: Mapping[str, float]) -> Array:
        """``base`` (n, factors) with the named factors set and nothing else. Raises :class:`ExplorerError` for a name
        that the world does not have."""
        rows = np.array(base, np.float32)
        for name, value in values.items():
            rows[:, self.column(name)] = value
        return rows

    def checked(self, factors: Array, size: int | None = None) -> tuple[Array, int]:
        """The rows as float32 and the size to draw at. Raises ValueError for the wrong shape, for numbers that are not
        finite, for a category without such a level, and for a size that the world does not draw."""
        rows = np.asarray(factors, np.float32)
        if rows.ndim != 2 or rows.shape[1] != len(self.factors) or not np.isfinite(rows).all():
            raise ValueError(f"{self.name} takes finite values of shape (n, {len(self.factors)}), got {rows.shape}")
        for column, factor in enumerate(self.factors):
            if factor.kind == "category" and not np.isin(np.rint(rows[:, column]), factor.values).all():
                raise ValueError(f"{factor.name} of {self.name} is one of {factor.values}")
        if size is not None and size not in self.sizes:
            raise ValueError(f"{self.name} draws {', '.join(map(str, self.sizes))} pixels, not {size}")
        return rows, size or self.size

    def _predicted(
        self, noises: NDArray[np.float64], do: Mapping[str, float], observed: NDArray[np.float64] | None = None
    ) -> Array:
        """Values of ``noises``, causes first. A factor whose causes all have their ``observed`` values keeps its own:
        its noise, unique or not, did give it."""
        for name in do:
            self.column(name)
        values = np.full(noises.shape, np.nan)
        for name in self.order:
            mechanism, column = self.mechanisms[name], self.column(name)
            if name in do:
                values[:, column] = do[name]
                continue
            causes = [self.column(parent) for parent in mechanism.parents]
            parents, noise = values[:, causes], noises[:, column]
            known = ~(np.isnan(noise) | np.isnan(parents).any(axis=1))
            values[known, column] = mechanism.assign(parents[known], noise[known])
            if observed is not None:
                same = (parents == observed[:, causes]).all(axis=1)
                values[same, column] = observed[same, column]
        return values.astype(np.float32)

    def _mixing(self, correlations: Correlations) -> NDArray[np.float64]:
        matrix = np.eye(len(self.factors))
        for (first, second), value in correlations.items():
            i, j = self.column(first), self.column(second)
            if i == j or not -1.0 <= value <= 1.0:
                raise ExplorerError(f"A correlation is between two factors and in -1..1, not {first}~{second}={value}.")
            matrix[i, j] = matrix[j, i] = value
        values, vectors = np.linalg.eigh(matrix)
        if values.min() < -1e-9:
            raise ExplorerError("No joint distribution has these correlations together; make them weaker.")
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
