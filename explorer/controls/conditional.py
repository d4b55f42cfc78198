"""The conditional control: a direction that depends on where the latent is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from explorer.controls.base import PointControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar

STEP = 0.125
"""The longest step, in amounts, that the integrator takes along a direction that is followed."""

TOLERANCE = 0.01
"""A followed way there and back, or in two halves, ends within this share of the way's length (amounts up to 3), where
the direction turns by less than a tenth of a radian a step. Where the network gives 0 there is none: a way that is
drawn into such a point ends there, and does not lead back."""


@dataclass(frozen=True, eq=False)
class ConditionalControl(PointControl):
    """Moves z along d(z) = D(z) / ‖D(z)‖, ``step`` an amount of 1, where D is an affine map or a network of rectified
    linear units: ``weights`` (H, d) … (d, H) and ``biases``, one fewer when the last layer has none.

    ``frozen``: the direction at the start is kept, a straight line. Otherwise it is followed: dz/ds = step · d(z), by
    the classical Runge-Kutta method of order 4 with steps of at most :data:`STEP`. Yüksel et al., "LatentCLR", ICCV
    2021, section 3.1; batch normalisation whose statistics no longer change belongs into the weights.
    """

    kind: ClassVar[str] = "conditional"

    card: ControlCard
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    step: float
    frozen: bool

    def __post_init__(self) -> None:
        """Raises ValueError for layers that do not fit one another, or do not give back the width they take."""
        super().__post_init__()
        if not self.weights or any(weight.ndim != 2 for weight in self.weights):
            raise ValueError("no weights, or one that is no matrix")
        width = self.weights[0].shape[1]
        if not len(self.weights) - 1 <= len(self.biases) <= len(self.weights):
            raise ValueError(f"{len(self.biases)} biases for {len(self.weights)} layers")
        for index, weight in enumerate(self.weights):
            bias = self.biases[index] if index < len(self.biases) else weight[:, 0]
            if weight.shape[1] != width or bias.shape != weight.shape[:1] or not weight.is_floating_point():
                raise ValueError(f"weight_{index + 1} of shape {tuple(weight.shape)} after width {width}")
            width = weight.shape[0]
        if width != self.weights[0].shape[1]:
            raise ValueError(f"a direction of width {width} for width {self.weights[0].shape[1]}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.weights[0].shape[1],)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        like = amount.detach()
        # Row by row and on copies: the last bit of a product of matrices depends on how many rows they have, and on
        # where in memory they begin, which is not the same for a tensor read from a file.
        weights = [weight.to(like, copy=True) for weight in self.weights]
        biases = [bias.to(like, copy=True) for bias in self.biases]
        rows = zip(latent, amount, strict=True)
        return torch.stack([self._moved(weights, biases, row.clone(), by) for row, by in rows])

    def _laws(self) -> ControlLaws:
        # Followed, the way back is the way there. A direction that is kept is another one from where it has led.
        if self.frozen:
            return ControlLaws(composes=False, commutes=False, negative="anti-field")
        return ControlLaws(composes=True, commutes=False)

    def tensors(self) -> dict[str, Tensor]:
        weights = {f"weight_{index + 1}": weight for index, weight in enumerate(self.weights)}
        return weights | {f"bias_{index + 1}": bias for index, bias in enumerate(self.biases)}

    def parameters(self) -> dict[str, Scalar]:
        return {"step": self.step, "frozen": self.frozen}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        step, frozen = parameters["step"], parameters["frozen"]
        if type(step) is not float or type(frozen) is not bool:
            raise ValueError(f"step {step!r} and frozen {frozen!r}")
        if "weight_1" not in tensors:
            raise KeyError("weight_1")
        return cls(card, _numbered(tensors, "weight"), _numbered(tensors, "bias"), step, frozen)

    def _moved(self, weights: Sequence[Tensor], biases: Sequence[Tensor], start: Tensor, amount: Tensor) -> Tensor:
        """``start`` (d,) moved by ``amount`` ()."""
        if self.frozen:
            return start + amount * self.step * direction(weights, biases, start)
        count = max(1, math.ceil(abs(float(amount.detach())) / STEP))
        length, z = amount * self.step / count, start
        for _ in range(count):
            first = direction(weights, biases, z)
            second = direction(weights, biases, z + length / 2 * first)
            third = direction(weights, biases, z + length / 2 * second)
            fourth = direction(weights, biases, z + length * third)
            z = z + length / 6 * (first + 2 * second + 2 * third + fourth)
        return z


def direction(weights: Sequence[Tensor], biases: Sequence[Tensor], z: Tensor) -> Tensor:
    """d(z): the unit vectors (…, d) at the points ``z`` (…, d); 0 where the network gives 0."""
    for index, weight in enumerate(weights):
        z = functional.relu(z) if index else z
        z = functional.linear(z, weight, biases[index] if index < len(biases) else None)
    return functional.normalize(z, dim=-1)


def _numbered(tensors: Mapping[str, Tensor], name: str) -> tuple[Tensor, ...]:
    count = sum(key.startswith(f"{name}_") for key in tensors)
    return tuple(tensors[f"{name}_{index + 1}"] for index in range(count))


KIND = ConditionalControl
