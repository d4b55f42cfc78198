"""What the variables of a graph are bound to on a generator: attributes of its pictures, or controls of its points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import msgspec
import torch
from torch import Tensor

from explorer.controls.attribute_map import AttributeMap
from explorer.controls.bound_controls import BoundControls
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

_MAP = "map."


class Source(msgspec.Struct, frozen=True):
    """Where values are read. ``text``: what the user has written for it; ``name``: what it is called in a sentence;
    ``digest``: of what it reads with; ``attributes``: variable → attribute; ``levels``: variable → the numbers that are
    read for its levels."""

    text: str
    name: str
    digest: str
    attributes: dict[str, str]
    levels: dict[str, tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class Bindings:
    """``variables`` of a graph, in its order: each is an attribute, which ``source`` reads from pictures and
    ``attributes`` says where to look for, or a control, of ``controls``, in a space whose points have ``shape``."""

    variables: tuple[Variable, ...]
    attributes: AttributeMap
    source: Source
    controls: BoundControls

    def __post_init__(self) -> None:
        """Raises ValueError where a variable is bound to nothing, or to both, or not as it has levels."""
        bound = {*self.attributes.names, *self.controls.controls}
        if bound != set(self.names) or len(bound) != len(self.attributes.names) + len(self.controls.controls):
            raise ValueError(f"{', '.join(sorted(bound))} in place of {', '.join(self.names)}")
        if self.attributes.variables != tuple(each for each in self.variables if each.name in self.attributes.names):
            raise ValueError(f"attributes that are not those of {', '.join(self.names)}")
        if set(self.source.attributes) != set(self.attributes.names):
            raise ValueError(f"attributes of {', '.join(self.source.attributes)}")
        for variable in self.attributes.variables:
            if len(self.source.levels.get(variable.name, ())) != variable.levels:
                raise ValueError(f"{variable.levels} levels of '{variable.name}'")
        if math.prod(self.shape) != len(self.attributes.mean):
            raise ValueError(f"points of shape {self.shape} for width {len(self.attributes.mean)}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(variable.name for variable in self.variables)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.controls.shape

    @cached_property
    def read(self) -> tuple[int, ...]:
        """The places of the attributes among the variables."""
        return tuple(map(self.names.index, self.attributes.names))

    @cached_property
    def scales(self) -> Tensor:
        """(V,): what counts as one in the unit of a variable."""
        own = dict(zip(self.attributes.names, self.attributes.scales, strict=True))
        own |= dict(zip(self.controls.controls, self.controls.scales, strict=True))
        return torch.stack([own[name] for name in self.names])

    def joined(self, read: Tensor, points: Tensor) -> Tensor:
        """(n, V) the values of points (n, *shape), of which ``read`` (n, A) are those of the attributes."""
        columns = dict(zip(self.attributes.names, read.unbind(dim=1), strict=True))
        columns |= {name: value.to(read) for name, value in self.controls.values(points).items()}
        return torch.stack([columns[name] for name in self.names], dim=1)

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of them."""
        return {f"{_MAP}{name}": tensor for name, tensor in self.attributes.tensors().items()} | self.controls.tensors()

    def parameters(self) -> dict[str, Scalar]:
        """The rest of what a file holds of them."""
        told: dict[str, Scalar] = {
            "source": msgspec.json.encode(self.source).decode(),
            "shape": ",".join(map(str, self.shape)),
        }
        return told | ({"controls": self.controls.described()} if self.controls.controls else {})

    @classmethod
    def restore(
        cls, variables: tuple[Variable, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]
    ) -> Self:
        """What :meth:`tensors` and :meth:`parameters` gave, of ``variables``. Raises KeyError for what is missing,
        ValueError for what is wrong."""
        told, written = parameters["source"], parameters["shape"]
        described = parameters.get("controls", "[]")  # files of before controls were bound say nothing of them
        if not isinstance(told, str) or not isinstance(written, str) or not isinstance(described, str):
            raise ValueError("a source, a shape or controls that are no text")
        try:
            source = msgspec.json.decode(told, type=Source)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error
        shape = tuple(map(int, written.split(",")))
        controls = BoundControls.restore(tensors, described, shape)
        read = tuple(variable for variable in variables if variable.name not in controls.controls)
        own = {key.removeprefix(_MAP): tensor for key, tensor in tensors.items() if key.startswith(_MAP)}
        return cls(variables, AttributeMap.restore(read, own), source, controls)
