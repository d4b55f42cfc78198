"""Fields of ridges side by side, trained together: what the methods learn that follow rotations."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from explorer.discovery.orthogonality import SearchStart
from explorer.fields.ridges import Ridges, solenoidal
from explorer.numerics.randomness import seeded

WIDEST = 64
"""Dimensions up to which every field has a whole matrix B; in wider spaces it has :data:`RANK` planes."""
RANK = 32


class RidgeBank(nn.Module):
    """k fields (:mod:`explorer.fields.ridges`) of one width, which share their waves. They begin as ``start``, with
    heights of 0. ``free``: any such fields; else those without divergence.

    ``sigma``: the typical deviation of the space. Parameters are those of the points in that unit, so that they are
    trained alike in any space.
    """

    def __init__(self, start: SearchStart, count: int, sigma: float, free: bool, seed: int) -> None:
        super().__init__()
        self.free, self.sigma = free, sigma
        begun = start.ridges
        k, width = begun.constant.shape
        source = seeded(seed, 0, 1)
        self.centre: Tensor
        self.right: Tensor
        self.register_buffer("centre", begun.centre.clone())
        self.constant = nn.Parameter(begun.constant.clone())
        self.waves = nn.Parameter(torch.randn(count, width, generator=source) / math.sqrt(width))
        self.phases = nn.Parameter(torch.randn(count, generator=source))
        self.heights = nn.Parameter(torch.zeros(k, count, width))
        if width <= WIDEST:
            self.left = nn.Parameter(begun.right.mT @ begun.left)
            self.register_buffer("right", torch.eye(width).repeat(k, 1, 1))
        else:
            more = RANK - begun.left.shape[1]
            drawn = torch.randn(k, more, width, generator=source) / math.sqrt(width)
            self.left = nn.Parameter(torch.cat([begun.left.cpu(), torch.zeros(k, more, width)], 1))
            self.right = nn.Parameter(torch.cat([begun.right.cpu(), drawn], 1))

    def ridges(self) -> Ridges:
        """All fields, for points of the space."""
        right, waves = self.right / self.sigma, self.waves / self.sigma
        return Ridges(self.centre, self.constant, self.left, right, waves, self.phases, self.heights)

    def forward(self, z: Tensor) -> Tensor:
        """(k, B, d) velocities at the points ``z`` (B, d)."""
        every = self.ridges()
        return every.velocity(z) if self.free else solenoidal(every).velocity(z)

    @torch.no_grad()
    def one(self, index: int) -> Ridges:
        """Field ``index`` as it is now, on the CPU; what rounding has left of divergence is in it still."""
        every = self.ridges()
        shared = {"centre", "waves", "phases"}
        return Ridges(
            *(
                (tensor if name in shared else tensor[index]).detach().cpu().float().clone()
                for name, tensor in every._asdict().items()
            )
        )
