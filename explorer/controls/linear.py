"""The linear control: a constant velocity, optionally on some layers only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.scene.cards import ControlCard


@dataclass(frozen=True)
class LinearControl:
    """z ↦ z + amount · direction. One amount unit is one typical step (the direction carries the scale).

    ``direction`` has the shape of the space, or, in ``w_plus`` (layers, width), may be one (width,) vector that is
    added to the layers ``card.layers`` (both ends included; None: all).
    """

    card: ControlCard
    direction: Tensor

    def _offset(self, latent: Tensor) -> Tensor:
        direction = self.direction.to(latent)
        if direction.dim() == latent.dim() - 1:
            offset = direction
        else:  # one vector for a range of layers: (width,) -> (layers, width)
            first, last = self.card.layers or (0, latent.shape[1] - 1)
            offset = torch.zeros(latent.shape[1:], dtype=latent.dtype, device=latent.device)
            offset[first : last + 1] = direction
        return offset

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, *shape) moved by ``amount`` (B,); bit-identical to ``latent`` where the amount is 0."""
        steps = amount.to(latent).reshape(-1, *([1] * (latent.dim() - 1)))
        return torch.where(steps == 0, latent, latent + steps * self._offset(latent))

    def path(self, latent: Tensor, amounts: Tensor) -> Tensor:
        """(N, B, *shape): the straight line through ``latent`` at ``amounts`` (N,)."""
        return torch.stack([self.move(latent, amount.expand(latent.shape[0])) for amount in amounts])
