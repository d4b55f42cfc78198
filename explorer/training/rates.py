"""Learning rates over a stage."""

from __future__ import annotations

import math

import torch


def cosine_decay(progress: float) -> float:
    """Share of the learning rate: full for the first half of a stage, then a cosine down to one hundredth."""
    return 1.0 if progress < 0.5 else 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (2 * progress - 1)))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate to ``rate`` times the group's own ``scale`` (1 where it has none)."""
    for group in optimiser.param_groups:
        group["lr"] = rate * float(group.get("scale", 1.0))
