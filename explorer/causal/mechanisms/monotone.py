"""A rising function of standard normal noise whose shape the causes set: where noise does more than add up.

x = shift + exp(scale) · spline(u), a rational-quadratic spline of eight pieces from -4 to 4 and straight beyond; shift,
scale and the spline's knots are functions of the causes, learned together. Its inverse is in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.encoding import number, whole
from explorer.causal.learning import LEAST_DEVIATION, Lesson, Rows, Widths, begin_with_line, minimise
from explorer.causal.mechanisms.additive import not_a_number
from explorer.causal.noise_laws import STANDARD_NORMAL
from explorer.causal.predictor import Predictor
from explorer.numerics import rational_spline
from explorer.numerics.rational_spline import Knots
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

PIECES = 8
REACH = 4.0


@dataclass(frozen=True, eq=False)
class MonotoneFlow:
    """x = centre + scale · (shift + exp(log_scale) · spline(u)), u standard normal; the outputs of ``shape`` are shift,
    log_scale and 3 ``pieces`` + 1 numbers (:func:`explorer.numerics.rational_spline.knots`). Raises ValueError for
    what does not belong together."""

    kind: ClassVar[str] = "monotone"
    title: ClassVar[str] = "a monotone flow"
    noise_width: ClassVar[int] = 1
    has_normal_noise: ClassVar[bool] = True
    invertible: ClassVar[bool] = True

    parents: tuple[str, ...]
    shape: Predictor
    centre: float
    scale: float
    pieces: int = PIECES

    def __post_init__(self) -> None:
        if self.shape.outputs != 2 + rational_spline.parameter_count(self.pieces):
            raise ValueError(f"a shape of {self.shape.outputs} outputs for {self.pieces} pieces")
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"a scale of {self.scale}")

    def noise(self, uniform: Tensor) -> Tensor:
        return STANDARD_NORMAL.quantile(uniform)

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        shift, log_scale, at = self._shape(parents)
        return self.centre + self.scale * (shift + log_scale.exp() * rational_spline.forward(noise[:, 0], at)[0])

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        return self._inverse(parents, value)[0][:, None]

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        return self.abduct(parents, value)

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        score, log_slope = self._inverse(parents, value)
        assert STANDARD_NORMAL.log_density is not None
        return STANDARD_NORMAL.log_density(score) - log_slope

    def tensors(self) -> dict[str, Tensor]:
        return self.shape.tensors()

    def parameters(self) -> dict[str, Scalar]:
        own = {"centre": self.centre, "scale": self.scale, "pieces": self.pieces}
        return {**self.shape.parameters(), **own}

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        pieces = whole(parameters, "pieces", least=1, most=256)
        outputs = 2 + rational_spline.parameter_count(pieces)
        shape = Predictor.restore(len(parents), outputs, tensors, parameters)
        return cls(parents, shape, number(parameters, "centre"), number(parameters, "scale"), pieces)

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        return not_a_number(cls.title, variable)

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        return Predictor.size(encoded, 2 + rational_spline.parameter_count(PIECES), widths)

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        centre, scale = lesson.moments
        shape = lesson.predictor(2 + rational_spline.parameter_count(PIECES))
        targets = (lesson.rows.values[:, None] - centre) / scale
        residuals = begin_with_line(shape, lesson.rows.parents, targets)
        shape.bias[1] = residuals.std().clamp(min=LEAST_DEVIATION).log()
        flow = cls(lesson.parents, shape, centre, scale)

        def loss(rows: Rows) -> Tensor:
            return -flow.log_prob(rows.parents, rows.values).mean()

        minimise(lesson, shape.leaves, loss)
        return cls(lesson.parents, shape.scaled(1.0, 0.0), centre, scale)

    def _shape(self, parents: Tensor) -> tuple[Tensor, Tensor, Knots]:
        outputs = self.shape(parents)
        return outputs[:, 0], outputs[:, 1], rational_spline.knots(outputs[:, 2:], REACH)

    def _inverse(self, parents: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) the noise, and the logarithm of the slope of the value by it."""
        shift, log_scale, at = self._shape(parents)
        noise, log_slope = rational_spline.inverse(((value - self.centre) / self.scale - shift) / log_scale.exp(), at)
        return noise, log_slope + log_scale + torch.log(log_scale.new_tensor(self.scale))


MECHANISM = MonotoneFlow
