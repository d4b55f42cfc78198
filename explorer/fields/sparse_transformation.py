"""The gradient of a potential network and beside it a network that was pushed towards divergence 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.fields.potential import PotentialField
from explorer.numerics.potential_network import Affine
from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar

REST = "rest."
"""Begins the names of the tensors of the network beside the potential."""
REST_LAYERS = ("layer_x", "layer_out")
"""Its layers' names, here and in the authors' files (latent-flow: ``DIV_MLP.{k}.…``)."""


@dataclass(frozen=True, eq=False)
class SparseTransformationField:
    """v = ∇u(z, t) + r(z), r = tanh(W_2 tanh(W_1 z + b_1) + b_2). Song et al., "Unsupervised Representation Learning
    from Sparse Transformation Analysis", 2410.05564: a penalty on the square of its divergence was to make r a
    rotation, so it is one only as far as that succeeded."""

    kind: ClassVar[str] = "sparse_transformation"
    nature: ClassVar[FieldNature] = "both"
    smooth: ClassVar[bool] = True

    gradient: PotentialField
    rest: tuple[Affine, Affine]

    def __post_init__(self) -> None:
        """Raises ValueError for layers of other shapes than the potential's width asks for."""
        width = self.gradient.width
        for name, layer in zip(REST_LAYERS, self.rest, strict=True):
            if tuple(layer.weight.shape) != (width, width) or tuple(layer.bias.shape) != (width,):
                raise ValueError(f"{name} beside the potential is not of width {width}")

    @property
    def width(self) -> int:
        """d, of the points."""
        return self.gradient.width

    @property
    def times(self) -> tuple[float, float] | None:
        """Those of the potential."""
        return self.gradient.times

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d): ∇u + r at the points ``z`` (B, d) and times (B,)."""
        early, late = self.rest
        return self.gradient.velocity(z, time) + torch.tanh(late(torch.tanh(early(z))))

    def potential(self, z: Tensor, time: Tensor) -> Tensor:
        """(B,): u, of the gradient part."""
        return self.gradient.potential(z, time)

    def tensors(self) -> dict[str, Tensor]:
        """Those of the potential, and ``rest.layer_x.weight`` and so on."""
        rest = {
            f"{REST}{name}.{part}": tensor
            for name, layer in zip(REST_LAYERS, self.rest, strict=True)
            for part, tensor in zip(Affine._fields, layer, strict=True)
        }
        return {**self.gradient.tensors(), **rest}

    def parameters(self) -> dict[str, Scalar]:
        """Those of the potential."""
        return self.gradient.parameters()

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The field of ``tensors``. Raises KeyError for what is missing, ValueError for what is wrong."""
        own = {name: tensor for name, tensor in tensors.items() if not name.startswith(REST)}
        return cls(PotentialField.restore(own, parameters), rest_of(tensors, REST))


def rest_of(state: Mapping[str, Tensor], prefix: str) -> tuple[Affine, Affine]:
    """The network r whose tensors' names begin with ``prefix`` (``DIV_MLP.3.``). Raises KeyError for what is
    missing."""
    early, late = (Affine(state[f"{prefix}{name}.weight"], state[f"{prefix}{name}.bias"]) for name in REST_LAYERS)
    return early, late


FIELD = SparseTransformationField
