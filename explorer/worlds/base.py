"""A world: procedural pictures whose factors, and what causes what among them, are known. The ground truth that
everything is measured on.

A world is a renderer over a structural causal model (:mod:`explorer.causal.model`) whose mechanisms are in closed
form. The noises of different factors are independent unless the caller correlates them (a Gaussian copula: an
unobserved common cause, the *spurious* correlation of the literature).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.causal.base import Values
from explorer.causal.interventions import Hard
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.model import Correlations, StructuralModel
from explorer.causal.noise_laws import one_of
from explorer.errors import ExplorerError
from explorer.scene.causal_graph import CausalGraph, Variable

Array = NDArray[np.float32]


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

    @property
    def variable(self) -> Variable:
        """It as a variable of a causal graph. A number's range is that of its grid, which mechanisms may leave."""
        if self.kind == "category":
            labels = self.labels or tuple(f"{value:g}" for value in self.values)
            return Variable(name=self.name, kind="category", labels=labels)
        high = self.low + self.period if self.cyclic else self.high
        return Variable(
            name=self.name, kind="cyclic" if self.cyclic else "number", low=self.low, high=high, unit=self.unit
        )


def on_grid(factor: Factor) -> ClosedForm:
    """No causes; every level of the factor's grid is equally likely."""
    return ClosedForm((), one_of(factor.values))


class World(ABC):
    """Found by :mod:`explorer.worlds.registry` as the module-level ``WORLD`` of a file in this folder."""

    name: ClassVar[str]
    title: ClassVar[str]
    sizes: ClassVar[tuple[int, ...]] = (64,)  # pictures are size x size; the first is the default
    channels: ClassVar[int] = 3
    factors: ClassVar[tuple[Factor, ...]]
    mechanisms: ClassVar[Mapping[str, ClosedForm]]  # factor's name → mechanism; one for every factor
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

    @cached_property
    def model(self) -> StructuralModel:
        """The structural causal model of its factors."""
        edges = tuple((parent, name) for name in self.names for parent in self.mechanisms[name].parents)
        graph = CausalGraph(variables=tuple(factor.variable for factor in self.factors), edges=edges)
        return StructuralModel(graph, self.mechanisms)

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
        for name in {name for pair in correlations or {} for name in pair}:
            self.column(name)
        noises = self.model.noises(n, seed, correlations)
        return np.stack([noises[name][:, 0].numpy() for name in self.names], axis=1)

    def factors_of(self, noises: NDArray[np.float64], do: Mapping[str, float] | None = None) -> Array:
        """(n, number of factors) values that the mechanisms give of ``noises``; factors in ``do`` are set instead.
        Raises :class:`ExplorerError` for a name that the world does not have."""
        return self._predicted(noises, do or {}, None)

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
        found = self.model.abduct(self.values_of(factors))
        return np.stack([found[name][:, 0].numpy() for name in self.names], axis=1)

    def counterfactual(self, factors: Array, do: Mapping[str, float]) -> Array:
        """(n, number of factors): abduction, action, prediction (Pearl 2009, theorem 7.1.7). What no change reaches
        stays as observed. Rows whose noise is not unique where it matters come out as NaN in the factors that depend
        on it."""
        return self._predicted(self.abduct(factors), do, self.values_of(factors))

    def values_of(self, factors: NDArray[np.floating]) -> Values:
        """The columns of (n, number of factors) rows, float64, as the structural model takes them."""
        columns = torch.from_numpy(np.array(factors, np.float64))
        return {name: columns[:, index] for index, name in enumerate(self.names)}

    def rows_of(self, values: Values) -> Array:
        """(n, number of factors): what :meth:`values_of` takes apart."""
        return np.stack([values[name].numpy() for name in self.names], axis=1).astype(np.float32)

    @property
    def order(self) -> tuple[str, ...]:
        """The factors, causes before effects."""
        return self.model.order

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """(cause, effect) pairs of the causal graph."""
        return self.model.graph.edges

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

    def _predicted(self, noises: NDArray[np.float64], do: Mapping[str, float], factual: Values | None) -> Array:
        for name in do:
            self.column(name)
        columns = torch.from_numpy(np.array(noises, np.float64))
        separate = {name: columns[:, index : index + 1] for index, name in enumerate(self.names)}
        acts = {name: Hard(float(value)) for name, value in do.items()}
        return self.rows_of(self.model.predict(separate, acts, factual))
