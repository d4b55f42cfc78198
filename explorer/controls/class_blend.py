"""The class control: a conditional picture becomes one of another class, or a blend of several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import Moves, PointControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class ClassControl(PointControl):
    """Moves the weights of the classes, a vector of ``classes`` numbers, towards class ``number`` alone: an amount of 1
    leads there, whatever the picture's own class, and a half midway.

    Several are moved together: each takes its amount, and the picture's own classes keep what is left of 1; amounts of
    more than 1 altogether are shares.
    """

    kind: ClassVar[str] = "class"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=False, commutes=False, negative="own")

    card: ControlCard
    number: int
    classes: int

    def __post_init__(self) -> None:
        """Raises ValueError for a class that there is not."""
        super().__post_init__()
        if not 0 <= self.number < self.classes:
            raise ValueError(f"class {self.number} of {self.classes}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.classes,)

    @property
    def group(self) -> Hashable:
        """Of all classes of a model."""
        return self.kind

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return _blended(latent, [(self, amount)])

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        """The same whatever the order of ``moves``."""
        precise = latent.to(torch.promote_types(latent.dtype, torch.float32))
        parts = [(control, number.to(precise)) for control, number, *_ in moves if isinstance(control, ClassControl)]
        parts.sort(key=lambda part: part[0].number)
        still = torch.stack([amount == 0 for _, amount in parts]).all(0)
        return torch.where(still[:, None], latent, _blended(precise, parts).to(latent.dtype))

    def alone(self, like: Tensor) -> Tensor:
        """(classes,) weights of this class and no other."""
        alone = torch.zeros(self.classes, dtype=like.dtype, device=like.device)
        alone[self.number] = 1.0
        return alone

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def parameters(self) -> dict[str, Scalar]:
        return {"number": self.number, "classes": self.classes}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        number, classes = parameters["number"], parameters["classes"]
        if type(number) is not int or type(classes) is not int:
            raise ValueError(f"class {number!r} of {classes!r}")
        return cls(card, number, classes)


def _blended(latent: Tensor, parts: Sequence[tuple[ClassControl, Tensor]]) -> Tensor:
    """``latent`` (B, classes) with what is left of 1, and every class with its amount, or its share of all where
    they are more than 1."""
    total = torch.stack([amount for _, amount in parts]).sum(0)
    blended = latent * (1 - total).clamp_min(0)[:, None]
    for control, amount in parts:
        blended = blended + (amount / total.clamp_min(1))[:, None] * control.alone(latent)
    return blended


KIND = ClassControl
