"""A field along curves that turn by a known angle, all of them alike: the truth of a generator, in closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar

NODES, WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(64))


@dataclass(frozen=True, eq=False)
class ArcField:
    """v = ``along`` + tan φ(w) ``across`` at the coordinate w = ``along`` · z, both (d,), orthonormal; φ(w) =
    ``half_angle`` (2 Φ(w) - 1), Φ the standard normal distribution, ``half_angle`` in radians, up to π / 2.

    Where w is standard normal the angle is uniform between minus and plus the half-angle. The slope depends on w alone
    and points across it, so the divergence is 0.
    """

    kind: ClassVar[str] = "arc"
    nature: ClassVar[FieldNature] = "rotation"
    smooth: ClassVar[bool] = True
    times: ClassVar[None] = None

    along: Tensor
    across: Tensor
    half_angle: float

    def __post_init__(self) -> None:
        """Raises ValueError for vectors of other shapes, or an angle of nothing."""
        if self.along.shape != self.across.shape or self.along.ndim != 1:
            raise ValueError(f"along {tuple(self.along.shape)} and across {tuple(self.across.shape)}")
        if not 0 < self.half_angle <= math.pi / 2:
            raise ValueError(f"a half-angle of {self.half_angle}")

    @property
    def width(self) -> int:
        return len(self.along)

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d) at ``z`` (B, d)."""
        along, across = self.along.to(z), self.across.to(z)
        return along + self.slope(z @ along)[:, None] * across

    def potential(self, z: Tensor, time: Tensor) -> None:
        """None: it is no gradient."""

    def slope(self, w: Tensor) -> Tensor:
        """tan φ at the coordinates ``w`` (B,)."""
        return torch.tan(self.half_angle * torch.erf(w / math.sqrt(2)))

    def height(self, w: Tensor) -> Tensor:
        """(B,) the integral of :meth:`slope` from 0 to ``w`` (B,), by the Gauss-Legendre rule of 64 nodes."""
        nodes, weights = NODES.to(w), WEIGHTS.to(w)
        slopes = self.slope(w[:, None] * (nodes + 1) / 2)
        return w / 2 * (slopes * weights).sum(1)

    def tensors(self) -> dict[str, Tensor]:
        return {"along": self.along, "across": self.across}

    def parameters(self) -> dict[str, Scalar]:
        return {"half_angle": self.half_angle}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """Raises KeyError for what is missing, ValueError for what is wrong."""
        angle = parameters["half_angle"]
        if type(angle) is not float:
            raise ValueError(f"half_angle {angle!r}")
        return cls(tensors["along"], tensors["across"], angle)


FIELD = ArcField
