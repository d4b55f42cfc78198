"""How often a path goes round: what tells a field that can follow a circle from one that only looks along it."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def turns(path: Tensor, first: Tensor, second: Tensor) -> float:
    """By how many turns the points ``path`` (T, d) go round 0 in the plane of the orthonormal vectors ``first`` and
    ``second`` (d,), from the first of them to the second; back again counts back. Neighbouring points lie less than
    half a turn apart.

    A pointwise cosine does not show it: a potential with a thin steep cut agrees with a circle nearly everywhere, and
    the flow along its gradient never closes a turn.
    """
    angles = torch.atan2(path.double() @ second.double(), path.double() @ first.double())
    steps = angles.diff()
    steps = steps - 2 * math.pi * torch.round(steps / (2 * math.pi))
    return float(steps.sum()) / (2 * math.pi)
