"""The networks that help to train a StyleGAN2 generator and are not shipped: encoder, discriminator, velocity field."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.2


class _Trunk(nn.Module):
    """Halves a picture down to 4x4 by strided convolutions and flattens it."""

    def __init__(self, resolution: int, channels: list[int], picture_channels: int, extra: int = 0) -> None:
        super().__init__()
        if resolution >> len(channels) != 4:
            raise ValueError(f"{len(channels)} channel counts do not bring {resolution} pixels down to 4")
        widths = [picture_channels, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 4 if index else 6, stride=2, padding=1 if index else 2)
            for index, (a, b) in enumerate(pairwise(widths))
        )
        self.hidden = nn.Linear((channels[-1] + extra) * 16, 256)

    def features(self, x: Tensor) -> Tensor:
        for convolution in self.convolutions:
            x = functional.leaky_relu(convolution(x), LEAK)
        return x


class Encoder(_Trunk):
    """Pictures (B, C, H, H) in [-1, 1] → codes (B, w_dim), each dimension standardised over the batch (running, in
    eval mode)."""

    def __init__(self, resolution: int, channels: list[int], picture_channels: int, w_dim: int) -> None:
        super().__init__(resolution, channels, picture_channels)
        self.out = nn.Linear(256, w_dim)
        self.standardise = nn.BatchNorm1d(w_dim, affine=False, momentum=0.02)

    def raw(self, x: Tensor) -> Tensor:
        """The codes before they are standardised."""
        codes: Tensor = self.out(functional.leaky_relu(self.hidden(self.features(x).flatten(1)), LEAK))
        return codes.float()

    def forward(self, x: Tensor) -> Tensor:
        standardised: Tensor = self.standardise(self.raw(x))
        return standardised


class Discriminator(_Trunk):
    """Pictures (B, C, H, H) → logits (B,). The spread over the batch is one more channel (Karras et al. 2018, section
    3)."""

    def __init__(self, resolution: int, channels: list[int], picture_channels: int) -> None:
        super().__init__(resolution, channels, picture_channels, extra=1)
        self.out = nn.Linear(256, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        spread = (x.float().var(0, unbiased=False) + 1e-8).sqrt().mean()
        x = torch.cat([x, spread.to(x.dtype).expand(x.shape[0], 1, *x.shape[2:])], 1)
        x = functional.leaky_relu(self.hidden(x.flatten(1)), LEAK)
        logits: Tensor = self.out(x)[:, 0]
        return logits.float()


class Velocity(nn.Module):
    """v(x, t) for flow matching in w: a residual perceptron on (x, Fourier features of t)."""

    def __init__(self, dimensions: int, width: int, blocks: int = 3, frequencies: int = 8) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.enter = nn.Linear(dimensions + 2 * frequencies, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.leave = nn.Linear(width, dimensions)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """``x`` (B, d), ``t`` (B,) in 0..1 → (B, d)."""
        angles = t[:, None] * math.pi * torch.arange(1, self.frequencies + 1, device=t.device, dtype=t.dtype)
        hidden = self.enter(torch.cat([x, angles.sin(), angles.cos()], 1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        velocity: Tensor = self.leave(functional.silu(hidden))
        return velocity
