"""The control: what every method finds and every slider moves."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from explorer.scene.cards import ControlCard


@runtime_checkable
class Control(Protocol):
    """A way to move a latent by an amount. Moving by 0 is the exact identity.

    Laws, tested for every kind: identity at 0 bit for bit; a batch equals its rows one at a time; determinism; flows
    compose and reverse within the tolerance they state.
    """

    @property
    def card(self) -> ControlCard:
        """Name, space, unit, range: what the slider shows."""

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """Move ``latent`` (B, *shape of the space) by ``amount`` (B,), in the control's unit; same shape, differentiable."""

    def path(self, latent: Tensor, amounts: Tensor) -> Tensor:
        """The trajectory (N, B, *shape) of ``latent`` (B, *shape) at ``amounts`` (N,)."""
