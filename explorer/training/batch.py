"""What training takes: a batch of pictures, and the protocol of where they come from."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.worlds.base import World


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
    fingerprint: str  # of the pictures, where they may change under one name; else empty

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the pictures, a line each."""

    def draw(self, n: int, seed: int) -> Batch:
        """``n`` pictures to train on, a function of the seed alone."""

    def held_out(self, n: int, seed: int) -> Batch:
        """``n`` pictures for the figures in a card, from seeds that training does not use; a function of
        the seed alone. (A world of real examples, `digits`, draws both from the same ones.)"""


def as_images(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, C, H, W) in [-1, 1] of (n, H, W, C) in 0..255."""
    writable = np.require(pictures, requirements="W")  # those of image files are not, and torch warns of it
    return torch.from_numpy(writable).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).contiguous()
