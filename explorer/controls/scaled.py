"""The scaled control: another control in another unit, or turned round."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import msgspec
from torch import Tensor

from explorer.controls.base import Control, Move, Place, Scalable, WeightChange
from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar

INNER = "inner."
"""Begins the names of the parameters of the control that is scaled."""


@dataclass(frozen=True, eq=False)
class ScaledControl:
    """Moves as ``inner`` does, by ``factor`` times the amount (finite, not 0; -1 turns it round)."""

    kind: ClassVar[str] = "scaled"

    card: ControlCard
    inner: Control
    factor: float

    def __post_init__(self) -> None:
        """Raises ValueError for a factor that no amount can be scaled by, or a control that moves no points."""
        if not math.isfinite(self.factor) or self.factor == 0:
            raise ValueError(f"a factor of {self.factor}")
        if isinstance(self.inner, WeightChange):
            raise ValueError("a scaled change of weights, which has a factor of its own")
        object.__setattr__(self, "card", msgspec.structs.replace(self.card, laws=self.inner.card.laws))

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, *shape) moved by ``amount`` (B,); bit-identical to ``latent`` where the amount is 0."""
        return self.inner.move(latent, amount * self.factor)

    @property
    def place(self) -> Place | None:
        """That of ``inner``, whose values stay what they are."""
        inner = self.inner.place
        return None if inner is None else _ScaledPlace(inner, self.factor)

    @property
    def offset(self) -> Tensor | None:
        """That of ``inner``, as long as the factor makes it."""
        inner = self.inner.offset
        return None if inner is None else inner * self.factor

    def velocity(self, latent: Tensor) -> Tensor:
        """(B, *shape) float64: that of ``inner``, times the factor."""
        return self.inner.velocity(latent) * self.factor

    def in_unit(self, factor: float, card: ControlCard) -> ScaledControl:
        """Nothing is wrapped twice."""
        return ScaledControl(card, self.inner, self.factor * factor)

    def misfit(self, space: SpaceCard) -> str:
        """Why ``inner`` does not fit ``space``, or an empty string."""
        return self.inner.misfit(space)

    def tensors(self) -> dict[str, Tensor]:
        return self.inner.tensors()

    def parameters(self) -> dict[str, Scalar]:
        own: dict[str, Scalar] = {"factor": self.factor, "kind": self.inner.kind}
        return own | {f"{INNER}{name}": value for name, value in self.inner.parameters().items()}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        # Not at the head: the registry imports this module.
        from explorer.controls.registry import kinds

        factor, kind = parameters["factor"], parameters["kind"]
        if type(factor) is not float:
            raise ValueError(f"a factor of {factor!r}")
        if not isinstance(kind, str) or kind not in kinds():
            raise ValueError(f"a scaled control of unknown kind {kind!r}")
        own = {name.removeprefix(INNER): value for name, value in parameters.items() if name.startswith(INNER)}
        return cls(card, kinds()[kind].restore(card, tensors, own), factor)


@dataclass(frozen=True, eq=False)
class _ScaledPlace:
    """The same values, led to by amounts of another unit."""

    inner: Place
    factor: float

    def value(self, latent: Tensor) -> Tensor:
        return self.inner.value(latent)

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        return self.inner.amount_to(latent, value) / self.factor

    def stops(self) -> tuple[float, ...]:
        return self.inner.stops()


def scaled(control: Control, factor: float, **changes: Any) -> Control:
    """``control`` of which an amount of 1 goes as far as ``factor`` did: its range, detents and direction are those of
    before. ``changes`` to the card come last. A direction stays a direction, of points or of weights. Raises ValueError
    for a factor of 0.
    """
    card = control.card
    unit = factor if card.shows == "amount" else 1.0  # values stay what they are
    low, high = sorted((card.low / unit, card.high / unit))
    detents = tuple(sorted(one / unit for one in card.detents))
    safe = None if card.safe is None else tuple(sorted(one / unit for one in card.safe))
    card = msgspec.structs.replace(card, **{"low": low, "high": high, "detents": detents, "safe": safe, **changes})
    return control.in_unit(factor, card) if isinstance(control, Scalable) else ScaledControl(card, control, factor)


def unscaled(move: Move) -> Move:
    """``move`` of what its control scales, if it does; a value is the same in every unit of amounts."""
    if not isinstance(move.control, ScaledControl):
        return move
    number = move.number if move.absolute else move.number * move.control.factor
    return move._replace(control=move.control.inner, number=number)


KIND = ScaledControl
