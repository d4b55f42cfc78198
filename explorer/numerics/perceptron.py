"""A perceptron of leaky rectifiers, such as the mapping network of a StyleGAN, as plain matrices: its values and its
Jacobian in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SLOPE = 0.2
EPSILON = 1e-8
Layers = Sequence[tuple[Tensor, Tensor]]
"""(weight (outputs, inputs), bias (outputs,)) of every layer, the first one first."""


def with_jacobian(point: Tensor, layers: Layers) -> tuple[Tensor, Tensor]:
    """The value (outputs,) and the Jacobian (outputs, d) at ``point`` (d,).

    The point is scaled to unit mean square, x = z / sqrt(mean z² + 1e-8); every layer is then a leaky rectifier, with
    slope 0.2, of weight x + bias. At a kink the slope above it counts.
    """
    mean_square = point.square().mean() + EPSILON
    value = point * torch.rsqrt(mean_square)
    # d(z / s) with s² = mean z² + ε: (1 - z zᵀ / (d s²)) / s
    tangents = torch.eye(len(point), dtype=point.dtype) - torch.outer(value, value) / len(point)
    tangents = tangents * torch.rsqrt(mean_square)
    for weight, bias in layers:
        value = weight @ value + bias
        slopes = torch.where(value < 0, torch.full_like(value, SLOPE), torch.ones_like(value))
        value = value * slopes
        tangents = (weight @ tangents) * slopes[:, None]
    return value, tangents
