"""The codebook control: steps from one learned value of a quantised latent to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import Place, PointControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar

BEYOND = 0.01
"""Past the last value a step moves by this share of the last gap: as good as a stop, yet it can be taken back."""


@dataclass(frozen=True, eq=False)
class CodebookControl(PointControl):
    """Moves one number of a vector along ``values``, one value an amount of 1.

    Between the values it is linear: from a point on the codebook whole amounts lead to points on the codebook, and
    halves midway between two. ``values`` (codes ≥ 2,) ascend strictly; ``axis`` is the number's place in the vector.
    As a value of a point counts the number of the code that it has, from 0; between two codes, a number between.
    """

    kind: ClassVar[str] = "codebook"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=True)

    card: ControlCard
    values: Tensor
    axis: int
    width: int  # of the vector

    def __post_init__(self) -> None:
        """Raises ValueError for values between which there are no steps."""
        super().__post_init__()
        values = self.values
        if values.ndim != 1 or len(values) < 2 or not bool((values.diff() > 0).all()):
            raise ValueError("values that do not ascend")
        if not 0 <= self.axis < self.width:
            raise ValueError(f"axis {self.axis} of {self.width}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.width,)

    @property
    def place(self) -> Place | None:
        """The numbers of the codes. Beyond the first and the last of them nothing more happens."""
        return self

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        before = latent[:, self.axis]
        moved = latent.clone()
        # Rows that stay keep their bits: there and back through the codebook may round.
        moved[:, self.axis] = torch.where(amount == 0, before, self._value(self._place(before) + amount))
        return moved

    def value(self, latent: Tensor) -> Tensor:
        """(B,): the numbers of the codes that ``latent`` (B, width) has."""
        return self._place(latent[:, self.axis].to(torch.promote_types(latent.dtype, torch.float32))).double()

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        """(B,): by how many codes ``latent`` (B, width) is moved to the codes numbered ``value`` (B,)."""
        return value.to(latent.device).double() - self.value(latent)

    def stops(self) -> tuple[float, ...]:
        """The number of every code."""
        return tuple(float(number) for number in range(len(self.values)))

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
