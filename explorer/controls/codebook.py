"""The codebook control: steps from one learned value of a quantised latent to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar

BEYOND = 0.01
"""Past the last value a step moves by this share of the last gap: as good as a stop, yet it can be taken back."""


@dataclass(frozen=True, eq=False)
class CodebookControl:
    """Moves one number of a vector along ``values``, one value an amount of 1.

    Between the values it is linear: from a point on the codebook whole amounts lead to points on the codebook, and
    halves midway between two. ``values`` (codes ≥ 2,) ascend strictly; ``axis`` is the number's place in the vector.
    """

    kind: ClassVar[str] = "codebook"

    card: ControlCard
    values: Tensor
    axis: int
    width: int  # of the vector

    def __post_init__(self) -> None:
        """Raises ValueError for values between which there are no steps."""
        values = self.values
        if values.ndim != 1 or len(values) < 2 or not bool((values.diff() > 0).all()):
            raise ValueError("values that do not ascend")
        if not 0 <= self.axis < self.width:
            raise ValueError(f"axis {self.axis} of {self.width}")

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` (B, width) with ``axis`` moved by ``amount`` (B,) values; bit-identical to ``latent`` where the
        amount is 0."""
        precise = torch.promote_types(latent.dtype, torch.float32)
        before = latent[:, self.axis]
        after = self._value(self._place(before.to(precise)) + amount.to(latent.device, precise))
        moved = latent.clone()
        moved[:, self.axis] = torch.where(amount.to(latent.device) == 0, before, after.to(latent))
        return moved

    def path(self, latent: Tensor, amounts: Tensor) -> Tensor:
        """(N, B, width): the points along the codebook from ``latent`` at ``amounts`` (N,)."""
        return torch.stack([self.move(latent, amount.expand(latent.shape[0])) for amount in amounts])

    unit: ClassVar[float] = 1.0
    """How far an amount of 1 goes, in values."""

    def position(self, latent: Tensor) -> Tensor:
        """(B,): the number of the value that ``latent`` (B, width) has, from 0; between two, a number between."""
        return self._place(latent[:, self.axis].to(torch.promote_types(latent.dtype, torch.float32)))

    def stops(self, latent: Tensor) -> tuple[float, ...]:
        """The amounts that lead from ``latent`` (1, width) to each of the values, ascending. Beyond the first and the
        last of them nothing more happens."""
        place = float(self.position(latent)[0])
        return tuple(round(number - place, 4) for number in range(len(self.values)))

    def misfit(self, space: SpaceCard) -> str:
        """Why the axis is none of ``space``, or an empty string."""
        if space.shape != (self.width,):
            return f"has width {self.width}, but the space has width {' × '.join(map(str, space.shape))}"
        return ""

    def tensors(self) -> dict[str, Tensor]:
        return {"values": self.values}

    def parameters(self) -> dict[str, Scalar]:
        return {"axis": self.axis, "width": self.width}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        values, axis, width = tensors["values"], parameters["axis"], parameters["width"]
        if not values.is_floating_point():
            raise ValueError(f"values of {values.dtype}")
        if type(axis) is not int or type(width) is not int:
            raise ValueError(f"axis {axis!r} of {width!r}")
        return cls(card, values, axis, width)

    def _knots(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Places (codes + 2,) and the values there: the codebook, and one slow step beyond each end."""
        values = self.values.to(like)
        below, above = values[:1] - BEYOND * (values[1] - values[0]), values[-1:] + BEYOND * (values[-1] - values[-2])
        return torch.arange(-1.0, len(values) + 1).to(values), torch.cat([below, values, above])

    def _place(self, value: Tensor) -> Tensor:
        """Where ``value`` (B,) stands along the codebook: 0 at the first value, 1 at the second, …"""
        places, values = self._knots(value)
        return _piecewise(value, values, places)

    def _value(self, place: Tensor) -> Tensor:
        """The inverse of :meth:`_place`."""
        places, values = self._knots(place)
        return _piecewise(place, places, values)


def _piecewise(x: Tensor, knots: Tensor, at_knots: Tensor) -> Tensor:
    """The function that is linear between ``knots`` and goes on with the first and last slope beyond them; exact at
    the knots."""
    piece = torch.searchsorted(knots, x.detach().contiguous()).clamp(1, len(knots) - 1)
    low, high = knots[piece - 1], knots[piece]
    return torch.lerp(at_knots[piece - 1], at_knots[piece], (x - low) / (high - low))


KIND = CodebookControl
