"""Parts of a picture, as a person marks them."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.errors import ControlError
from explorer.scene.region import read_region


def region_mask(text: str, size: tuple[int, int]) -> Tensor:
    """(H, W) true inside the rectangle "left,top,right,bottom", in shares of the picture, at pixels' middles.

    Raises :class:`ControlError` for another text, for an empty rectangle, and for one that leaves nothing outside.
    """
    left, top, right, bottom = read_region(text)
    y, x = ((torch.arange(side) + 0.5) / side for side in size)
    inside = ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
    if not bool(inside.any()) or bool(inside.all()):
        raise ControlError(f"The region '{text}' holds no pixel, or all of them; draw it larger or smaller.")
    return inside
