"""A binary variable or a category: the probability of every level is a function of the causes, learned.

The level is the one whose logit plus a Gumbel number of its own is greatest (Gumbel-max). Counterfactuals of levels are
not identified by any data: other ways to bring the same probabilities about answer otherwise. This is one choice among
them (Oberst and Sontag 2019), and is to be called so wherever its answers are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from explorer.causal.encoding import whole
from explorer.causal.learning import Lesson, Rows, Widths, minimise
from explorer.causal.predictor import Predictor
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class Categorical:
    """x = argmax (logits(causes) + u), u one standard Gumbel number a level. Raises ValueError for fewer than two
    levels."""

    kind: ClassVar[str] = "categorical"
    title: ClassVar[str] = "a categorical mechanism"
    invertible: ClassVar[bool] = False
    has_normal_noise: ClassVar[bool] = False

    parents: tuple[str, ...]
    logits: Predictor

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise ValueError(f"{self.levels} levels")

    @property
    def levels(self) -> int:
        """How many values it has."""
        return self.logits.outputs

    @property
    def noise_width(self) -> int:
        return self.levels

    def noise(self, uniform: Tensor) -> Tensor:
        return _gumbel(uniform)

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        scores = self.logits(parents) + noise
        # argmax takes NaN for the greatest; the value must be none.
        return torch.where(scores.isnan().any(dim=1), torch.nan, scores.argmax(dim=1).to(scores))

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        """NaN: many noises give every level."""
        return value.new_full((len(value), self.levels), torch.nan)

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        """Exactly (Maddison, Tarlow and Minka 2014): the greatest score is a Gumbel number and independent of which
        level has it; the others are Gumbel numbers cut off there. NaN where ``value`` is none of the levels."""
        logits = functional.log_softmax(self.logits(parents), dim=1)
        level = torch.nan_to_num(value, nan=-1.0).long()
        known = (level == value) & (level >= 0) & (level < self.levels)
        at = torch.where(known, level, 0)[:, None]
        top = _gumbel(uniform.gather(1, at))
        below = logits - torch.log((logits - top).exp() - uniform.log())
        # Never so near that rounding makes another level the greatest.
        margin = 8 * torch.finfo(logits.dtype).eps * (1 + top.abs() + logits.abs() + logits.gather(1, at).abs())
        scores = torch.minimum(below, top - margin).scatter(1, at, top)
        return torch.where(known[:, None], scores - logits, torch.nan)

    def probabilities(self, parents: Tensor) -> Tensor:
        """(B, K) of each level."""
        return functional.softmax(self.logits(parents), dim=1)

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        logs = functional.log_softmax(self.logits(parents), dim=1)
        levels = torch.arange(self.levels, dtype=value.dtype, device=value.device)
        is_level = value[:, None] == levels
        log = torch.where(is_level, logs, -torch.inf).amax(dim=1)
        return torch.where(value.isnan() | logs.isnan().any(dim=1), torch.nan, log)

    def tensors(self) -> dict[str, Tensor]:
        return self.logits.tensors()

    def parameters(self) -> dict[str, Scalar]:
        return {**self.logits.parameters(), "levels": self.levels}

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        levels = whole(parameters, "levels", least=2)
        return cls(parents, Predictor.restore(len(parents), levels, tensors, parameters))

    @classmethod
    def refusal(cls, variable: Variable, values: Tensor) -> str:
        if variable.levels:
            return ""
        return f"'{variable.name}' has no levels, so {cls.title} cannot describe it; choose another kind."

    @classmethod
    def size(cls, variable: Variable, encoded: int, widths: Widths) -> int:
        return Predictor.size(encoded, variable.levels, widths) - 1  # a number added to all logits changes nothing

    @classmethod
    def learn(cls, lesson: Lesson) -> Self:
        levels = lesson.variable.levels
        logits = lesson.predictor(levels)
        counts = torch.bincount(lesson.together.values.long(), minlength=levels).double()
        logits.bias.copy_((counts / counts.sum()).log())

        def loss(rows: Rows) -> Tensor:
            return functional.cross_entropy(logits(rows.parents), rows.values.long())

        if lesson.causes:
            minimise(lesson, logits.leaves, loss)
        return cls(lesson.parents, logits.scaled(1.0, 0.0))


def _gumbel(uniform: Tensor) -> Tensor:
    """Standard Gumbel numbers, finite also where rounding made ``uniform`` 0 or 1."""
    number = torch.finfo(uniform.dtype)
    return -torch.log(-torch.log(uniform.clamp(number.tiny, 1 - number.eps)))


MECHANISM = Categorical
