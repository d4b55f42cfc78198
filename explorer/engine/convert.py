"""From pictures in [-1, 1] to the bytes that Qt paints fastest: BGRX rows, made on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def to_bgrx(pictures: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) float in [-1, 1] → (B, H, W, 4) uint8 in the order blue, green, red, 255, on the same device.

    Values outside the range are clipped; rounding is to the nearest of the 256 levels, as when a PNG is written.
    """
    levels = pictures.float().mul(127.5).add_(128.0).clamp_(0, 255).to(torch.uint8)
    if levels.shape[1] == 1:
        levels = levels.expand(-1, 3, -1, -1)
    batch, _, height, width = levels.shape
    out = torch.full((batch, height, width, 4), 255, dtype=torch.uint8, device=pictures.device)
    out[..., :3] = levels.flip(1).permute(0, 2, 3, 1)
    return out
