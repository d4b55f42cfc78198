"""Where the velocity of a conditional flow is steered to: a space of amounts, one for every class and every quarter of
noise levels, which says how much of the difference of two velocities is added (:func:`steered`)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.generators.base import standard_normal
from explorer.scene.cards import SpaceCard

SPACE = "steering"
QUARTERS = 4
"""The layers of the space: of noise levels from all of the noise, where structure comes about, to none of it."""
NOISE_SEED = 0x53746565
"""Of the noise at which pictures are steered, which is the same for all of them, so that a picture does not depend on
its company."""


def space_of(classes: int) -> SpaceCard:
    """The space of a flow with ``classes``."""
    return SpaceCard(shape=(QUARTERS, classes), layers=QUARTERS)


def amounts_at(steering: Tensor, sigma: float) -> Tensor:
    """(B, K): the amounts of ``steering`` (B, QUARTERS, K) in the step that begins at ``sigma``."""
    # A quarter ends at its highest level, 1 for the first; a little less, so that rounding makes no level another's.
    return steering[:, QUARTERS - max(1, math.ceil(sigma * QUARTERS - 1e-6))]


def noises(count: int, shape: tuple[int, ...], device: torch.device) -> list[Tensor]:
    """The noise (1, *shape) of each of ``count`` steps."""
    return [standard_normal([NOISE_SEED + index], shape).to(device) for index in range(count)]
