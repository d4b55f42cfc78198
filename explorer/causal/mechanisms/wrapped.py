"""A cyclic variable: any direction that is a function of the causes, learned, plus noise round the circle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.encoding import number
from explorer.causal.learning import LEAST_DEVIATION, Lesson, Rows, Widths, begin_with_line, minimise, observed_knots
from explorer.causal.noise_laws import NoiseLaw, cut_normal, equal_shares
from explorer.causal.predictor import Predictor
from explorer.causal.residual import ResidualNoise
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

WIDEST = 10.0
"""The deviation, in periods, from which on a normal distribution cut to one period is even."""


@dataclass(frozen=True, eq=False)
class WrappedNoise(ResidualNoise):
    """x = low + (direction(causes) + u) mod period, u within half a period of 0, so that it is unique: normal of this
    ``deviation`` without what lies beyond, or as the residuals were (``knots`` (K,)). Two outputs of ``function`` are
    the cosine and the sine of the direction. Raises ValueError for what does not belong together.
    """

    kind: ClassVar[str] = "wrapped"
    title: ClassVar[str] = "wrapped noise"
    has_normal_noise: ClassVar[bool] = False

    parents: tuple[str, ...]
    function: Predictor
    low: float
    period: float
    deviation: float
    knots: Tensor | None = None

    def __post_init__(self) -> None:
        if self.function.outputs != 2:
            raise ValueError(f"a function of {self.function.outputs} outputs")
        if not 0 < self.period < math.inf:
            raise ValueError(f"a period of {self.period}")
        self.check_noise()
        if self.knots is not None and float(self.knots.abs().max()) >= self.period / 2:
            raise ValueError("knots beyond half a period")

    @cached_property
    def law(self) -> NoiseLaw:
        """How the noise is distributed."""
        if self.knots is None:
            return _cut(self.deviation, self.period)
        return equal_shares(self.knots, (-self.period / 2, self.period / 2))

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        return self.low + _wrapped(self._direction(parents) + noise[:, 0], self.period)

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        return _centred(value - self.low - self._direction(parents), self.period)[:, None]

    def parameters(self) -> dict[str, Scalar]:
        own = {"low": self.low, "period": self.period, "deviation": self.deviation}
        return {**self.function.parameters(), **own}

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        function = Predictor.restore(len(parents), 2, tensors, parameters)
        low, period, deviation = (number(parameters, name) for name in ("low", "period", "deviation"))
        return cls(parents, function, low, period, deviation, tensors.get("knots"))

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        if variable.kind == "cyclic":
            return ""
        return f"'{variable.name}' is not cyclic, so {cls.title} cannot describe it; choose another kind."

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        return Predictor.size(encoded, 2, widths) + 1

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        low, period = lesson.variable.low or 0.0, lesson.variable.period
        function = lesson.predictor(2)

        def around(rows: Rows) -> Tensor:
            angle = (rows.values - low) * (2 * math.pi / period)
            return torch.stack([angle.cos(), angle.sin()], dim=1)

        begin_with_line(function, lesson.rows.parents, around(lesson.rows))
        if function.hidden:
            # The direction of the mean of the unit vectors is the mean direction.
            minimise(lesson, function.leaves, lambda rows: (function(rows.parents) - around(rows)).square().mean())
        bare = cls(lesson.parents, function.scaled(1.0, 0.0), low, period, period)
        learned, checked = (bare.abduct(rows.parents, rows.values)[:, 0] for rows in (lesson.rows, lesson.checked))
        deviation = _likeliest(torch.cat([learned, checked]), period)
        knots = observed_knots(learned, checked, _cut(deviation, period), period, (-period / 2, period / 2))
        return cls(lesson.parents, bare.function, low, period, deviation, knots)

    def _direction(self, parents: Tensor) -> Tensor:
        """(B,) within half a period of 0."""
        cosine, sine = self.function(parents).unbind(dim=1)
        return torch.atan2(sine, cosine) * (self.period / (2 * math.pi))


def _cut(deviation: float, period: float) -> NoiseLaw:
    return cut_normal(deviation, cut=period / (2 * deviation))


def _likeliest(residuals: Tensor, period: float) -> float:
    """The deviation of the cut normal distribution under which ``residuals`` (n,) are most likely, within 2 %."""
    square = float(residuals.square().mean())
    tried = torch.logspace(math.log10(LEAST_DEVIATION), math.log10(WIDEST), 900, dtype=torch.float64) * period
    inside = torch.special.erf(period / (tried * (2 * math.sqrt(2))))
    return float(tried[(square / (2 * tried**2) + (tried * inside).log()).argmin()])


def _wrapped(number: Tensor, period: float) -> Tensor:
    """In [0, period), also where the remainder of a little below 0 is rounded up to the period itself."""
    rest = torch.remainder(number, period)
    return torch.where(rest >= period, rest - period, rest)


def _centred(number: Tensor, period: float) -> Tensor:
    """In [-period / 2, period / 2)."""
    return _wrapped(number + period / 2, period) - period / 2


MECHANISM = WrappedNoise
