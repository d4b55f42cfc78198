"""The control: what every method finds and every slider moves."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, runtime_checkable

import msgspec
import torch
from torch import Tensor

from explorer.scene.cards import WEIGHTS as WEIGHTS
from explorer.scene.cards import ControlCard, ControlLaws, Remark, SpaceCard
from explorer.scene.model import Scalar, StepWindow


@runtime_checkable
class Control(Protocol):
    """A way to move a latent by an amount. Moving by 0 is the exact identity.

    Laws, tested for every kind: identity at 0 bit for bit; a batch equals its rows one at a time; determinism; and
    what :attr:`ControlCard.laws` says of composing, commuting and time. A kind is one file in this folder, found by its
    module-level ``KIND``, the class (:mod:`explorer.controls.registry`); most are made of :class:`PointControl`.
    """

    kind: ClassVar[str]
    """The kind's name in files, for ever."""

    @property
    def card(self) -> ControlCard:
        """Name, space, unit, range, laws: what the slider shows."""

    @property
    def place(self) -> Place | None:
        """How values lie along it, where a point has a value there; None where it knows amounts only."""

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """Move ``latent`` (B, *shape of the space) by ``amount`` (B,), in the control's unit; same shape,
        differentiable.
        """

    @property
    def offset(self) -> Tensor | None:
        """What an amount of 1 adds to every point, in the shape of the space, or as one vector for every layer of
        ``card.layers``; None where it depends on the point or the amount."""

    def velocity(self, latent: Tensor) -> Tensor:
        """(B, *shape) float64: the derivative of :meth:`move` from ``latent`` (B, *shape) with respect to the amount,
        at 0."""

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


class Place(Protocol):
    """Where points stand along a control: what do(x = v) and a slider of values need."""

    def value(self, latent: Tensor) -> Tensor:
        """(B,) float64: the values that the points ``latent`` (B, *shape of the space) have."""

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        """(B,): the amounts that lead from ``latent`` to ``value`` (B,); exactly 0 where it is the value there."""

    def stops(self) -> tuple[float, ...]:
        """The values that were learned, ascending; empty where every value is as good as the next."""


@runtime_checkable
class WeightChange(Protocol):
    """What a control adds whose card says :data:`WEIGHTS` where others name a space: it changes the network that draws,
    and leaves the point where it is. Compared and hashed by identity."""

    def weight_changes(self, amount: float) -> dict[str, Tensor]:
        """Name → what ``amount`` adds to that tensor of the network; none where the amount is 0."""


@runtime_checkable
class Scalable(Protocol):
    """What a control adds that holds its own unit, so that nothing has to be put around it to change that."""

    def in_unit(self, factor: float, card: ControlCard) -> Control:
        """The same control, of which an amount of 1 goes ``factor`` (not 0) times as far, with another card."""


EffectPart = Literal["all", "direct", "indirect"]
"""What is made of a variable that is set, by controls that set some: it and all that follows, it alone, or only what
follows. Others know no parts, and are moved as ever."""


class Move(NamedTuple):
    """A control, and how far it is moved: by amounts, or to values where ``absolute``. ``number`` (B,). ``window``: in
    which steps of a sampler alone; None: in all."""

    control: Control
    number: Tensor
    absolute: bool = False
    part: EffectPart = "all"
    window: StepWindow | None = None


Moves = Sequence[Move]
"""What is done to points, in the order of the control set."""


@runtime_checkable
class Joint(Protocol):
    """What a control adds that is not moved alone, one after the other, but together with the others of its group:
    fields whose flows mix, interventions on variables of one graph."""

    @property
    def group(self) -> Hashable:
        """Controls of one space whose groups are equal are moved by one call."""

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        """``latent`` (B, *shape) with all of ``moves`` made at once, this control's among them. The same whatever their
        order, and bit-identical to ``latent`` where every amount is 0 and every value the one that stands there."""


@runtime_checkable
class Remarking(Protocol):
    """What a control adds whose picture may not show what its number says: a path that ends before its amount, a value
    that nothing tells."""

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """Of each of ``moves``, a group that this control belongs to, made from ``latent`` (1, *shape): what has to be
        known of its picture, if anything."""


