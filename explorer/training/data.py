"""Where training pictures come from: a world, or a folder of the user's images. One protocol for both."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.training.base import Recipe
from explorer.worlds import registry as worlds
from explorer.worlds.base import World

EVALUATION_SEED = 20_000_000
"""Pictures for the figures in a card: streams of seeds that no training step reaches."""


class Batch(NamedTuple):
    """Pictures (B, C, H, H) in [-1, 1] and, where the truth is known, the values (B, factors) that they were drawn
    from; both on the CPU until the loop moves them."""

    images: Tensor
    factors: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``."""
        return Batch(self.images.to(device), None if self.factors is None else self.factors.to(device))


class Source(Protocol):
    """Pictures of one size, as many as asked for."""

    name: str  # as the recipe gives it
    description: str  # for the card: what the pictures are and how many
    size: int
    channels: int
    count: int  # different pictures there are (on the grid of a world, in a folder)
    world: World | None  # where the truth is known

    def draw(self, n: int, seed: int) -> Batch:
        """``n`` pictures, a function of the seed alone."""


class WorldSource:
    """Pictures of a world, drawn when asked for."""

    def __init__(self, world: World, size: int | None = None, uniform: bool = False) -> None:
        self.world: World | None = world
        self._world, self._uniform = world, uniform
        self.name, self.size, self.channels = world.name, size or world.size, world.channels
        self.count = math.prod(len(factor.values) for factor in world.factors)
        drawn = "uniformly from the grid" if uniform else "from its causal model"
        self.description = f"{world.name}, {self.size} pixels: {self.count:,} combinations on the grid, drawn {drawn}"

    def draw(self, n: int, seed: int) -> Batch:
        """``n`` pictures with their factors."""
        rows = self._world.independent(n, seed) if self._uniform else self._world.sample(n, seed)
        return Batch(as_images(self._world.render(rows, self.size)), torch.from_numpy(rows))


def as_images(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, C, H, W) in [-1, 1] of (n, H, W, C) in 0..255."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).contiguous()


def source_of(recipe: Recipe) -> Source:
    """The pictures that the recipe's ``data`` names. Raises :class:`ExplorerError` for what there is not."""
    return WorldSource(worlds.world(recipe.data), recipe.size or None, recipe.uniform)
