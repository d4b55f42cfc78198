"""DCGANs: a vector becomes a picture by transposed convolutions alone, each of which doubles its side.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", ICLR 2016, in the layout of PyTorch's tutorial, which is the most copied one: z ~ N(0, I) as one pixel; a
transposed convolution without padding makes it as large as its kernel; then kernels of 4 with stride 2 and padding 1;
batch norm and ReLU after every one but the last, which is followed by tanh. Batch norm uses the running statistics.
Strides and paddings are not in the file, so that other kernels are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.layers import batch_norm, check_leaves, transposed_convolution
from explorer.generators.sequential_gan import SequentialGanFamily
from explorer.generators.state_dicts import layers_in

WHAT = "a DCGAN"
KERNEL = 4
MAX_SIDE = 4096


class DcganFamily(SequentialGanFamily):
    """Finds and loads them."""

    name: ClassVar[str] = "dcgan"
    title: ClassVar[str] = "DCGANs"
    short_title: ClassVar[str] = "DCGAN"
    reason: ClassVar[str] = "Its tensors are transposed convolutions that lead from a vector to a picture."
    other: ClassVar[str] = "It holds no chain of transposed convolutions from a vector to a picture."

    def matches(self, state: Mapping[str, Any]) -> bool:
        """Kernels of two dimensions that chain as transposed ones, and nothing but batch norm beside them."""
        tensors = [value for value in state.values() if isinstance(value, Tensor)]
        kernels = [tensor for tensor in tensors if tensor.ndim == 4]
        chained = all(one.shape[1] == after.shape[0] for one, after in pairwise(_kernels(state)))
        return len(kernels) >= 2 and chained and all(tensor.ndim in (0, 1, 4) for tensor in tensors)

    def built(self, state: Mapping[str, Any], path: Path) -> tuple[nn.Sequential, tuple[int, int, int]]:
        layers = layers_in(state, path)
        convolutions = [name for name, tensors in layers.items() if _is_convolution(tensors)]
        modules: list[nn.Module] = [nn.Unflatten(1, (layers[convolutions[0]]["weight"].shape[0], 1, 1))]
        side = 1
        for name, tensors in layers.items():
            if _is_convolution(tensors):
                if name != convolutions[0]:
                    modules.append(nn.ReLU())
                modules.append(_convolution(name, tensors, side == 1, path))
                side = tensors["weight"].shape[2] if side == 1 else side * 2
            elif isinstance(modules[-1], nn.ConvTranspose2d):
                modules.append(batch_norm(name, tensors, modules[-1].out_channels, path, WHAT))
            else:
                raise ModelError(f"'{path.name}': '{name}' stands before any convolution; it is of another layout.")
        channels = layers[convolutions[-1]]["weight"].shape[1]
        if channels not in (1, 3) or side > MAX_SIDE:
            raise ModelError(
                f"'{path.name}' ends in {channels} channels of {side} × {side}, which is no grey and no colour "
                "picture; it is no generator of pictures."
            )
        return nn.Sequential(*modules, nn.Tanh()), (channels, side, side)


def _is_convolution(tensors: Mapping[str, Tensor]) -> bool:
    return "weight" in tensors and tensors["weight"].ndim == 4


def _kernels(state: Mapping[str, Any]) -> list[Tensor]:
    """The kernels (in, out, high, wide) of ``state``, in the order of the network."""
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    return [layer["weight"] for layer in layers_in(tensors, Path()).values() if _is_convolution(layer)]


def _convolution(name: str, tensors: Mapping[str, Tensor], first: bool, path: Path) -> nn.ConvTranspose2d:
    check_leaves(name, tensors, {"weight"}, {"bias"}, path, WHAT)
    _, _, high, wide = tensors["weight"].shape
    if high != wide or not (2 <= high <= 8 if first else high == KERNEL):
        size = "a square one of 2 to 8 pixels" if first else f"one of {KERNEL} × {KERNEL} with stride 2 and padding 1"
        raise ModelError(
            f"'{path.name}': '{name}' has a kernel of {high} × {wide}; the file does not say how it steps, and only "
            f"{size} is known here."
        )
    stride, padding = (1, 0) if first else (2, 1)
    return transposed_convolution(name, tensors, stride, padding, path, WHAT)


FAMILY = DcganFamily()
