"""Fields in closed form, which tests follow: a rotation, a swirl in time, a gradient, one that ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class PlainField:
    """v = cos(swing t) M z + b: every path is known."""

    kind: ClassVar[str] = "plain"
    smooth: ClassVar[bool] = True

    matrix: Tensor  # (d, d)
    push: Tensor  # (d,)
    swing: float = 0.0
    last: float = 0.0  # the end of its time; 0: it has none

    @property
    def width(self) -> int:
        return len(self.push)

    @property
    def nature(self) -> FieldNature:
        return "gradient" if torch.equal(self.matrix, self.matrix.T) else "both"

    @property
    def times(self) -> tuple[float, float] | None:
        return (0.0, self.last) if self.last else None

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        return torch.cos(self.swing * time)[:, None] * (z @ self.matrix.T) + self.push

    def potential(self, z: Tensor, time: Tensor) -> Tensor | None:
        if self.nature != "gradient":
            return None
        return torch.cos(self.swing * time) * (z * (z @ self.matrix)).sum(1) / 2 + z @ self.push

    def tensors(self) -> dict[str, Tensor]:
        return {"matrix": self.matrix, "push": self.push}

    def parameters(self) -> dict[str, Scalar]:
        return {"swing": self.swing, "last": self.last}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(tensors["matrix"], tensors["push"], float(parameters["swing"]), float(parameters["last"]))


def rotation(width: int = 2) -> PlainField:
    """Round 0 in the plane of the first two axes, a radian in a unit."""
    matrix = torch.zeros(width, width, dtype=torch.float64)
    matrix[0, 1], matrix[1, 0] = -1.0, 1.0
    return PlainField(matrix, torch.zeros(width, dtype=torch.float64))


def swirl(seed: int, width: int = 4, last: float = 0.0, swing: float = 1.0) -> PlainField:
    """Any map and any push, the map swinging with time."""
    source = torch.Generator().manual_seed(seed)
    matrix = torch.randn(width, width, generator=source, dtype=torch.float64) / 2 / width**0.5
    return PlainField(matrix, torch.randn(width, generator=source, dtype=torch.float64) / 2, swing, last)
