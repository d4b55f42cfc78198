"""The bent control: a straight line in a bent copy of the space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.numerics.bending import Bend
from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class BentControl:
    """z ↦ bend⁻¹(bend(z) + amount · direction): moves compose and reverse as those along a straight line do.

    ``direction`` (width,) lies in the bent copy, where an amount of 1 goes as far as it is long.
    """

    kind: ClassVar[str] = "bent"

    card: ControlCard
    direction: Tensor
    bend: Bend

    def __post_init__(self) -> None:
        """Raises ValueError for a direction of another width."""
        if tuple(self.direction.shape) != (self.bend.width,) or not self.direction.is_floating_point():
            raise ValueError(f"a direction of {tuple(self.direction.shape)} for a bend of width {self.bend.width}")

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, width) moved by ``amount`` (B,); bit-identical to ``latent`` where the amount is 0."""
        precise = torch.promote_types(latent.dtype, torch.float32)
        steps = amount.to(latent.device, precise)[:, None]
        bent = self.bend.forward(latent.to(precise)) + steps * self.direction.to(latent.device, precise)
        return torch.where(steps == 0, latent, self.bend.inverse(bent).to(latent))

    def path(self, latent: Tensor, amounts: Tensor) -> Tensor:
        """(N, B, width): the curve through ``latent`` at ``amounts`` (N,)."""
        return torch.stack([self.move(latent, amount.expand(latent.shape[0])) for amount in amounts])

    def misfit(self, space: SpaceCard) -> str:
        """Why the control cannot move a point of ``space``, or an empty string."""
        if space.shape != (self.bend.width,):
            return f"has width {self.bend.width}, but the space has width {' × '.join(map(str, space.shape))}"
        return ""

    def tensors(self) -> dict[str, Tensor]:
        return {"direction": self.direction, "waves": self.bend.waves, "heights": self.bend.heights}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card, tensors["direction"], Bend(tensors["waves"], tensors["heights"]))


KIND = BentControl
