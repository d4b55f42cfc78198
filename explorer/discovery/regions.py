"""Parts of a picture, as a person marks them."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.errors import ControlError


def region_mask(text: str, size: tuple[int, int]) -> Tensor:
    """(H, W) true inside the rectangle "left,top,right,bottom", in shares of the picture, at pixels' middles.

    Raises :class:`ControlError` for another text, for an empty rectangle, and for one that leaves nothing outside.
    """
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        left = top = right = bottom = float("nan")
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ControlError(
            f"The region '{text}' is no part of the picture; give left, top, right and bottom between 0 and 1, such as "
            "0.3,0.6,0.7,0.8."
        )
    y, x = ((torch.arange(side) + 0.5) / side for side in size)
    inside = ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
    if not bool(inside.any()) or bool(inside.all()):
        raise ControlError(f"The region '{text}' holds no pixel, or all of them; draw it larger or smaller.")
    return inside
