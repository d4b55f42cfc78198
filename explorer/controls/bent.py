"""The bent control: a straight line in a bent copy of the space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from explorer.controls.base import PointControl
from explorer.numerics.bending import Bend
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class BentControl(PointControl):
    """z ↦ bend⁻¹(bend(z) + amount · direction): moves compose and reverse as those along a straight line do.

    ``direction`` (width,) lies in the bent copy, where an amount of 1 goes as far as it is long.
    """

    kind: ClassVar[str] = "bent"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=True)  # in one bend, as all of a generator's are

    card: ControlCard
    direction: Tensor
    bend: Bend

    def __post_init__(self) -> None:
        """Raises ValueError for a direction of another width."""
        super().__post_init__()
        if tuple(self.direction.shape) != (self.bend.width,) or not self.direction.is_floating_point():
            raise ValueError(f"a direction of {tuple(self.direction.shape)} for a bend of width {self.bend.width}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.bend.width,)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        bent = self.bend.forward(latent) + amount[:, None] * self.direction.to(latent)
        return self.bend.inverse(bent)

    def tensors(self) -> dict[str, Tensor]:
        return {"direction": self.direction, "waves": self.bend.waves, "heights": self.bend.heights}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card, tensors["direction"], Bend(tensors["waves"], tensors["heights"]))


KIND = BentControl
