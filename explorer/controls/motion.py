"""The motion control: the picture of a network that begins with moved Fourier features is shifted or turned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import PointControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar

WAYS = ("right", "down", "clockwise")
"""What an amount of 1 does: a shift by the picture's side, to the right or down, or a turn by a radian."""


@dataclass(frozen=True, eq=False)
class MotionControl(PointControl):
    """Moves four numbers of a vector, from number ``first`` on: n cos θ, n sin θ, n x and n y, for any n > 0. A network
    (StyleGAN3) draws at a place p of the plane what it has at R(θ) (p - (x, y)), so a shift by d adds d to (x, y); a
    turn by φ about the middle takes φ from θ and turns (x, y) by φ.

    An amount of 1 is ``step`` times what :data:`WAYS` says of ``way``.
    """

    kind: ClassVar[str] = "motion"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=False)

    card: ControlCard
    way: str
    step: float
    first: int
    width: int  # of the vector

    def __post_init__(self) -> None:
        """Raises ValueError for a way that there is not."""
        super().__post_init__()
        if self.way not in WAYS:
            raise ValueError(f"a motion '{self.way}'")
        if not math.isfinite(self.step) or self.step == 0:
            raise ValueError(f"steps of {self.step}")
        if not 0 <= self.first <= self.width - 4:
            raise ValueError(f"four numbers from {self.first} on of {self.width}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.width,)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        cos, sin, x, y = latent[:, self.first : self.first + 4].unbind(1)
        far = amount * self.step
        if self.way == "clockwise":  # of a picture whose rows go down
            c, s = far.cos(), far.sin()
            numbers = (c * cos + s * sin, c * sin - s * cos, c * x - s * y, s * x + c * y)
        else:
            length = far * torch.hypot(cos, sin)
            numbers = (cos, sin, x + length, y) if self.way == "right" else (cos, sin, x, y + length)
        return torch.cat([latent[:, : self.first], torch.stack(numbers, 1), latent[:, self.first + 4 :]], 1)

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def parameters(self) -> dict[str, Scalar]:
        return {"way": self.way, "step": self.step, "first": self.first, "width": self.width}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        way, step, first, width = (parameters[name] for name in ("way", "step", "first", "width"))
        if type(first) is not int or type(width) is not int or not isinstance(way, str):
            raise ValueError(f"numbers from {first!r} on of {width!r}")
        if type(step) not in (int, float):
            raise ValueError(f"steps of {step!r}")
        return cls(card, way, float(step), first, width)


KIND = MotionControl
