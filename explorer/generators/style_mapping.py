"""What StyleGAN2 and StyleGAN3 have in common: the mapping from z, and perhaps a class, to w, and w's way to styles.

Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019.

Notation: B batch, W width of w, L layers of w_plus, S sum of all style widths, K classes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SQRT2 = math.sqrt(2)
LEAK = 0.2
MOST_CLASSES = 65_536


def unit_normal(*shape: int) -> Tensor:
    """Numbers of variance 1, with which training begins; none where a network is built without numbers, for torch
    would import its compiler to see what they would be, which takes a second."""
    numbers = torch.empty(shape)
    return numbers if numbers.is_meta else torch.randn(shape)


class EqualisedLinear(nn.Module):
    """Linear layer with equalised learning rate: stored weights have unit variance, the gain is applied at run time.

    ``lr_multiplier`` slows its learning without changing the function it starts as.
    """

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, lr_multiplier: float = 1.0) -> None:
        super().__init__()
        weight = unit_normal(outputs, inputs)
        self.weight = nn.Parameter(weight if weight.is_meta else weight / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier

    @property
    def effective_weight(self) -> Tensor:
        """(outputs, inputs): what the input is really multiplied by."""
        return self.weight * self.weight_gain

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.effective_weight, self.bias * self.bias_gain)


def check_classes(classes: int, label_width: int) -> None:
    """Raises ValueError where a conditional network's counts are impossible."""
    sizes = (classes, label_width)
    if any(type(size) is not int or not 0 <= size <= MOST_CLASSES for size in sizes) or bool(classes) != bool(
        label_width
    ):
        raise ValueError(f"{classes} classes of {label_width} numbers are impossible")


def to_unit_square(x: Tensor) -> Tensor:
    """``x`` (B, d) scaled to a mean square of 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class Mapping(nn.Module):
    """z → w: z is scaled to unit mean square, then passes fully connected layers of ``widths``. With ``classes``, the
    class's embedding, ``label_width`` numbers scaled likewise, is put behind z."""

    def __init__(self, widths: Sequence[int], lr_multiplier: float, classes: int = 0, label_width: int = 0) -> None:
        super().__init__()
        self.classes = classes
        if classes:
            self.embed = EqualisedLinear(classes, label_width)
            widths = (widths[0] + label_width, *widths[1:])
        self.layers = nn.ModuleList(EqualisedLinear(a, b, lr_multiplier=lr_multiplier) for a, b in pairwise(widths))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """``z`` (B, z_dim), ``label`` (B, K) weights of the classes, one of them 1 or several blended → w (B, W)."""
        x = to_unit_square(z)
        if self.classes:
            if label is None:
                raise ValueError("a conditional network needs a class")
            x = torch.cat([x, to_unit_square(self.embed(label))], 1)
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), LEAK) * SQRT2
        return x


class Modulated(Protocol):
    """A layer whose input is scaled channel by channel; ``affine`` computes the scales, its style."""

    affine: EqualisedLinear
    to_colours: bool
    """Whether it turns features into colours."""


class StyleNetwork(nn.Module, ABC):
    """Mapping and synthesis, with the mean of w (for truncation) stored beside the weights."""

    def __init__(self, mapping: Mapping, w_dim: int) -> None:
        super().__init__()
        self.mapping = mapping
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self.register_buffer("w_std", torch.ones(w_dim))

    @abstractmethod
    def modulated_layers(self) -> Sequence[tuple[int, Modulated]]:
        """(index into w_plus, layer) in the order in which the layers run."""

    @property
    @abstractmethod
    def w_layers(self) -> int:
        """L: how many copies of w the synthesis network reads."""

    @abstractmethod
    def part_of(self, name: str) -> str:
        """The title of the part that the tensor ``name`` belongs to: ``mapping``, or one of the synthesis network."""

    @abstractmethod
    def synthesis(self, styles: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """All styles (B, S) → pictures (B, C, H, H), not clamped."""

    @abstractmethod
    def features(self, styles: Tensor, size: int) -> Tensor:
        """All styles (B, S) → what the layers of pictures of ``size`` pixels compute last (B, C, h, h)."""

    @property
    def style_widths(self) -> list[int]:
        """Channels of every style vector; they sum to S."""
        return [layer.affine.weight.shape[0] for _, layer in self.modulated_layers()]

    def truncate(self, w: Tensor, psi: Tensor) -> Tensor:
        """w (B, W) pulled towards the mean of w by psi (B,): section 3 of "A Style-Based Generator", appendix B."""
        # Written so that psi = 0 gives the mean and psi = 1 gives w, both bit for bit.
        return torch.lerp(cast(Tensor, self.w_mean).expand_as(w), w, psi.to(w)[:, None])

    def broadcast(self, w: Tensor) -> Tensor:
        """w (B, W) → w_plus (B, L, W)."""
        return w[:, None].expand(-1, self.w_layers, -1).contiguous()

    def styles(self, w_plus: Tensor) -> Tensor:
        """w_plus (B, L, W) → all styles side by side (B, S)."""
        return torch.cat([layer.affine(w_plus[:, index]) for index, layer in self.modulated_layers()], 1)
