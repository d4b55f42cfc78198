"""The network of a potential u(z, t), as plain tensors: its value and its gradient in z in closed form.

    u = act(w · tanh(W_f (tanh(W_x z + b_x) + e(t)) + b_f) + b),   e(t) = W_2 GELU(W_1 PE(t) + b_1) + b_2,

with PE(t) the sines and cosines of :func:`time_embedding`, and act tanh (bounded) or the identity. Song et al., "Latent
Traversals in Generative Models as Potential Flows", ICML 2023: that of the authors' program, which has act = tanh, and
the identity for StyleGAN2. Without W_1 and W_2 it does not depend on time: e = 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

SLOWEST = 10_000.0
"""The time over which the slowest wave of the embedding turns by a radian; the quickest takes 1."""


class Affine(NamedTuple):
    """``weight`` (..., outputs, inputs), ``bias`` (..., outputs)."""

    weight: Tensor
    bias: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """(..., B, outputs) of ``rows`` (..., B, inputs), in memory of its own."""
        if self.weight.dim() == 2:
            return functional.linear(rows, self.weight, self.bias)
        if self.weight.dim() == rows.dim() == 3:  # the usual case, in one pass
            return torch.baddbmm(self.bias[:, None, :], rows, self.weight.mT)
        return rows @ self.weight.mT + self.bias[..., None, :]

    def back(self, rows: Tensor) -> Tensor:
        """(..., B, inputs): the transposed map, of ``rows`` (..., B, outputs)."""
        return rows @ self.weight


class PotentialNetwork(NamedTuple):
    """One network, or many of them side by side: the layers' tensors begin with the same (...). ``time``: W_1 and W_2;
    None where the potential does not depend on time.

    Both functions take points (..., B, d) and times (..., B), B for each network; or (..., 1), one for all of its
    points, which saves most of the time's part.
    """

    into: Affine
    fusion: Affine
    out: Affine
    time: tuple[Affine, Affine] | None
    bounded: bool

    @property
    def width(self) -> int:
        """d, of the points."""
        return self.into.weight.shape[-1]

    def potential(self, z: Tensor, time: Tensor) -> Tensor:
        """u (..., B)."""
        return self._layers(z, time)[2]

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """∇u (..., B, d) with respect to the points."""
        first, fused, value = self._layers(z, time)
        back = self.out.weight
        if self.bounded:
            back = back * (1 - value.square())[..., None]
        back = _through_tanh(back.expand(fused.shape), fused)
        return self.into.back(_through_tanh(self.fusion.back(back), first))

    def _layers(self, z: Tensor, time: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What both hidden layers say (..., B, d), and u (..., B)."""
        first = self.into(z).tanh_()
        both = first
        if self.time is not None:
            early, late = self.time
            both = first + late(functional.gelu(early(time_embedding(time.to(z.dtype), self.width))))
        fused = self.fusion(both).tanh_()
        value = self.out(fused)[..., 0]
        return first, fused, torch.tanh(value) if self.bounded else value


def _through_tanh(slope: Tensor, value: Tensor) -> Tensor:
    """``slope`` · (1 - ``value``²), of equal shapes, in one pass: many points side by side wait for memory."""
    found: Tensor = torch.ops.aten.tanh_backward(slope, value)
    return found


def time_embedding(time: Tensor, width: int) -> Tensor:
    """(..., width): [sin ωt, cos ωt] of ``time`` (...), with ω falling from 1 to 1e-4 by equal factors.

    For even widths ≥ 4 it is that of the authors' program, which knows no others. An odd width has (width + 1) / 2
    waves and leaves the slowest cosine out.
    """
    waves = (width + 1) // 2
    number = torch.arange(waves, dtype=time.dtype, device=time.device)
    angle = time[..., None] * torch.exp(number * (-math.log(SLOWEST) / max(waves - 1, 1)))
    return torch.cat([angle.sin(), angle.cos()], -1)[..., :width]
