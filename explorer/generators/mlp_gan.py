"""Plain multilayer-perceptron GANs: the state dict of a ``Sequential`` of linear layers, in one PyTorch file.

Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, in the layout that tutorials made common: layers ``0.``,
``2.``, ``4.``, … with ReLU between them and tanh at the end, z ~ N(0, I), the last layer one output a pixel and
channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.layers import linear, square_picture
from explorer.generators.sequential_gan import SequentialGanFamily

_KEY = re.compile(r"(?:\w+\.)??(0|[1-9]\d*)\.(weight|bias)")


class MlpGanFamily(SequentialGanFamily):
    """Finds and loads them."""

    name: ClassVar[str] = "mlp_gan"
    title: ClassVar[str] = "MLP GANs"
    short_title: ClassVar[str] = "MLP GAN"
    reason: ClassVar[str] = "Its tensors are the linear layers of a plain MLP that ends in a square picture."
    other: ClassVar[str] = "Its tensors are not named like those of a plain MLP (0.weight, 0.bias, 2.weight, …)."

    def matches(self, state: Mapping[str, Any]) -> bool:
        named = all(_KEY.fullmatch(key) for key in state) and len({_prefix(key) for key in state}) == 1
        return named and all(value.ndim <= 2 for value in state.values() if isinstance(value, Tensor))

    def built(self, state: Mapping[str, Any], path: Path) -> tuple[nn.Sequential, tuple[int, int, int]]:
        layers = _layers(state, path)
        shape = _picture(layers, path)
        modules: list[nn.Module] = []
        for index, (weight, bias) in enumerate(layers):
            modules += [linear(f"layer {index}", {"weight": weight, "bias": bias}, path, "a plain MLP"), nn.ReLU()]
        return nn.Sequential(*modules[:-1], nn.Tanh()), shape


def _prefix(key: str) -> str:
    return key.rsplit(".", 2)[0] + "." if key.count(".") == 2 else ""


def _layers(state: Mapping[str, Any], path: Path) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of the linear layers in order. Raises :class:`ModelError` unless they chain into one another."""
    prefix = _prefix(next(iter(state)))
    count = len({match[1] for key in state if (match := _KEY.fullmatch(key))})
    indices = list(range(0, 2 * max(2, count), 2))
    names = [f"{prefix}{index}.{part}" for index in indices for part in ("weight", "bias")]
    for key in names:
        if not isinstance(state.get(key), Tensor):
            raise ModelError(f"'{path.name}' lacks the tensor '{key}' of a plain MLP; it is incomplete.")
    if unknown := sorted(set(state) - set(names)):
        raise ModelError(f"'{path.name}' holds an unknown tensor '{unknown[0]}'; it is of another architecture.")
    layers = [(state[f"{prefix}{index}.weight"], state[f"{prefix}{index}.bias"]) for index in indices]
    width: int | None = None
    for index, (weight, bias) in zip(indices, layers, strict=True):
        fits = weight.ndim == 2 and weight.is_floating_point() and min(weight.shape) > 0
        if not fits or bias.shape != weight.shape[:1] or width not in (None, weight.shape[1]):
            raise ModelError(
                f"'{path.name}': the shapes {tuple(weight.shape)} and {tuple(bias.shape)} of '{prefix}{index}.weight' "
                f"and '{prefix}{index}.bias' do not fit the layers around them; it is of another architecture."
            )
        width = weight.shape[0]
    return layers


def _picture(layers: list[tuple[Tensor, Tensor]], path: Path) -> tuple[int, int, int]:
    """(channels, height, width) of the pictures. Raises :class:`ModelError` unless the last width is s² or 3 s², s >
    1."""
    outputs = layers[-1][0].shape[0]
    if (square := square_picture(outputs)) is not None:
        return square
    raise ModelError(
        f"'{path.name}' ends in {outputs} outputs, which are neither a square grey picture nor a square colour one; "
        "it is no generator of pictures."
    )


FAMILY = MlpGanFamily()
