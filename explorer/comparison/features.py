"""What is kept of a picture where no attribute is read: colours and contours in coarse cells, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CELLS = 8
LEVELS = 3
THUMBNAIL = 16


def features(pictures: Tensor) -> Tensor:
    """(B, F) float32: the mean colour of 8 × 8 cells, and in the same cells the mean magnitude of each of three levels
    of a Laplacian pyramid of the grey picture (Burt & Adelson 1983), of pictures (B, C, H, W) in [-1, 1].

    No network and no weights: alike for every model, tolerant to small shifts, blind to what things mean.
    """
    pictures = pictures.float()
    found = [_cells(pictures)]
    level = pictures.mean(1, keepdim=True)
    for _ in range(LEVELS):
        if min(level.shape[-2:]) < 2:
            break
        smaller = functional.avg_pool2d(level, 2)
        larger = functional.interpolate(smaller, size=level.shape[-2:], mode="bilinear", align_corners=False)
        found.append(_cells((level - larger).abs()))
        level = smaller
    return torch.cat([one.flatten(1) for one in found], 1)


def thumbnails(pictures: Tensor) -> Tensor:
    """(B, C, h, w) float32, at most 16 pixels a side, by the mean of the pixels."""
    height, width = (min(THUMBNAIL, side) for side in pictures.shape[-2:])
    return functional.adaptive_avg_pool2d(pictures.float(), (height, width))


def _cells(pictures: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(pictures, CELLS)
