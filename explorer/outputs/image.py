"""Pictures: (B, C, H, W), grey (C = 1) or coloured (C = 3: red, green, blue)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import ModelError
from explorer.outputs.base import THUMBNAIL, Output
from explorer.outputs.sizes import within
from explorer.scene.cards import PICTURES, OutputCard

CELLS = 8
LEVELS = 3


class Image(Output):
    """An output that is a picture as it stands: its pixels are its numbers."""

    kind: ClassVar[str] = PICTURES

    def card(self, shape: Sequence[int]) -> OutputCard:
        """``shape``: channels, height, width."""
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise ModelError(f"Pictures have 1 or 3 channels; those of shape {tuple(shape)} cannot be shown.")
        channels, height, width = shape
        colours = "grey" if channels == 1 else "colour"
        return OutputCard(
            kind=self.kind,
            shape=(channels, height, width),
            size=(height, width),
            text=f"{width}×{height}",
            description=f"{width} × {height} {colours} pictures",
        )

    def picture(self, outputs: Tensor, height: int = 0) -> Tensor:
        return outputs

    def features(self, outputs: Tensor) -> Tensor:
        """The mean colour of 8 × 8 cells, and in the same cells the mean magnitude of each of three levels of a
        Laplacian pyramid of the grey picture (Burt & Adelson 1983).

        No network and no weights: alike for every model, tolerant to small shifts, blind to what things mean.
        """
        pictures = outputs.float()
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

    def thumbnails(self, outputs: Tensor, side: int = THUMBNAIL) -> Tensor:
        height, width = outputs.shape[-2:]
        size = within((height, width), side)
        return outputs.float() if size == (height, width) else functional.adaptive_avg_pool2d(outputs.float(), size)


def _cells(pictures: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(pictures, CELLS)


OUTPUT = Image()
