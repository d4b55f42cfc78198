"""What a latent space tells of attributes, to the first order: where the search for a point with others begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from explorer.scene.causal_graph import Variable

LEAST_RADIUS = 1e-3
"""Where what is held lies as far out as points are, or farther."""


@dataclass(frozen=True, eq=False)
class AttributeMap:
    """``mean`` (d,) and ``axes`` (r, d), orthogonal rows, are those of the points of a space: coordinates w of a point
    are of mean 0 and variance 1, and hardly any is farther from 0 than ``radius``. ``slopes`` (m, r) and ``constants``
    (m,) tell by w of a number itself, of a cyclic variable its cosine and sine, of one with levels how much each stands
    out. ``scales`` (V,): what counts as one in the unit of a variable, its standard deviation, of a cyclic one a
    radian.
    """

    variables: tuple[Variable, ...]
    mean: Tensor
    axes: Tensor
    slopes: Tensor
    constants: Tensor
    scales: Tensor
    radius: float

    def __post_init__(self) -> None:
        """Raises ValueError for shapes that do not fit one another, and for numbers that mean nothing."""
        rows = sum(map(_rows_of, self.variables))
        width, count = self.mean.shape[0] if self.mean.ndim == 1 else 0, len(self.variables)
        if self.axes.ndim != 2 or self.axes.shape[1] != width or self.slopes.shape != (rows, self.axes.shape[0]):
            raise ValueError(f"axes of shape {tuple(self.axes.shape)} and slopes of shape {tuple(self.slopes.shape)}")
        if self.constants.shape != (rows,) or self.scales.shape != (count,):
            raise ValueError("constants or scales of another number")
        if not bool((self.scales > 0).all()) or not bool((self._squares > 0).all()) or not self.radius > 0:
            raise ValueError("a scale, an axis or a radius of nothing")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(variable.name for variable in self.variables)

    def coordinates(self, points: Tensor) -> Tensor:
        """(n, r) of ``points`` (n, d)."""
        return (points.double() - self.mean) @ (self.axes / self._squares[:, None]).T

    def told(self, coordinates: Tensor) -> Tensor:
        """(n, V) the values that it tells of ``coordinates`` (n, r)."""
        rows = coordinates @ self.slopes.T + self.constants
        columns = []
        for variable, part in zip(self.variables, self._parts, strict=True):
            if variable.levels:
                columns.append(rows[:, part].argmax(dim=1).double())
            elif variable.period:
                cosine, sine = rows[:, part].unbind(dim=1)
                low = float(variable.low or 0.0)
                columns.append(low + torch.atan2(sine, cosine).remainder(2 * math.pi) / math.tau * variable.period)
            else:
                columns.append(rows[:, part][:, 0])
        return torch.stack(columns, dim=1)

    def jacobian(self, values: Tensor) -> Tensor:
        """(V, r) of the values over their scales, where they are ``values`` (V,); 0 for variables with levels."""
        rows = []
        for index, (variable, part) in enumerate(zip(self.variables, self._parts, strict=True)):
            if variable.levels:
                rows.append(torch.zeros(self.slopes.shape[1], dtype=self.slopes.dtype))
            elif variable.period:
                angle = (values[index] - float(variable.low or 0.0)) / variable.period * math.tau
                cosine, sine = self.slopes[part]
                rows.append(torch.cos(angle) * sine - torch.sin(angle) * cosine)
            else:
                rows.append(self.slopes[part][0] / self.scales[index])
        return torch.stack(rows)

    def differences(self, values: Tensor, others: Tensor) -> Tensor:
        """(…, V) ``values`` less ``others`` (…, V) over their scales, of cyclic ones the shorter way round; of those
        with levels 0 where they are equal, else 1."""
        columns = []
        for index, variable in enumerate(self.variables):
            away = values[..., index] - others[..., index]
            if variable.levels:
                columns.append((away != 0).double())
            else:
                columns.append(shorter(variable, away) / self.scales[index])
        return torch.stack(columns, dim=-1)

    def within(self, ways: Tensor, held: Tensor) -> Self:
        """What it tells along the orthonormal ``ways`` (r', r) alone, of points whose coordinates in all others are
        ``held`` (r,): its coordinates are those along ``ways``."""
        left = self.radius**2 - float(held.square().sum())
        return replace(
            self,
            axes=ways @ self.axes,
            slopes=self.slopes @ ways.T,
            constants=self.constants + self.slopes @ held,
            radius=math.sqrt(max(left, LEAST_RADIUS**2)),
        )

    def scores(self, index: int, coordinates: Tensor) -> Tensor:
        """(levels,) how much each level of a variable stands out at ``coordinates`` (r,)."""
        part = self._parts[index]
        return self.slopes[part] @ coordinates + self.constants[part]

    def score_slopes(self, index: int) -> Tensor:
        """(levels, r) of :meth:`scores`."""
        return self.slopes[self._parts[index]]

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        names = ("mean", "axes", "slopes", "constants", "scales")
        return {name: getattr(self, name).float() for name in names} | {"radius": torch.tensor([self.radius])}

    @classmethod
    def restore(cls, variables: tuple[Variable, ...], tensors: Mapping[str, Tensor]) -> Self:
        """What :meth:`tensors` gave, of ``variables``. Raises KeyError for what is missing, ValueError for what is
        wrong."""
        if not all(tensor.is_floating_point() for tensor in tensors.values()):
            raise ValueError("tensors that are not numbers with a point")
        # From the same bits, whether it comes from a file or not.
        given = {name: tensors[name].float().double() for name in ("mean", "axes", "slopes", "constants", "scales")}
        if tensors["radius"].shape != (1,):
            raise ValueError("several radii")
        return cls(variables, **given, radius=float(tensors["radius"].float()))

    @cached_property
    def _squares(self) -> Tensor:
        return self.axes.square().sum(dim=1)

    @cached_property
    def _parts(self) -> tuple[slice, ...]:
        parts, begin = [], 0
        for variable in self.variables:
            parts.append(slice(begin, begin + _rows_of(variable)))
            begin = parts[-1].stop
        return tuple(parts)


def shorter(variable: Variable, away: Tensor) -> Tensor:
    """``away`` (…), a difference of values of ``variable``; of a cyclic one the shorter way round."""
    if not variable.period:
        return away
    return (away + variable.period / 2).remainder(variable.period) - variable.period / 2


def _rows_of(variable: Variable) -> int:
    return variable.levels or (2 if variable.period else 1)
