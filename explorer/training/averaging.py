"""Exponential moving averages of weights: what ships is smoother than what the optimiser last left."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def average_into(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move the parameters of ``average`` by 1 - ``keep`` towards those of ``network``, and copy its buffers."""
    for mean, current in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(current, 1.0 - keep)
    for kept, buffer in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(buffer)
