"""Distances between two samples of a distribution, how far generated pictures are from data; and decibels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|m_a - m_b|² + tr(C_a + C_b - 2 (C_a C_b)^½) of two samples (n, d) and (m, d), n and m ≥ 2.

    The squared 2-Wasserstein distance of the normal distributions with their moments (Dowson and Landau, 1982), which
    Heusel et al. 2017 apply to network features as FID; here ``a`` and ``b`` may be any features.
    """
    a, b = a.double(), b.double()
    first, second = torch.cov(a.T).reshape(a.shape[1], -1), torch.cov(b.T).reshape(a.shape[1], -1)
    values, vectors = torch.linalg.eigh(first)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    # (C_a C_b)^½ has the trace of the square root of the symmetric C_a^½ C_b C_a^½.
    product = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    difference = a.mean(0) - b.mean(0)
    return float(difference @ difference + first.trace() + second.trace() - 2 * product)


def energy_distance(a: Tensor, b: Tensor) -> float:
    """√((2 E|x - y| - E|x - x'| - E|y - y'|) / 2 E|x - y|) of two samples (n, d) and (m, d), n and m ≥ 1: 0 where they
    are the same, 1 at most, where each is one point. All pairs count, a point with itself too, so that it is never
    below 0.

    The energy distance of Székely and Rizzo ("Energy statistics", 2013), in shares of the most that it can be; of two
    distributions it is 0 only where they are equal.
    """
    a, b = a.double(), b.double()
    between = 2.0 * float(torch.cdist(a, b).mean())
    within = float(torch.cdist(a, a).mean()) + float(torch.cdist(b, b).mean())
    return max(0.0, (between - within) / between) ** 0.5 if between > 0 else 0.0


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 256, seed: int = 0) -> float:
    """Mean 1-Wasserstein distance of two samples (n, d), of equal size, along random unit directions.

    Rabin et al., "Wasserstein barycenter and its application to texture mixing", 2011. Raises ValueError for unequal
    shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"the samples have shapes {tuple(a.shape)} and {tuple(b.shape)}; they must be the same")
    source = torch.Generator("cpu").manual_seed(seed)
    lines = torch.randn(a.shape[1], directions, generator=source).to(a)
    lines = lines / lines.norm(dim=0)
    return float(((a @ lines).sort(0).values - (b @ lines).sort(0).values).abs().mean())


def pyramid_sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 256, seed: int = 0) -> dict[int, float]:
    """Side in pixels → sliced Wasserstein distance of two samples of pictures (n, C, H, H) averaged down to that side.

    Sides H, H/2, … down to 8 (or H). Each pixel is weighted so that the distance of constant pictures does not depend
    on the side. It compares whole pictures; Karras et al. 2018 compare patches.
    """
    found: dict[int, float] = {}
    while True:
        side = a.shape[-1]
        scale = (a.shape[1] * side * side) ** 0.5
        found[side] = sliced_wasserstein(a.flatten(1) / scale, b.flatten(1) / scale, directions, seed)
        if side < 16:
            return found
        a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)


def decibels(mse: float) -> float:
    """The peak signal-to-noise ratio of a mean squared error of pictures in [0, 1]; infinite where there is none."""
    return math.inf if mse <= 0 else -10.0 * math.log10(mse)
