"""The control: what every method finds and every slider moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import msgspec
from torch import Tensor

from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar

WEIGHTS = "weights"
"""What a card says in place of a space where a control changes the network's weights (:class:`WeightChange`)."""


@runtime_checkable
class Control(Protocol):
    """A way to move a latent by an amount. Moving by 0 is the exact identity.

    Laws, tested for every kind: identity at 0 bit for bit; a batch equals its rows one at a time; determinism; flows
    compose and reverse within the tolerance they state. A kind is one file in this folder, found by its module-level
    ``KIND``, the class (:mod:`explorer.controls.registry`).
    """

    kind: ClassVar[str]
    """The kind's name in files, for ever."""

    @property
    def card(self) -> ControlCard:
        """Name, space, unit, range: what the slider shows."""

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """Move ``latent`` (B, *shape of the space) by ``amount`` (B,), in the control's unit; same shape,
        differentiable.
        """

    def path(self, latent: Tensor, amounts: Tensor) -> Tensor:
        """The trajectory (N, B, *shape) of ``latent`` (B, *shape) at ``amounts`` (N,)."""

    def misfit(self, space: SpaceCard) -> str:
        """Why this control cannot move a point of ``space`` ("has width 8, but … width 16"), or an empty string."""

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps of it, besides the card: the tensors."""

    def parameters(self) -> dict[str, Scalar]:
        """What a file keeps of it, besides the card and the tensors: plain values."""

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The control that :meth:`tensors` and :meth:`parameters` describe.

        Raises KeyError for what is missing, ValueError for what is wrong.
        """


@runtime_checkable
class WeightChange(Protocol):
    """What a control adds whose card says :data:`WEIGHTS` where others name a space: it changes the network that draws,
    and leaves the point where it is. Compared and hashed by identity."""

    def weight_changes(self, amount: float) -> dict[str, Tensor]:
        """Name → what ``amount`` adds to that tensor of the network; none where the amount is 0."""


@runtime_checkable
class Stepped(Protocol):
    """What a control adds that leads from one learned value to the next: which amounts lead to them depends on where
    one starts."""

    def stops(self, latent: Tensor) -> tuple[float, ...]:
        """The amounts that lead from ``latent`` (1, *shape of the space) to each of the values, ascending; empty where
        there are none."""


WeightEdits = tuple[tuple[WeightChange, float], ...]
"""Changes of weights, each with its amount, which is not 0; () is the network as it is."""


def with_card(control: Control, **changes: Any) -> Control:
    """``control`` with ``changes`` to its card (its name, its details), moving as before."""
    card = msgspec.structs.replace(control.card, **changes)
    return control.restore(card, control.tensors(), control.parameters())
