"""Fields in closed form, which tests follow: a rotation, a swirl in time, a gradient, one that ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import Move
from explorer.controls.field import FieldControl
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


# --- what a test asks of a control that follows a field ---


def trajectory(control: FieldControl, latent: Tensor, amounts: Sequence[float]) -> Tensor:
    """(T, *shape) the points that ``amounts`` (T) lead to from ``latent`` (1, *shape)."""
    return torch.cat([control.move(latent, torch.tensor([one], dtype=torch.float64)) for one in amounts])


def ended(control: FieldControl, latent: Tensor, amount: float) -> str:
    """Why the path from ``latent`` (1, *shape) stops before ``amount``, or an empty string."""
    remark = control.remarks(latent, [Move(control, torch.tensor([amount], dtype=torch.float64))])[0]
    return remark.text if remark else ""


def flow_from(control: FieldControl, latent: Tensor, amount: Tensor, since: float) -> Tensor:
    """``latent`` (B, *shape) moved on by ``amount`` (B,), where it has been moved by ``since`` already: with the time
    that it is then. From a start by a, and from there by b, leads where a + b does if both have one sign."""
    flow = control.flow
    later = flow.rate * (abs(since) if flow.negative == "anti-field" else since)
    return replace(control, flow=replace(flow, start=flow.start + later)).move(latent, amount)
