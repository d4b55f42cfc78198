"""The linear control: a constant velocity, optionally on some layers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class LinearControl:
    """z ↦ z + amount · direction. One amount unit is one typical step (the direction carries the scale).

    ``direction`` has the shape of the space, or, in ``w_plus`` (layers, width), may be one (width,) vector that is
    added to the layers ``card.layers`` (both ends included; None: all).
    """

    kind: ClassVar[str] = "linear"

    card: ControlCard
    direction: Tensor

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, *shape) moved by ``amount`` (B,); bit-identical to ``latent`` where the amount is 0."""
        steps = amount.to(latent).reshape(-1, *([1] * (latent.dim() - 1)))
        return torch.where(steps == 0, latent, latent + steps * self._offset(latent))

    def path(self, latent: Tensor, amounts: Tensor) -> Tensor:
        """(N, B, *shape): the straight line through ``latent`` at ``amounts`` (N,)."""
        return torch.stack([self.move(latent, amount.expand(latent.shape[0])) for amount in amounts])

    @property
    def unit(self) -> float:
        """How far an amount of 1 goes, in the units of the space."""
        return float(self.direction.double().norm())

    def position(self, latent: Tensor) -> Tensor:
        """(B,): where the points of a vector space ``latent`` (B, width) lie along the direction, in the units of the
        space."""
        return latent.double() @ (self.direction.to(latent.device).double() / self.unit)

    def misfit(self, space: SpaceCard) -> str:
        """Why the direction cannot be added to a point of ``space``, or an empty string."""
        shape = tuple(self.direction.shape)
        wanted = space.shape[-1:] if len(space.shape) == 2 and len(shape) == 1 else space.shape
        if shape != wanted:
            return f"has width {_written(shape)}, but the space has width {_written(wanted)}"
        if self.card.layers is not None:
            first, last = self.card.layers
            if len(space.shape) != 2 or not 0 <= first <= last < space.shape[0]:
                return f"moves layers {first} to {last}, but the space has {space.layers or 'no'} layers"
        return ""

    def tensors(self) -> dict[str, Tensor]:
        return {"direction": self.direction}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        direction = tensors["direction"]
        if not direction.is_floating_point():
            raise ValueError(f"a direction of {direction.dtype}")
        return cls(card, direction)

    def _offset(self, latent: Tensor) -> Tensor:
        """What one unit adds to a point: the direction, in the shape of ``latent`` without its batch."""
        direction = self.direction.to(latent)
        if direction.dim() == latent.dim() - 1:
            return direction
        first, last = self.card.layers or (0, latent.shape[1] - 1)
        offset = torch.zeros(latent.shape[1:], dtype=latent.dtype, device=latent.device)
        offset[first : last + 1] = direction
        return offset


def _written(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)


KIND = LinearControl
