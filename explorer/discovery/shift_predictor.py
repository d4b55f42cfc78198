"""The reconstructor of Voynov & Babenko: which direction was taken, and how far, from the pictures before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.outputs.base import Output

LARGEST = 64  # pixels a side: larger pictures are averaged down to it
WIDTHS = (32, 64, 96, 128)
HELD_OUT = 256
"""Pairs of pictures, all directions in turn, on which the reconstructor is examined at the end."""


class ShiftPredictor(nn.Module):
    """A small convolutional network with two heads: logits of the direction, and the amount.

    Group normalisation: with batch normalisation in training mode and batches of one direction, the batch's statistics
    tell the label (accuracy 1.0 where it is 0.4 on mixed batches), so its accuracy says nothing about the directions.
    """

    def __init__(self, kind: Output, shape: Sequence[int], k: int) -> None:
        """For outputs of ``kind`` and ``shape``, without the batch, and ``k`` directions."""
        super().__init__()
        self.kind = kind
        layers: list[nn.Module] = []
        inputs = 2 * kind.thumbnails(torch.zeros(1, *shape), LARGEST).shape[1]
        for width in WIDTHS:
            layers += [nn.Conv2d(inputs, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.ReLU()]
            inputs = width
        self.body = nn.Sequential(*layers)
        self.direction = nn.Linear(4 * inputs, k)
        self.amount = nn.Linear(4 * inputs, 1)

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, k) and amounts (B,) of two batches of outputs (B, *shape) in [-1, 1]."""
        before, after = self.kind.thumbnails(before, LARGEST), self.kind.thumbnails(after, LARGEST)
        # The pair as (before, difference): the same six channels, of which none repeats what the others say.
        features = self.body(torch.cat([before, after - before], 1))
        features = functional.adaptive_avg_pool2d(features, 2).flatten(1)  # four quarters: where it changed matters
        return self.direction(features), self.amount(features)[:, 0]


@torch.no_grad()
def recognised(logits: Callable[[Tensor], Tensor], k: int, batch: int) -> tuple[Tensor, int]:
    """(k,): the share of fresh pairs of each direction that are recognised, and how many pairs were drawn.

    ``logits`` makes a fresh pair for each of the directions (B,), at most ``batch`` of them, and says (B, k) which they
    look like.
    """
    each = -(-HELD_OUT // k)
    right = [logits(which).argmax(1).cpu() == which for which in torch.split(torch.arange(k).repeat(each), batch)]
    return torch.cat(right).reshape(each, k).double().mean(0), each * k
