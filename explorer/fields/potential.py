"""The gradient of a potential that is a small network, time-dependent or not: what potential flows follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from explorer.numerics.potential_network import Affine, PotentialNetwork
from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar

LAYERS = ("layer_x", "layer_fusion", "layer_out")
TIME_LAYERS = ("layer_time", "layer_time2")
"""The layers' names in files, of this program and of the authors' (PDETraversal, latent-flow: ``MLP_SET.{k}.…``)."""


@dataclass(frozen=True, eq=False)
class PotentialField:
    """v = ∇u(z, t) of :class:`explorer.numerics.potential_network.PotentialNetwork`. ``times``: None where ``network``
    has no layers of time, otherwise the first and the last model time that it was trained for."""

    kind: ClassVar[str] = "potential"
    nature: ClassVar[FieldNature] = "gradient"
    smooth: ClassVar[bool] = True

    network: PotentialNetwork
    times: tuple[float, float] | None

    def __post_init__(self) -> None:
        """Raises ValueError for layers of other shapes than a width asks for, or times that do not go with them."""
        for name, layer in self._named().items():
            outputs = 1 if name == "layer_out" else self.width
            if tuple(layer.weight.shape) != (outputs, self.width) or tuple(layer.bias.shape) != (outputs,):
                raise ValueError(f"{name} is not of width {self.width}")
            if not (layer.weight.is_floating_point() and layer.weight.dtype == layer.bias.dtype):
                raise ValueError(f"{name} does not hold floating-point numbers of one kind")
        if (self.network.time is None) != (self.times is None):
            raise ValueError("times and layers of time do not go together")
        if self.times is not None and not (all(map(math.isfinite, self.times)) and self.times[0] < self.times[1]):
            raise ValueError(f"times from {self.times[0]} to {self.times[1]}")

    @property
    def width(self) -> int:
        """d, of the points."""
        return self.network.width

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d): ∇u at the points ``z`` (B, d) and times (B,)."""
        return self.network.velocity(z, time)

    def potential(self, z: Tensor, time: Tensor) -> Tensor:
        """(B,): u at the points ``z`` (B, d) and times (B,)."""
        return self.network.potential(z, time)

    def tensors(self) -> dict[str, Tensor]:
        """``layer_x.weight`` and so on: the names of the authors' program."""
        return {
            f"{name}.{part}": tensor
            for name, layer in self._named().items()
            for part, tensor in zip(Affine._fields, layer, strict=True)
        }

    def parameters(self) -> dict[str, Scalar]:
        """``bounded``, and the ``first`` and ``last`` time where there are any."""
        times = {} if self.times is None else {"first": self.times[0], "last": self.times[1]}
        return {"bounded": self.network.bounded, **times}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The field of the layers ``tensors``; without those of time where ``parameters`` name no times.

        Raises KeyError for what is missing, ValueError for what is wrong.
        """
        bounded = parameters["bounded"]
        if type(bounded) is not bool:
            raise ValueError(f"bounded {bounded!r}")
        timed = "first" in parameters or "last" in parameters
        times = (float(parameters["first"]), float(parameters["last"])) if timed else None
        return cls(_network(tensors, "", timed, bounded), times)

    def _named(self) -> dict[str, Affine]:
        network = self.network
        named = dict(zip(LAYERS, (network.into, network.fusion, network.out), strict=True))
        return named if network.time is None else {**named, **dict(zip(TIME_LAYERS, network.time, strict=True))}


def published(state: Mapping[str, Tensor], prefix: str, bounded: bool, times: tuple[float, float]) -> PotentialField:
    """The potential ``prefix`` (``MLP_SET.3.``) of a state dict of the authors' programs. ``bounded``: its act4 is
    tanh, and not the identity, which the file does not say, as little as the ``times``.

    Raises KeyError for what is missing, ValueError for what is wrong.
    """
    field = PotentialField(_network(state, prefix, True, bounded), times)
    if field.width % 2 or field.width < 4:
        raise ValueError(
            f"width {field.width}, but the published embedding of the time needs an even one of at least 4"
        )
    return field


def _network(tensors: Mapping[str, Tensor], prefix: str, timed: bool, bounded: bool) -> PotentialNetwork:
    def layer(name: str) -> Affine:
        return Affine(tensors[f"{prefix}{name}.weight"], tensors[f"{prefix}{name}.bias"])

    early, late = TIME_LAYERS
    into, fusion, out = map(layer, LAYERS)
    return PotentialNetwork(into, fusion, out, (layer(early), layer(late)) if timed else None, bounded)


FIELD = PotentialField
