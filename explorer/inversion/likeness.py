"""How unlike two pictures are, for a search that follows the gradient: pixels, edges and textures at several scales,
without any weights that would have to be fetched."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from explorer.numerics.randomness import seeded

LARGEST = 256  # pixels a side at which pictures are compared; a search sees no more in larger ones
PYRAMID = 3  # levels
WIDTH, STAGES = 24, 3  # of the network of random filters
PYRAMID_WEIGHT, FEATURE_WEIGHT = 1.0, 0.3
SEED = 0x6C696B65
SLOPE = 0.1  # of the rectifier below 0


class Likeness:
    """The loss of pictures against one target: mean squares of the differences of pixels, of the levels of a Laplacian
    pyramid (Burt & Adelson, The Laplacian pyramid as a compact image code, 1983), and of the activations of a network
    of fixed random filters, which tell textures apart although nothing has trained them (He et al., A powerful
    generative model using random weights for the deep image representation, NeurIPS 2016)."""

    def __init__(self, target: Tensor) -> None:
        """``target``: (1, C, H, W) in [-1, 1]."""
        self._filters = random_filters(target.shape[1], target.device)
        self._target = [level.detach() for level in self._seen(target)]

    def __call__(self, pictures: Tensor) -> Tensor:
        """(B,) of pictures (B, C, H, W); 0 where they are the target."""
        pairs = zip(self._seen(pictures), self._target, self._weights(), strict=True)
        return torch.stack([weight * (a - b).square().flatten(1).mean(1) for a, b, weight in pairs]).sum(0)

    def _seen(self, pictures: Tensor) -> list[Tensor]:
        longest = max(pictures.shape[-2:])
        if longest > LARGEST:
            pictures = functional.avg_pool2d(pictures, math.ceil(longest / LARGEST), ceil_mode=True)
        return [pictures, *pyramid(pictures), *self._features(pictures)]

    def _weights(self) -> list[float]:
        levels = len(self._target) - 1 - STAGES
        return [1.0, *[PYRAMID_WEIGHT] * levels, *[FEATURE_WEIGHT] * STAGES]

    def _features(self, pictures: Tensor) -> list[Tensor]:
        found = []
        for kernel in self._filters:
            pictures = functional.leaky_relu(functional.conv2d(pictures, kernel, padding=1), SLOPE)
            found.append(pictures)
            pictures = functional.avg_pool2d(pictures, 2, ceil_mode=True)
        return found


def pyramid(pictures: Tensor) -> list[Tensor]:
    """What each halving of the pictures takes away, and what is left in the end: they add up to the pictures."""
    found = []
    for _ in range(PYRAMID):
        if min(pictures.shape[-2:]) < 2:
            break
        smaller = functional.avg_pool2d(pictures, 2, ceil_mode=True)
        larger = functional.interpolate(smaller, pictures.shape[-2:], mode="bilinear", align_corners=False)
        found.append(pictures - larger)
        pictures = smaller
    return [*found, pictures]


def random_filters(channels: int, device: torch.device) -> list[Tensor]:
    """(:data:`WIDTH`, C, 3, 3) each, orthonormal rows (of as many as there can be), always the same."""
    source, found = seeded(SEED, 0), []
    for _ in range(STAGES):
        drawn = torch.randn(channels * 9, WIDTH, generator=source)
        rows = drawn.T if channels * 9 < WIDTH else torch.linalg.qr(drawn)[0].T
        kernel = rows / rows.norm(dim=1, keepdim=True) * math.sqrt(2.0)
        found.append(kernel.reshape(WIDTH, channels, 3, 3).to(device))
        channels = WIDTH
    return found
