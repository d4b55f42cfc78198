"""The deformation control: a shift that a small network makes of the amount, the same from every point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from explorer.controls.base import PointControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class Deformation:
    """The fully connected deformator A of Voynov & Babenko (ICML 2020), from its first layer's output on.

    Three hidden layers of H exponential linear units, the inputs of the earlier ones added to those of the later ones;
    ``scales`` and ``shifts`` (3 × (H,)) are applied before each unit: batch normalisation whose statistics no longer
    change, or 1 and 0. ``weights``: (H, H), (H, H), (d, H); ``biases``: (H,), (H,).
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]
    shifts: tuple[Tensor, ...]

    def __call__(self, first: Tensor) -> Tensor:
        """(…, d) of what the first layer gives, ``first`` (…, H): A without its last bias and without the input that
        it adds at the end."""
        inputs, unit = first, functional.elu(first * self.scales[0] + self.shifts[0])
        for layer in (1, 2):
            inputs = inputs + functional.linear(unit, self.weights[layer - 1], self.biases[layer - 1])
            unit = functional.elu(inputs * self.scales[layer] + self.shifts[layer])
        return functional.linear(unit, self.weights[2])

    def copied(self, like: Tensor) -> Deformation:
        """A copy on the device and in the precision of ``like``."""

        def copies(*tensors: Tensor) -> tuple[Tensor, ...]:
            return tuple(tensor.to(like, copy=True) for tensor in tensors)

        return Deformation(copies(*self.weights), copies(*self.biases), copies(*self.scales), copies(*self.shifts))


@dataclass(frozen=True, eq=False)
class DeformationControl(PointControl):
    """z ↦ z + step · (A(amount · e_k) - A(0)): bends with the amount, and does not look at z.

    ``column`` (H,) and ``bias`` (H,) are A's first layer along e_k; ``axis`` is k, the number of z to which A also adds
    its input, or -1 when it does not. A(0), which is the same shift for every amount, is taken out: moving by 0 is the
    identity. Moves do not add up: two moves by 1 are not one by 2.
    """

    kind: ClassVar[str] = "deformation"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=False, commutes=True, negative="own")

    card: ControlCard
    column: Tensor
    bias: Tensor
    deformation: Deformation
    axis: int
    step: float  # what A's unit is in the units of the space

    def __post_init__(self) -> None:
        """Raises ValueError for tensors that make no deformator, naming the first that is wrong."""
        super().__post_init__()
        tensors, (width, hidden) = self.tensors(), _sizes(self.deformation)
        for name, tensor in tensors.items():
            wanted = {"weight_4": (width, hidden), "weight_2": (hidden, hidden), "weight_3": (hidden, hidden)}
            if not tensor.is_floating_point() or tuple(tensor.shape) != wanted.get(name, (hidden,)):
                raise ValueError(f"{name} of shape {tuple(tensor.shape)} and {tensor.dtype}")
        if not -1 <= self.axis < width:
            raise ValueError(f"axis {self.axis} of {width}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (_sizes(self.deformation)[0],)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        like = amount.detach()
        # Row by row and on copies: the last bit of a product of matrices depends on how many rows they have, and on
        # where in memory they begin, which is not the same for a tensor read from a file.
        shape, column, bias = self.deformation.copied(like), self.column.to(like), self.bias.to(like)
        rows = torch.stack([shape(step * column + bias) for step in amount]) - shape(bias)
        if self.axis >= 0:
            rows = rows + functional.one_hot(torch.tensor(self.axis), rows.shape[1]).to(like) * amount[:, None]
        return latent + self.step * rows

    def tensors(self) -> dict[str, Tensor]:
        shape = self.deformation
        return (
            {"column": self.column, "bias_1": self.bias}
            | {f"weight_{index + 2}": weight for index, weight in enumerate(shape.weights)}
            | {f"bias_{index + 2}": bias for index, bias in enumerate(shape.biases)}
            | {f"scale_{index + 1}": scale for index, scale in enumerate(shape.scales)}
            | {f"shift_{index + 1}": shift for index, shift in enumerate(shape.shifts)}
        )

    def parameters(self) -> dict[str, Scalar]:
        return {"axis": self.axis, "step": self.step}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        axis, step = parameters["axis"], parameters["step"]
        if type(axis) is not int or type(step) is not float:
            raise ValueError(f"axis {axis!r} and step {step!r}")
        shape = Deformation(
            (tensors["weight_2"], tensors["weight_3"], tensors["weight_4"]),
            (tensors["bias_2"], tensors["bias_3"]),
            (tensors["scale_1"], tensors["scale_2"], tensors["scale_3"]),
            (tensors["shift_1"], tensors["shift_2"], tensors["shift_3"]),
        )
        return cls(card, tensors["column"], tensors["bias_1"], shape, axis, step)


def _sizes(deformation: Deformation) -> tuple[int, int]:
    """d and H."""
    last = deformation.weights[2]
    if last.ndim != 2:
        raise ValueError(f"weight_4 of shape {tuple(last.shape)}")
    return last.shape[0], last.shape[1]


KIND = DeformationControl
