"""The class control: a conditional picture becomes one of another class, or a blend of several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
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

    Several are moved together: each takes its amount, and the picture's own classes keep what is left of 1.
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
        return latent + amount[:, None] * (self._alone(latent) - latent)

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        """The sum of what every move adds to the weights that stand there: the same whatever their order."""
        precise = latent.to(torch.promote_types(latent.dtype, torch.float32))
        moved, still = precise, torch.ones(len(latent), dtype=torch.bool, device=latent.device)
        for control, number, *_ in sorted(moves, key=_class_of):
            amount = number.to(precise)
            moved = moved + amount[:, None] * (control._alone(precise) - precise)  # type: ignore[attr-defined]
            still &= amount == 0
        return torch.where(still[:, None], latent, moved.to(latent.dtype))

    def _alone(self, like: Tensor) -> Tensor:
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


def _class_of(move: tuple[object, ...]) -> int:
    control = move[0]
    assert isinstance(control, ClassControl)
    return control.number


KIND = ClassControl
