"""From pictures in [-1, 1] to the bytes that Qt paints fastest: BGRX rows, made on the device."""

from __future__ import annotations

import torch
from torch import Tensor

DIFFERENCE_GAIN = 4.0
"""A difference view shows |a - b| times this, so that an eighth of the range is half-bright."""


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


def difference(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Grey pictures (B, 1, H, W) in [-1, 1] of how far each pixel moved, and the RMS difference (B,), 0..1 of the
    pixel range.

    Black is "the same"; brightness is the mean over channels of |after - before|, times :data:`DIFFERENCE_GAIN`.
    """
    distance = (after - before).abs() / 2.0  # 0..1 of the pixel range
    rms = distance.square().mean(dim=(1, 2, 3)).sqrt()
    return distance.mean(dim=1, keepdim=True).mul(DIFFERENCE_GAIN).clamp(0, 1).mul(2).sub(1), rms


def before_after(before: Tensor, after: Tensor, split: float) -> Tensor:
    """``before`` left of the divider, ``after`` right of it; ``split`` 0..1 of the width. (C, H, W) each."""
    column = round(split * after.shape[-1])
    joined = after.clone()
    joined[..., :column] = before[..., :column]
    return joined
