"""Flow matching (Lipman et al., ICLR 2023) from points on a sphere, with optimally coupled batches (Tong et al., TMLR
2024)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]
"""A velocity: points (B, d) and times (B,) in 0..1 → (B, d)."""


def on_sphere(z: Tensor) -> Tensor:
    """``z`` (B, d) scaled to unit mean square, each row on the sphere of radius sqrt(d)."""
    return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)


def couple(source: Tensor, target: Tensor) -> Tensor:
    """``target`` (B, d) reordered so that the sum of squared distances to the rows of ``source`` (B, d) is least."""
    cost = torch.cdist(source, target).square().cpu().numpy()
    return target[torch.from_numpy(linear_sum_assignment(cost)[1]).to(target.device)]


def flow_matching_loss(velocity: Field, source: Tensor, target: Tensor, t: Tensor) -> Tensor:
    """Mean square difference of ``velocity`` and target - source, at the times ``t`` (B,) on the straight lines
    between."""
    there = torch.lerp(source, target, t[:, None])
    return (velocity(there, t) - (target - source)).square().mean()


def integrate(velocity: Field, source: Tensor, steps: int) -> Tensor:
    """Where ``velocity`` carries ``source`` (B, d) from time 0 to 1: explicit midpoint rule in ``steps`` steps."""
    x = source
    for index in range(steps):
        t = torch.full((len(x),), index / steps, device=x.device, dtype=x.dtype)
        middle = x + velocity(x, t) * (0.5 / steps)
        x = x + velocity(middle, t + 0.5 / steps) / steps
    return x
