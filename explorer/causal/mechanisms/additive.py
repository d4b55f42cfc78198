"""Any smooth function of the causes, learned, plus noise that does not depend on them: x = f(causes) + u."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.encoding import number
from explorer.causal.learning import LEAST_DEVIATION, Lesson, Rows, Widths, begin_with_line, minimise, observed_knots
from explorer.causal.noise_laws import NoiseLaw, equal_shares, normal
from explorer.causal.predictor import Predictor
from explorer.causal.residual import ResidualNoise
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class AdditiveNoise(ResidualNoise):
    """x = function(causes) + u, u normal of this ``deviation``, or as the residuals were
    (:func:`explorer.causal.noise_laws.equal_shares` of ``knots`` (K,)). Raises ValueError for what does not belong
    together."""

    kind: ClassVar[str] = "additive"
    title: ClassVar[str] = "additive noise"

    parents: tuple[str, ...]
    function: Predictor
    deviation: float
    knots: Tensor | None = None

    def __post_init__(self) -> None:
        if self.function.outputs != 1:
            raise ValueError(f"a function of {self.function.outputs} outputs")
        self.check_noise()

    @property
    def has_normal_noise(self) -> bool:
        return self.knots is None

    @cached_property
    def law(self) -> NoiseLaw:
        """How the noise is distributed."""
        return normal(self.deviation) if self.knots is None else equal_shares(self.knots)

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        return (self.function(parents) + noise)[:, 0]

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        return value[:, None] - self.function(parents)

    def parameters(self) -> dict[str, Scalar]:
        return {**self.function.parameters(), "deviation": self.deviation}

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        function = Predictor.restore(len(parents), 1, tensors, parameters)
        return cls(parents, function, number(parameters, "deviation"), tensors.get("knots"))

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        return not_a_number(cls.title, variable)

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        return Predictor.size(encoded, 1, widths) + 1

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        centre, scale = lesson.moments
        predictor = lesson.predictor(1)
        begin_with_line(predictor, lesson.rows.parents, (lesson.rows.values[:, None] - centre) / scale)

        def loss(rows: Rows) -> Tensor:
            return (predictor(rows.parents)[:, 0] - (rows.values - centre) / scale).square().mean()

        if predictor.hidden:
            minimise(lesson, predictor.leaves, loss)
        function = predictor.scaled(scale, centre)
        learned, checked = (rows.values - function(rows.parents)[:, 0] for rows in (lesson.rows, lesson.checked))
        deviation = max(float(torch.cat([learned, checked]).square().mean().sqrt()), LEAST_DEVIATION * scale)
        return cls(lesson.parents, function, deviation, observed_knots(learned, checked, normal(deviation), deviation))


def not_a_number(title: str, variable: Variable) -> str:
    """Why a kind called ``title`` does not describe ``variable``; empty where it is a number."""
    if variable.kind == "number":
        return ""
    better = "wrapped noise" if variable.kind == "cyclic" else "a categorical mechanism"
    return f"'{variable.name}' is {_A[variable.kind]}, which {title} cannot describe; choose {better}."


_A = {"cyclic": "cyclic", "binary": "binary", "category": "a category"}


MECHANISM = AdditiveNoise
