"""Additive noise cut off at a floor, a ceiling, or both: x = clamp(f(causes) + s·u), as a shadow has a least length.

Rows on an end say only that the sum lay beyond it (Tobin 1958): a fit that takes the end for the sum itself is biased,
and their noise is not unique.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.encoding import number
from explorer.causal.learning import LEAST_DEVIATION, Lesson, Rows, Widths, begin_with_line, minimise
from explorer.causal.mechanisms.additive import not_a_number
from explorer.causal.noise_laws import STANDARD_NORMAL, normal_below
from explorer.causal.predictor import Predictor
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

LEAST_SHARE, LEAST_ROWS = 0.01, 10
LEAST_TIMES = 5
"""From so many rows on at the least or the greatest value, and so many times as at any other, that is an end."""


@dataclass(frozen=True, eq=False)
class Floored:
    """x = clamp(function(causes) + deviation · u, ``floor``, ``ceiling``), u standard normal; None: no such end.
    Raises ValueError for what does not belong together."""

    kind: ClassVar[str] = "floored"
    title: ClassVar[str] = "noise with a floor or a ceiling"
    noise_width: ClassVar[int] = 1
    has_normal_noise: ClassVar[bool] = True
    invertible: ClassVar[bool] = False

    parents: tuple[str, ...]
    function: Predictor
    deviation: float
    floor: float | None = None
    ceiling: float | None = None

    def __post_init__(self) -> None:
        if self.function.outputs != 1:
            raise ValueError(f"a function of {self.function.outputs} outputs")
        if not 0 < self.deviation < math.inf:
            raise ValueError(f"a deviation of {self.deviation}")
        if not self._low < self._high:
            raise ValueError(f"a floor of {self.floor} and a ceiling of {self.ceiling}")

    @property
    def _low(self) -> float:
        return -math.inf if self.floor is None else self.floor

    @property
    def _high(self) -> float:
        return math.inf if self.ceiling is None else self.ceiling

    def noise(self, uniform: Tensor) -> Tensor:
        return STANDARD_NORMAL.quantile(uniform)

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        free = torch.add(self.function(parents), noise, alpha=self.deviation)[:, 0]
        return free.clamp(self._low, self._high)

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        score = (value[:, None] - self.function(parents)) / self.deviation
        inside = (value > self._low) & (value < self._high)
        return torch.where(inside[:, None], score, torch.nan)

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        mean = self.function(parents)
        noise = self.abduct(parents, value)
        # By so much less than the end that rounding brings none above it.
        rounding = 8 * torch.finfo(mean.dtype).eps / self.deviation
        if self.floor is not None:
            most = (self.floor - mean) / self.deviation
            low = normal_below(most, uniform) - rounding * (1 + mean.abs() + abs(self.floor))
            noise = torch.where(value[:, None] <= self.floor, low, noise)  # below it lies what mixtures of points hold
        if self.ceiling is not None:
            least = (self.ceiling - mean) / self.deviation
            high = -normal_below(-least, uniform) + rounding * (1 + mean.abs() + abs(self.ceiling))
            noise = torch.where(value[:, None] >= self.ceiling, high, noise)
        return noise

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        """Of an end the logarithm of its probability, of what lies between of its density."""
        mean = self.function(parents)[:, 0]
        return tobit(mean, mean.new_tensor(self.deviation).log(), value, self.floor, self.ceiling)

    def tensors(self) -> dict[str, Tensor]:
        return self.function.tensors()

    def parameters(self) -> dict[str, Scalar]:
        ends = {"floor": self.floor, "ceiling": self.ceiling}
        there = {name: end for name, end in ends.items() if end is not None}
        return {**self.function.parameters(), "deviation": self.deviation, **there}

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        function = Predictor.restore(len(parents), 1, tensors, parameters)
        floor, ceiling = (number(parameters, name) if name in parameters else None for name in ("floor", "ceiling"))
        return cls(parents, function, number(parameters, "deviation"), floor, ceiling)

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        if reason := not_a_number(cls.title, variable):
            return reason
        if ends_of(values) == (None, None):
            return (
                f"Too few rows of '{variable.name}' stand at its least or its greatest value for {cls.title}; choose "
                "additive noise."
            )
        return ""

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        return Predictor.size(encoded, 1, widths) + 1

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        floor, ceiling = ends_of(lesson.together.values)
        centre, scale = lesson.moments
        predictor = lesson.predictor(1)
        targets = (lesson.rows.values[:, None] - centre) / scale
        residuals = begin_with_line(predictor, lesson.rows.parents, targets)
        log_deviation = residuals.std().clamp(min=LEAST_DEVIATION).log()
        low, high = ((end - centre) / scale if end is not None else None for end in (floor, ceiling))

        def loss(rows: Rows) -> Tensor:
            # Its ends are what they are: after the same sum, so that they are met exactly.
            values = (rows.values - centre) / scale
            return -tobit(predictor(rows.parents)[:, 0], log_deviation, values, low, high).mean()

        minimise(lesson, [*predictor.leaves, log_deviation], loss)
        deviation = max(float(log_deviation.exp()), LEAST_DEVIATION) * scale
        return cls(lesson.parents, predictor.scaled(scale, centre), deviation, floor, ceiling)


def tobit(mean: Tensor, log_deviation: Tensor, value: Tensor, floor: float | None, ceiling: float | None) -> Tensor:
    """(B,) the logarithm of the density of ``value`` (B,), normal round ``mean`` (B,) and cut off at the ends; at an
    end of its probability, beyond it -inf."""
    deviation = log_deviation.exp()
    score = (value - mean) / deviation
    log = -(score**2) / 2 - log_deviation - math.log(2 * math.pi) / 2
    for end, sign in ((floor, 1.0), (ceiling, -1.0)):
        if end is None:
            continue
        at_end = torch.special.log_ndtr(sign * (end - mean) / deviation)
        log = torch.where(value == end, at_end, log)
        log = torch.where(sign * (value - end) < 0, -torch.inf, log)
    return log


def ends_of(values: Tensor) -> tuple[float | None, float | None]:
    """The floor and the ceiling of ``values`` (n,): its least and greatest, where enough rows stand just there."""
    levels, counts = torch.unique(values, return_counts=True)
    needed = max(LEAST_ROWS, LEAST_SHARE * len(values), LEAST_TIMES * int(counts[1:-1].max()) if len(counts) > 2 else 0)
    floor, ceiling = (float(levels[place]) if int(counts[place]) >= needed else None for place in (0, -1))
    return floor, ceiling


MECHANISM = Floored
