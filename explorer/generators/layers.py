"""Layers made of the tensors of a state dict whose author's classes are not run: each takes over its tensors, and what
cannot be a layer is refused in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from explorer.errors import ModelError

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
NORM = ("weight", "bias", "running_mean", "running_var")


def square_picture(outputs: int) -> tuple[int, int, int] | None:
    """(channels, side, side) of the square picture, grey or else colour, that ``outputs`` numbers are; None where they
    are none."""
    for channels in (1, 3):
        side = math.isqrt(outputs // channels)
        if side > 1 and channels * side * side == outputs:
            return channels, side, side
    return None


def check_leaves(
    name: str, tensors: Mapping[str, Tensor], needed: set[str], allowed: set[str], path: Path, what: str
) -> None:
    """Refuse a module ``name`` that has not all that a layer of ``what`` needs, or more than it may have."""
    for leaf in sorted(needed - set(tensors)):
        raise ModelError(f"'{path.name}' lacks the tensor '{name}.{leaf}' of {what}; it is incomplete.")
    for leaf in sorted(set(tensors) - needed - allowed):
        raise ModelError(f"'{path.name}' holds an unknown tensor '{name}.{leaf}'; it is of another architecture.")


def linear(name: str, tensors: Mapping[str, Tensor], path: Path, what: str) -> nn.Linear:
    """The linear layer of ``weight`` (outputs, inputs) and perhaps ``bias``."""
    weight, bias = _weight_and_bias(name, tensors, 2, 0, path, what)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    return _taken_over(layer, weight, bias)


def convolution(
    name: str, tensors: Mapping[str, Tensor], stride: int, padding: int, path: Path, what: str
) -> nn.Conv2d:
    """The convolution of ``weight`` (outputs, inputs, high, wide), whose ``stride`` and ``padding`` no file tells."""
    weight, bias = _weight_and_bias(name, tensors, 4, 0, path, what)
    outputs, inputs, high, wide = weight.shape
    layer = nn.Conv2d(inputs, outputs, (high, wide), stride, padding, bias=bias is not None, device="meta")
    return _taken_over(layer, weight, bias)


def transposed_convolution(
    name: str,
    tensors: Mapping[str, Tensor],
    stride: int,
    padding: int,
    path: Path,
    what: str,
    output_padding: int = 0,
) -> nn.ConvTranspose2d:
    """The transposed convolution of ``weight`` (inputs, outputs, high, wide)."""
    weight, bias = _weight_and_bias(name, tensors, 4, 1, path, what)
    inputs, outputs, high, wide = weight.shape
    layer = nn.ConvTranspose2d(
        inputs, outputs, (high, wide), stride, padding, output_padding, bias=bias is not None, device="meta"
    )
    return _taken_over(layer, weight, bias)


def batch_norm(name: str, tensors: Mapping[str, Tensor], width: int, path: Path, what: str) -> nn.BatchNorm2d:
    """The batch norm of ``width`` channels, which will use its running statistics."""
    check_leaves(name, tensors, set(NORM), {"num_batches_tracked"}, path, what)
    if any(tensors[leaf].shape != (width,) for leaf in NORM):
        raise ModelError(f"'{path.name}': the batch norm '{name}' does not fit the {width} channels before it.")
    layer = nn.BatchNorm2d(width, device="meta")
    for leaf in ("weight", "bias"):
        setattr(layer, leaf, nn.Parameter(tensors[leaf].float(), requires_grad=False))
    layer.running_mean, layer.running_var = tensors["running_mean"].float(), tensors["running_var"].float()
    layer.num_batches_tracked = torch.zeros((), dtype=torch.int64)
    return layer


def _weight_and_bias(
    name: str, tensors: Mapping[str, Tensor], dimensions: int, outputs_at: int, path: Path, what: str
) -> tuple[Tensor, Tensor | None]:
    check_leaves(name, tensors, {"weight"}, {"bias"}, path, what)
    weight, bias = tensors["weight"], tensors.get("bias")
    if weight.ndim != dimensions or min(weight.shape) < 1 or not weight.is_floating_point():
        raise ModelError(
            f"'{path.name}': '{name}.weight' has shape {tuple(weight.shape)}, or holds whole numbers; it is of another "
            "architecture."
        )
    if bias is not None and (bias.shape != (weight.shape[outputs_at],) or not bias.is_floating_point()):
        raise ModelError(f"'{path.name}': the bias of '{name}' does not fit its kernel, or they are whole numbers.")
    return weight, bias


def _taken_over(layer: Layer, weight: Tensor, bias: Tensor | None) -> Layer:
    layer.weight = nn.Parameter(weight.float(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.float(), requires_grad=False)
    return layer
