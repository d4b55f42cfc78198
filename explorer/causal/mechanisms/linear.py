"""A straight line and normal noise, x = a + Σ b·causes + s·u: for models of these all is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.encoding import Column, Encoding, number
from explorer.causal.learning import LEAST_DEVIATION, Lesson, Widths, begin_with_line
from explorer.causal.mechanisms.additive import not_a_number
from explorer.causal.noise_laws import STANDARD_NORMAL
from explorer.causal.predictor import Predictor
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class LinearGaussian:
    """x = line(causes) + deviation · u, u standard normal. Cyclic causes count by their cosine and sine, categories by
    one number a level. Raises ValueError for a line that is none, or a deviation that is not positive."""

    kind: ClassVar[str] = "linear_gaussian"
    title: ClassVar[str] = "a straight line with normal noise"
    noise_width: ClassVar[int] = 1
    has_normal_noise: ClassVar[bool] = True
    invertible: ClassVar[bool] = True

    parents: tuple[str, ...]
    line: Predictor
    deviation: float

    def __post_init__(self) -> None:
        if self.line.hidden or self.line.outputs != 1:
            raise ValueError("something that is no straight line")
        if not (math.isfinite(self.deviation) and self.deviation > 0):
            raise ValueError(f"a deviation of {self.deviation}")

    @classmethod
    def of(cls, parents: Sequence[str], slopes: Sequence[float], intercept: float, deviation: float) -> Self:
        """x = intercept + Σ slopes · causes + deviation · u, of causes that are numbers or binary."""
        weights = torch.tensor(slopes, dtype=torch.float64)[:, None]
        encoding = Encoding((Column(),) * len(parents))
        return cls(tuple(parents), Predictor(encoding, weights, weights.new_tensor([intercept])), deviation)

    @property
    def intercept(self) -> float:
        """x where every cause and the noise is 0."""
        return float(self.line(self.line.bias.new_zeros(1, len(self.parents))))

    @property
    def slopes(self) -> Tensor | None:
        """(P,) the slope by each cause, float64; None where a cause is cyclic or a category, which have no one
        slope."""
        encoding = self.line.encoding
        if not encoding.is_affine:
            return None
        return self.line.slopes[:, 0].double() / torch.tensor(
            [column.scale for column in encoding.columns], dtype=torch.float64
        )

    def noise(self, uniform: Tensor) -> Tensor:
        return STANDARD_NORMAL.quantile(uniform)

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        return torch.add(self.line(parents), noise, alpha=self.deviation)[:, 0]

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        return (value[:, None] - self.line(parents)) / self.deviation

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        return self.abduct(parents, value)

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        score = self.abduct(parents, value)[:, 0]
        return -(score**2) / 2 - math.log(self.deviation * math.sqrt(2 * math.pi))

    def tensors(self) -> dict[str, Tensor]:
        return self.line.tensors()

    def parameters(self) -> dict[str, Scalar]:
        return {**self.line.parameters(), "deviation": self.deviation}

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        line = Predictor.restore(len(parents), 1, tensors, parameters)
        return cls(parents, line, number(parameters, "deviation"))

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        return not_a_number(cls.title, variable)

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        return Predictor.size(encoded, 1, ()) + 1

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        """Least squares; the variance of the residuals is unbiased."""
        rows = lesson.together
        line = Predictor.begun(Encoding.plain(lesson.causes), 1, (), lesson.seed)
        residuals = begin_with_line(line, rows.parents, rows.values[:, None])
        free = max(len(rows) - line.count, 1)
        deviation = float((residuals.square().sum() / free).sqrt())
        return cls(lesson.parents, line, max(deviation, LEAST_DEVIATION * lesson.moments[1]))


MECHANISM = LinearGaussian
