"""The reconstructor of Voynov & Babenko: which direction was taken, and how far, from the pictures before and after."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST = 64  # pixels a side: larger pictures are averaged down to it
WIDTHS = (32, 64, 96, 128)


class ShiftPredictor(nn.Module):
    """A small convolutional network with two heads: logits of the direction, and the amount.

    Group normalisation: with batch normalisation in training mode and batches of one direction, the batch's statistics
    tell the label (accuracy 1.0 where it is 0.4 on mixed batches), so its accuracy says nothing about the directions.
    """

    def __init__(self, channels: int, k: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 2 * channels
        for width in WIDTHS:
            layers += [nn.Conv2d(inputs, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.ReLU()]
            inputs = width
        self.body = nn.Sequential(*layers)
        self.direction = nn.Linear(4 * inputs, k)
        self.amount = nn.Linear(4 * inputs, 1)

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, k) and amounts (B,) of two batches of pictures (B, C, H, W) in [-1, 1]."""
        before, after = _smaller(before), _smaller(after)
        # The pair as (before, difference): the same six channels, of which none repeats what the others say.
        features = self.body(torch.cat([before, after - before], 1))
        features = functional.adaptive_avg_pool2d(features, 2).flatten(1)  # four quarters: where it changed matters
        return self.direction(features), self.amount(features)[:, 0]


def _smaller(pictures: Tensor) -> Tensor:
    size = pictures.shape[2:]
    if max(size) <= LARGEST:
        return pictures
    scale = LARGEST / max(size)
    return functional.interpolate(pictures, size=[max(1, round(side * scale)) for side in size], mode="area")
