"""The linear control: a constant velocity, optionally on some layers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import Place, PointControl, written
from explorer.scene.cards import ControlCard, ControlLaws, SpaceCard
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class LinearControl(PointControl):
    """z ↦ z + amount · direction. One amount unit is one typical step (the direction carries the scale).

    ``direction`` has the shape of the space, or, in ``w_plus`` (layers, width), may be one (width,) vector that is
    added to the layers ``card.layers`` (both ends included; None: all).
    """

    kind: ClassVar[str] = "linear"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=True)

    card: ControlCard
    direction: Tensor

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return latent + amount.reshape(-1, *([1] * (latent.dim() - 1))) * self._spread(latent)

    @property
    def offset(self) -> Tensor:
        """The direction."""
        return self.direction

    def velocity(self, latent: Tensor) -> Tensor:
        """(B, *shape) float64: the direction, everywhere."""
        return self._spread(latent.double()).expand(latent.shape)

    @property
    def place(self) -> Place | None:
        """Values are how far points lie along what an amount of 1 adds, in the units of the space; a direction of
        length 0 leads nowhere."""
        return _Projection(self) if bool(self.direction.any()) else None

    def in_unit(self, factor: float, card: ControlCard) -> Self:
        """Along a direction ``factor`` times as long."""
        return replace(self, card=card, direction=self.direction * factor)

    def misfit(self, space: SpaceCard) -> str:
        """Why the direction cannot be added to a point of ``space``, or an empty string."""
        shape = tuple(self.direction.shape)
        expected = space.shape[-1:] if len(space.shape) == 2 and len(shape) == 1 else space.shape
        if shape != expected:
            return f"has width {written(shape)}, but the space has width {written(expected)}"
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

    def _spread(self, latent: Tensor) -> Tensor:
        """(*shape): what an amount of 1 adds to a point of ``latent`` (B, *shape)."""
        direction = self.direction.to(latent)
        if direction.dim() == latent.dim() - 1:
            return direction
        first, last = self.card.layers or (0, latent.shape[1] - 1)
        offset = torch.zeros(latent.shape[1:], dtype=latent.dtype, device=latent.device)
        offset[first : last + 1] = direction
        return offset


@dataclass(frozen=True, eq=False)
class _Projection:
    """Along a direction that is not 0."""

    control: LinearControl

    def value(self, latent: Tensor) -> Tensor:
        offset = self.control.velocity(latent[:1])
        # Row by row, not as a product of matrices, whose last bit depends on how many rows there are.
        along: Tensor = (latent.double() * (offset / offset.norm())).flatten(1).sum(dim=1)
        return along

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        length = float(self.control.velocity(latent[:1]).norm())
        return (value.to(latent.device).double() - self.value(latent)) / length

    def stops(self) -> tuple[float, ...]:
        return ()


KIND = LinearControl