@runtime_checkable
class StartBound(Protocol):
    """What a control adds that has to look at where it starts, or at the generator, before it can move."""

    def prepare(self, generator: Any, latent: Any) -> Control:
        """The control for this start: ``latent`` (:class:`explorer.generators.base.Latent`) holds the control's space,
        not moved there yet, of ``generator`` (:class:`explorer.generators.base.Generator`). It is kept for as long as
        the start stays, so that a drag repeats only what it changes."""


@runtime_checkable
class Stepped(Protocol):
    """What a control adds that is another one in other steps of a sampler. Its own :meth:`Control.move` makes what it
    makes on average over all levels of noise, for whoever looks at a point and draws no picture of it."""

    def steps(self) -> tuple[tuple[StepWindow, Control], ...]:
        """What it is in which steps, all in its own space and in its own unit; nothing elsewhere. The windows do not
        overlap."""


SMALL = 1e-4
"""The amount over which velocities are differences: in float64 its square and the rounding are both about 1e-8."""


class WeightEdit(NamedTuple):
    """A change of weights and its amount, which is not 0. ``window``: as in :class:`Move`."""

    control: WeightChange
    amount: float
    window: StepWindow | None = None


WeightEdits = tuple[WeightEdit, ...]
"""All changes of weights of a picture; () is the network as it is."""


class PointControl:
    """What kinds that move points of a space have in common. A kind is a frozen dataclass with a field ``card`` that
    says in :meth:`moved` where points go, in :attr:`shape` of which space, and in ``laws`` how its moves add up."""

    laws: ClassVar[ControlLaws] = ControlLaws()

    card: ControlCard

    def __post_init__(self) -> None:
        # The card says what is true of the kind, whatever an older file has written.
        object.__setattr__(self, "card", msgspec.structs.replace(self.card, laws=self._laws()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the space, without the batch."""
        raise TypeError(f"{type(self).__name__} does not say which space it moves")

    @property
    def place(self) -> Place | None:
        """None: points have no value along it."""
        return None

    @property
    def offset(self) -> Tensor | None:
        """None: what an amount of 1 adds depends on the point, or on the amount."""
        return None

    def velocity(self, latent: Tensor) -> Tensor:
        """(B, *shape) float64: the derivative at the amount 0, by central differences; at a corner, the mean of both
        sides."""
        point, step = latent.double(), torch.full((latent.shape[0],), SMALL, dtype=torch.float64, device=latent.device)
        return (self.moved(point, step) - self.moved(point, -step)) / (2 * SMALL)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, *shape) moved by ``amount`` (B,), both in float32 or better; what it gives where the amount is
        0 does not matter."""
        raise TypeError(f"{type(self).__name__} does not say where points go")

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, *shape) moved by ``amount`` (B,), computed in float32 or better; bit-identical to ``latent``
        where the amount is 0."""
        precise = torch.promote_types(latent.dtype, torch.float32)
        steps = amount.to(latent.device, precise)
        moved = self.moved(latent.to(precise), steps).to(latent.dtype)
        return torch.where((steps == 0).reshape(-1, *[1] * (latent.dim() - 1)), latent, moved)

    def misfit(self, space: SpaceCard) -> str:
        """Why the control cannot move a point of ``space``, or an empty string."""
        if tuple(space.shape) != self.shape:
            return f"has width {written(self.shape)}, but the space has width {written(space.shape)}"
        return ""

    def _laws(self) -> ControlLaws:
        """Of this very control; a kind whose parameters decide says so here."""
        return self.laws


def written(shape: Sequence[int]) -> str:
    """``4 × 16``."""
    return " × ".join(map(str, shape))


def with_card(control: Control, **changes: Any) -> Control:
    """``control`` with ``changes`` to its card (its name, its details), moving as before."""
    card = msgspec.structs.replace(control.card, **changes)
    return control.restore(card, control.tensors(), control.parameters())
