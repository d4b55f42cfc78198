"""What a layout is: it says which state dicts are of it, and puts the network together of their tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators import layers
from explorer.generators.layered_vae import LayeredVae
from explorer.generators.state_dicts import layers_in

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Built:
    """The network with the tensors, the (channels, height, width) of its pictures, and how many latents it has.
    ``is_guessed``: whether the layout does not tell what follows the decoder's last layer."""

    network: LayeredVae
    shape: Shape
    latents: int
    is_guessed: bool = False


class Layout(Protocol):
    """The checkpoints of one program."""

    title: str
    """Whose they are, as the card says it."""

    def matches(self, state: Mapping[str, Tensor]) -> bool:
        """Whether ``state`` is meant to be of this layout, broken or not."""

    def built(self, state: Mapping[str, Tensor], shape: Shape | None, path: Path) -> Built:
        """The network of ``state``; ``shape`` of its pictures, where something beside the file tells it. Raises
        :class:`ModelError` with one sentence."""


@dataclass
class Part:
    """The modules of a state dict whose names begin with ``prefix``, taken one after the other; what none takes is
    refused by :meth:`finish`."""

    state: Mapping[str, Tensor]
    prefix: str
    path: Path
    what: str
    _modules: dict[str, dict[str, Tensor]] = field(init=False)
    _taken: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        own = {key: value for key, value in self.state.items() if key.startswith(self.prefix)}
        self._modules = layers_in(own, self.path)

    def names(self, pattern: str = ".*") -> list[str]:
        """Names, without the prefix, of the modules that match ``pattern``, in the order of the network."""
        return [name for name in map(self._short, self._modules) if re.fullmatch(pattern, name)]

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the weight of module ``name``."""
        return tuple(self._tensors(name)["weight"].shape) if "weight" in self._tensors(name) else ()

    def linear(self, name: str) -> nn.Linear:
        return layers.linear(self.prefix + name, self._take(name), self.path, self.what)

    def convolution(self, name: str, stride: int = 2, padding: int = 1) -> nn.Conv2d:
        return layers.convolution(self.prefix + name, self._take(name), stride, padding, self.path, self.what)

    def transposed(self, name: str, stride: int = 2, padding: int = 1, output_padding: int = 0) -> nn.ConvTranspose2d:
        return layers.transposed_convolution(
            self.prefix + name, self._take(name), stride, padding, self.path, self.what, output_padding
        )

    def batch_norm(self, name: str, width: int) -> nn.BatchNorm2d:
        return layers.batch_norm(self.prefix + name, self._take(name), width, self.path, self.what)

    def finish(self) -> None:
        """Refuse modules that no layer has taken."""
        for name in self._modules:
            if self._short(name) not in self._taken:
                raise ModelError(f"'{self.path.name}' holds an unknown layer '{name}'; it is of another architecture.")

    def _short(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    def _tensors(self, name: str) -> dict[str, Tensor]:
        return self._modules.get(self.prefix + name, {})

    def _take(self, name: str) -> dict[str, Tensor]:
        self._taken.add(name)
        return self._tensors(name)


def with_relu(modules: Iterable[nn.Module]) -> list[nn.Module]:
    """``modules`` with a ReLU after each."""
    return [layer for module in modules for layer in (module, nn.ReLU())]


def picture_of(outputs: int, shape: Shape | None, path: Path) -> Shape:
    """(channels, height, width) of pictures of ``outputs`` numbers: ``shape`` if it has as many, else a square, grey or
    colour."""
    if shape is not None:
        if math.prod(shape) != outputs:
            raise ModelError(
                f"'{path.name}' makes {outputs} numbers, and pictures of {shape} have {math.prod(shape)}; its "
                "description does not fit its weights."
            )
        return shape
    if (square := layers.square_picture(outputs)) is not None:
        return square
    raise ModelError(
        f"'{path.name}' makes {outputs} numbers, which are neither a square grey picture nor a square colour one; say "
        f"{{\"shape\": [channels, height, width]}} in a file '{path.name}.json' beside it."
    )
