"""Causes as a network takes them: numbers standardised, cyclic ones as cosine and sine, levels one-hot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar


@dataclass(frozen=True)
class Column:
    """How one cause is encoded. ``levels`` > 0: one-hot; ``period`` > 0: cosine and sine of the angle from ``centre``;
    else (value - centre) / scale."""

    centre: float = 0.0
    scale: float = 1.0
    period: float = 0.0
    levels: int = 0

    def __post_init__(self) -> None:
        numbers = (self.centre, self.scale, self.period)
        if not all(math.isfinite(number) for number in numbers) or self.scale <= 0 or self.period < 0:
            raise ValueError(f"a cause encoded with centre {self.centre}, scale {self.scale}, period {self.period}")
        if self.levels < 0:
            raise ValueError(f"a cause with {self.levels} levels")

    @property
    def width(self) -> int:
        """How many numbers it becomes."""
        return self.levels or (2 if self.period else 1)

    def __call__(self, values: Tensor) -> Tensor:
        """(B, width) of the values (B,); NaN where they are."""
        if self.levels:
            levels = torch.arange(self.levels, dtype=values.dtype, device=values.device)
            return (values[:, None] == levels).to(values.dtype) + (values * 0)[:, None]
        if self.period:
            angle = (values - self.centre) * (2 * math.pi / self.period)
            return torch.stack([angle.cos(), angle.sin()], dim=1)
        return ((values - self.centre) / self.scale)[:, None]


@dataclass(frozen=True)
class Encoding:
    """One :class:`Column` a cause, in the order of the causes."""

    columns: tuple[Column, ...]

    @classmethod
    def plain(cls, variables: Sequence[Variable]) -> Self:
        """Numbers, and the 0 and 1 of binary causes, as they are: what a slope per unit is a slope of."""
        return cls(tuple(_column(variable, 0.0, 1.0) for variable in variables))

    @classmethod
    def standardised(cls, variables: Sequence[Variable], rows: Tensor) -> Self:
        """Numbers less their mean and over their standard deviation in ``rows`` (B, P)."""
        if not variables:
            return cls(())
        means, deviations = rows.mean(dim=0).tolist(), rows.std(dim=0).tolist()
        return cls(tuple(_column(*each) for each in zip(variables, means, deviations, strict=True)))

    @property
    def width(self) -> int:
        """E: how many numbers the causes become."""
        return sum(column.width for column in self.columns)

    @cached_property
    def is_affine(self) -> bool:
        """Whether every cause is one number, (value - centre) / scale."""
        return all(column.width == 1 for column in self.columns)

    @cached_property
    def is_identity(self) -> bool:
        """Whether the causes stay as they are."""
        return self.is_affine and all((one.centre, one.scale) == (0.0, 1.0) for one in self.columns)

    @cached_property
    def _affine(self) -> tuple[Tensor, Tensor]:
        """(P,) what is added after (P,) what is multiplied by, where all is affine."""
        slopes = torch.tensor([1 / column.scale for column in self.columns], dtype=torch.float64)
        centres = torch.tensor([column.centre for column in self.columns], dtype=torch.float64)
        return -centres * slopes, slopes

    def __call__(self, parents: Tensor) -> Tensor:
        """(B, E) of the causes ``parents`` (B, P), in their dtype; NaN where they are."""
        if self.is_identity:
            return parents
        if self.is_affine:
            shifts, slopes = self._affine
            return torch.addcmul(shifts.to(parents), parents, slopes.to(parents))
        parts = [column(values) for column, values in zip(self.columns, parents.unbind(dim=1), strict=True)]
        return torch.cat(parts, dim=1)

    def parameters(self) -> dict[str, Scalar]:
        """What a file keeps of it."""
        described: dict[str, Scalar] = {}
        for index, column in enumerate(self.columns):
            fields = {"centre": column.centre, "scale": column.scale, "period": column.period, "levels": column.levels}
            described |= {f"cause.{index}.{name}": value for name, value in fields.items()}
        return described

    @classmethod
    def restore(cls, count: int, parameters: Mapping[str, Scalar]) -> Self:
        """The encoding of ``count`` causes that :meth:`parameters` described. Raises KeyError for what is missing,
        ValueError for what is wrong."""
        columns = []
        for index in range(count):
            centre, scale, period = (
                number(parameters, f"cause.{index}.{name}") for name in ("centre", "scale", "period")
            )
            columns.append(Column(centre, scale, period, whole(parameters, f"cause.{index}.levels")))
        return cls(tuple(columns))


def number(parameters: Mapping[str, Scalar], name: str) -> float:
    """The finite number that a file keeps as ``name``. Raises KeyError or ValueError."""
    value = parameters[name]
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        raise ValueError(f"{value!r} as '{name}' where a number belongs")
    return float(value)


def whole(parameters: Mapping[str, Scalar], name: str, least: int = 0, most: int = 4096) -> int:
    """The whole number in ``least`` .. ``most`` that a file keeps as ``name``. Raises KeyError or ValueError."""
    value = parameters[name]
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} as '{name}' where a whole number from {least} to {most} belongs")
    return value


def _column(variable: Variable, centre: float, scale: float) -> Column:
    if variable.kind == "category":
        return Column(levels=variable.levels)
    if variable.kind == "cyclic":
        return Column(centre=variable.low or 0.0, period=variable.period)
    if variable.kind == "binary":
        return Column()
    return Column(centre, scale)
