"""The local basis control: follows one singular direction of a mapping network, found again at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import PointControl
from explorer.controls.curves import knot
from explorer.numerics.perceptron import with_jacobian
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar

STEEPEST = 10.0
"""No unit is longer in z than this many times the typical one: where the network is flat, w falls behind instead."""
LONGEST = 400  # steps of one curve; beyond them it goes straight on


@dataclass(frozen=True)
class _Knot:
    """A place ``z`` (d,) on a curve, what one unit adds to it from there, and the direction in w that it follows."""

    z: Tensor
    velocity: Tensor
    followed: Tensor


@dataclass(frozen=True, eq=False)
class LocalBasisControl(PointControl):
    """Moves z along the right singular vector v_i of ∂w/∂z so that w goes equally far everywhere: dz = scale / σ_i v_i.

    Choi et al., "Do Not Escape From the Manifold", ICLR 2022, section 3 and algorithm 1. The decomposition is made
    again every ``step`` units; the vector followed is then the one whose left vector u_j has the largest |cos| with the
    last one, in the direction that goes on. At the point itself it is the ``index``-th, in the direction that agrees
    with ``reference`` (w,). ``frozen``: one straight line along the vector of the point itself.

    The path is a polygon: a move from a point on it begins with a frame of its own, so moves compose to the first order
    in ``step`` only, and not at all where two singular values cross. Gradients take the frames as constant.

    ``weights`` (outputs, inputs) and ``biases`` (outputs,) are those of :mod:`explorer.numerics.perceptron`.
    """

    kind: ClassVar[str] = "local_basis"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=False, commutes=False, negative="anti-field")

    card: ControlCard
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    reference: Tensor
    index: int
    scale: float
    step: float
    frozen: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for layers that do not follow each other, or numbers that mean nothing."""
        super().__post_init__()
        if not self.weights or any(weight.ndim != 2 for weight in self.weights):
            raise ValueError("no layers")
        if any(after.shape[1] != before.shape[0] for before, after in pairwise(self.weights)):
            raise ValueError("layers that do not follow each other")
        outputs = [(weight.shape[0],) for weight in self.weights]
        if [tuple(bias.shape) for bias in self.biases] != outputs or tuple(self.reference.shape) != outputs[-1]:
            raise ValueError("biases or a reference of another width")
        if not 0 <= self.index < min(*self.shape, len(self.reference)):
            raise ValueError(f"index {self.index}")
        if not (self.step > 0 and self.scale >= 0):
            raise ValueError(f"step {self.step} and scale {self.scale}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.weights[0].shape[1],)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        rows = []
        for z, by in zip(latent.detach(), amount.detach().cpu().tolist(), strict=True):
            # Kept curves must be ordinary tensors: the engine draws in inference mode, others differentiate.
            with torch.inference_mode(False), torch.no_grad():
                rows.append(self._reached(z.clone().cpu().double(), by))
        shift, velocity, whole = (torch.stack(column).to(latent) for column in zip(*rows, strict=True))
        return latent + (shift + velocity * (amount - whole)[:, None])

    def tensors(self) -> dict[str, Tensor]:
        named = {f"weight.{index}": weight for index, weight in enumerate(self.weights)}
        named |= {f"bias.{index}": bias for index, bias in enumerate(self.biases)}
        return {**named, "reference": self.reference}

    def parameters(self) -> dict[str, Scalar]:
        return {"index": self.index, "scale": self.scale, "step": self.step, "frozen": self.frozen}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        if not all(tensor.is_floating_point() for tensor in tensors.values()):
            raise ValueError("tensors that are not numbers with a point")
        count = sum(name.startswith("weight.") for name in tensors)
        index, frozen = parameters["index"], parameters["frozen"]
        if type(index) is not int or type(frozen) is not bool:
            raise ValueError(f"index {index!r} and frozen {frozen!r}")
        return cls(
            card,
            tuple(tensors[f"weight.{number}"] for number in range(count)),
            tuple(tensors[f"bias.{number}"] for number in range(count)),
            tensors["reference"],
            index,
            float(parameters["scale"]),
            float(parameters["step"]),
            frozen,
        )

    def _reached(self, z: Tensor, amount: float) -> tuple[Tensor, Tensor, Tensor]:
        """How far the last knot before ``amount`` lies from ``z``, the velocity there, and the amount that led to it.

        All in float64 on the CPU: a singular vector of a small gap would otherwise differ between devices.
        """
        forward = amount >= 0
        steps = 0 if self.frozen else min(int(abs(amount) / self.step), LONGEST)

        def following(last: _Knot) -> _Knot:
            return self._knot(last.z + last.velocity * (self.step if forward else -self.step), last.followed)

        reached = knot(self, (z.numpy().tobytes(), forward), steps, lambda: self._knot(z, None), following)
        whole = steps * self.step if forward else -steps * self.step
        return reached.z - z, reached.velocity, torch.tensor(whole, dtype=torch.float64)

    def _knot(self, z: Tensor, before: Tensor | None) -> _Knot:
        layers = [
            (weight.cpu().double(), bias.cpu().double()) for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        left, values, right = torch.linalg.svd(with_jacobian(z, layers)[1], full_matrices=False)
        if before is None:
            index, along = self.index, left[:, self.index] @ self.reference.cpu().double()
        else:
            agreement = before @ left
            index = int(agreement.abs().argmax())
            along = agreement[index]
        sign = -1.0 if float(along) < 0 else 1.0
        slowest = max(float(values[index]), self.scale / STEEPEST)
        unit = self.scale / slowest if slowest > 0 else 0.0
        return _Knot(z, right[index] * (sign * unit), left[:, index] * sign)


KIND = LocalBasisControl
