"""The figures in a diffusion model's card: errors of the autoencoder, and how far samples lie from the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from explorer.numerics.distances import decibels
from explorer.training.batch import Source

SAMPLE_SEED = 1_000_000


class Counts(Protocol):
    """The settings that the figures depend on."""

    @property
    def evaluation(self) -> int: ...
    @property
    def interactive_steps(self) -> int: ...


def measure(
    samples: Callable[[int, int, int], Tensor],
    reconstruct: Callable[[Tensor], Tensor] | None,
    source: Source,
    counts: Counts,
) -> dict[str, float]:
    """Figures of a trained model on ``counts.evaluation`` fresh pictures.

    ``samples(count, seed, steps)`` and ``reconstruct(pictures)`` (None: without an autoencoder) give (B, C, H, W) in
    [-1, 1]. Energy distances are between pictures (root mean square over pixels in [0, 1]);
    ``energy_distance_null`` is that of two sets of data.
    """
    count = counts.evaluation
    data, again = source.held_out(count, 0).images, source.held_out(count, 1).images
    found: dict[str, float] = {}
    if reconstruct is not None:
        rebuilt = torch.cat([reconstruct(part) for part in torch.split(data, 50)])
        found = {
            "reconstruction_psnr_db": _psnr(rebuilt, data),
            "energy_distance_reconstructions": energy_distance(rebuilt, again),
        }
    full = samples(count, SAMPLE_SEED, 0)
    interactive = samples(count, SAMPLE_SEED, counts.interactive_steps)
    return {
        **found,
        "interactive_to_full_psnr_db": _psnr(interactive, full),
        "energy_distance_full": energy_distance(full, data),
        "energy_distance_interactive": energy_distance(interactive, data),
        "energy_distance_null": energy_distance(again, data),
        "evaluation_pictures": count,
    }


def energy_distance(x: Tensor, y: Tensor) -> float:
    """Szekely and Rizzo 2013: 2 E|X - Y| - E|X - X'| - E|Y - Y'| of pictures (n, C, H, W) in [-1, 1].

    |.| is the root mean square over pixels scaled to [0, 1]; the estimate is unbiased, so it is about 0 for two draws
    of one distribution and may be slightly negative.
    """
    a, b = x.flatten(1).double(), y.flatten(1).double()
    scale = 2.0 * math.sqrt(a.shape[1])
    within = [torch.pdist(side).mean() for side in (a, b)]
    return float((2.0 * torch.cdist(a, b).mean() - within[0] - within[1]) / scale)


def _psnr(pictures: Tensor, truth: Tensor) -> float:
    return decibels(float(((pictures - truth) / 2.0).square().mean()))
