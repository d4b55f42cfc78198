"""How a code becomes the five numbers of a generator with known factors, and which way each of them alone changes: one
class a sort of way. All of it in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.bent import BentControl
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.controls.linear import LinearControl
from explorer.fields.arc import ArcField
from explorer.fields.ridges import Ridges
from explorer.fields.volume_preserving import VolumePreservingField
from explorer.generators.known_factors_drawing import FACTORS
from explorer.numerics.bending import Bend
from explorer.scene.cards import ControlCard

HUE, BACKGROUND = FACTORS.index("hue"), FACTORS.index("background")
CIRCLE = (HUE, HUE + 1)
"""The two rows of the mixture of a ring whose angle is the hue; those after them are the later factors'."""


class CodeMap(Protocol):
    """What is drawn of a code z (width d), before gains."""

    def numbers(self, z: Tensor) -> Tensor:
        """(B, 5) of codes (B, d); differentiable."""

    def ways(self, z: Tensor) -> Tensor:
        """(B, 5, d), of any length: the way in which one number alone rises at the codes ``z`` (B, d), and of several
        such ways the one that changes the (bent) code no more than that takes."""

    def controls(self) -> tuple[Control, ...]:
        """One a number, which follows its way; an amount of 1 is one unit of z, or of its bent copy, there, or, round
        a circle, one radian."""


@dataclass(frozen=True, eq=False)
class Straight:
    """``mixing`` (5, d) times the code: lines."""

    mixing: Tensor

    def numbers(self, z: Tensor) -> Tensor:
        return z @ self.mixing.to(z).T

    def ways(self, z: Tensor) -> Tensor:
        ways: Tensor = torch.linalg.pinv(self.mixing.to(z)).T.expand(len(z), -1, -1)
        return ways

    def controls(self) -> tuple[Control, ...]:
        return tuple(LinearControl(_card(name), way) for name, way in zip(FACTORS, _lines(self.mixing), strict=True))


@dataclass(frozen=True, eq=False)
class Bent:
    """``mixing`` (5, d) times the bent code: lines of its copy."""

    mixing: Tensor
    bend: Bend

    def numbers(self, z: Tensor) -> Tensor:
        return self.bend.forward(z) @ self.mixing.to(z).T

    def ways(self, z: Tensor) -> Tensor:
        ways = torch.linalg.pinv(self.mixing.to(z)).expand(len(z), -1, -1)
        bent: Tensor = torch.linalg.solve(self.bend.jacobian(z), ways).transpose(1, 2)
        return bent

    def controls(self) -> tuple[Control, ...]:
        kept = Bend(self.bend.waves.cpu(), self.bend.heights.cpu())
        lines = zip(FACTORS, _lines(self.mixing), strict=True)
        return tuple(BentControl(_card(name), way, kept) for name, way in lines)


@dataclass(frozen=True, eq=False)
class Ring:
    """``mixing`` (6, d), orthonormal rows: the hue is the angle, in turns, of the two coordinates along the rows
    :data:`CIRCLE`; how far from the middle they lie changes nothing. The others are lines.

    The way of the hue goes round: no gradient field can follow it once, let alone twice.
    """

    mixing: Tensor

    def numbers(self, z: Tensor) -> Tensor:
        along = z @ self.mixing.to(z).T
        first, second = (along[:, row] for row in CIRCLE)
        hue = torch.atan2(second, first) / (2 * math.pi)
        return torch.cat([along[:, :HUE], hue[:, None], along[:, CIRCLE[1] + 1 :]], 1)

    def ways(self, z: Tensor) -> Tensor:
        rows = self.mixing.to(z)
        first, second = (rows[row] for row in CIRCLE)
        round_ = (z @ first)[:, None] * second - (z @ second)[:, None] * first
        lines = rows.expand(len(z), -1, -1)
        return torch.cat([lines[:, :HUE], round_[:, None], lines[:, CIRCLE[1] + 1 :]], 1)

    def controls(self) -> tuple[Control, ...]:
        rows = self.mixing.cpu().float()
        pair = rows[list(CIRCLE)]
        width = rows.shape[1]
        field = VolumePreservingField(
            # v = (first·z) second - (second·z) first, which is leftᵀ right z, and no waves.
            Ridges(
                centre=torch.zeros(width),
                constant=torch.zeros(width),
                left=torch.stack([pair[1], -pair[0]]),
                right=pair,
                waves=torch.zeros(0, width),
                phases=torch.zeros(0),
                heights=torch.zeros(0, width),
            )
        )
        card = ControlCard(name="hue", space="z", unit="rad", low=-math.pi, high=math.pi)
        around = FieldControl(card, field, Flow(1.0, step=math.pi / 60))
        names = [name for name in FACTORS if name != "hue"]
        others = [row for index, row in enumerate(rows) if index not in CIRCLE]
        found: list[Control] = [LinearControl(_card(name), row) for name, row in zip(names, others, strict=True)]
        return (*found[:HUE], around, *found[HUE:])


@dataclass(frozen=True, eq=False)
class Arc:
    """``mixing`` (5, d), orthonormal rows: the hue is the coordinate w along its row, and the grey of the ground the
    coordinate h along its own less the height T(w) of a curve whose slope is tan φ, with φ(w) = ``half_angle``
    (2 Φ(w) - 1) and Φ the normal distribution. The others are lines.

    The way of the hue is (1, tan φ(w)) in the plane of both rows: over the prior its angle to the first is spread
    evenly over ± the half-angle a, so the mean cosine with it of the best straight direction is sin(a) / a.
    """

    mixing: Tensor
    half_angle: float

    def numbers(self, z: Tensor) -> Tensor:
        along = z @ self.mixing.to(z).T
        ground = along[:, BACKGROUND] - self._field.height(along[:, HUE])
        return torch.cat([along[:, :BACKGROUND], ground[:, None]], 1)

    def ways(self, z: Tensor) -> Tensor:
        rows = self.mixing.to(z)
        curve = rows[HUE] + self._field.slope(z @ rows[HUE])[:, None] * rows[BACKGROUND]
        lines = rows.expand(len(z), -1, -1)
        return torch.cat([lines[:, :HUE], curve[:, None], lines[:, HUE + 1 :]], 1)

    def controls(self) -> tuple[Control, ...]:
        found: list[Control] = [
            LinearControl(_card(name), row) for name, row in zip(FACTORS, self.mixing.cpu().float(), strict=True)
        ]
        found[HUE] = FieldControl(_card("hue"), self._field, Flow(1.0, unit_speed=True))
        return tuple(found)

    @property
    def _field(self) -> ArcField:
        rows = self.mixing.cpu().float()
        return ArcField(rows[HUE], rows[BACKGROUND], self.half_angle)


def _card(name: str) -> ControlCard:
    return ControlCard(name=name, space="z", unit="units")


def _lines(mixing: Tensor) -> Tensor:
    """(5, d) unit rows along which one number alone changes."""
    ways = torch.linalg.pinv(mixing.double()).T.cpu()
    lines: Tensor = (ways / ways.norm(dim=1, keepdim=True)).float()
    return lines
