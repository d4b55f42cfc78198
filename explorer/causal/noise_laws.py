"""How exogenous noise is distributed: one number a row, given by the function that makes it of uniform numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]
"""Element by element."""


@dataclass(frozen=True)
class NoiseLaw:
    """``quantile``: uniform numbers in (0, 1) → noise; ``cdf`` its inverse, ``log_density`` of the noise: None where a
    mechanism never needs it (nothing hides the noise; nothing asks how probable a value is)."""

    quantile: Function
    cdf: Function | None = None
    log_density: Function | None = None


STANDARD_NORMAL = NoiseLaw(
    torch.special.ndtri, torch.special.ndtr, lambda noise: -(noise**2) / 2 - math.log(2 * math.pi) / 2
)


def cut_normal(deviation: float, mean: float = 0.0, cut: float = 3.0) -> NoiseLaw:
    """A normal distribution without what lies beyond ``cut`` standard deviations, so that ranges stay finite."""
    outside = 0.5 * math.erfc(cut / math.sqrt(2.0))
    inside = 1.0 - 2.0 * outside

    def quantile(uniform: Tensor) -> Tensor:
        score: Tensor = torch.special.ndtri(outside + uniform * inside)
        return mean + deviation * score

    def cdf(noise: Tensor) -> Tensor:
        below: Tensor = torch.special.ndtr((noise - mean) / deviation)
        return ((below - outside) / inside).clamp(0.0, 1.0)

    def log_density(noise: Tensor) -> Tensor:
        score = (noise - mean) / deviation
        log = -(score**2) / 2 - math.log(deviation * inside * math.sqrt(2 * math.pi))
        return torch.where(score.abs() <= cut, log, -math.inf)

    return NoiseLaw(quantile, cdf, log_density)


def uniform_between(low: float, high: float) -> NoiseLaw:
    """Every number between ``low`` and ``high`` is equally likely."""

    def log_density(noise: Tensor) -> Tensor:
        return torch.where((noise >= low) & (noise <= high), -math.log(high - low), -math.inf).to(noise)

    return NoiseLaw(
        lambda uniform: low + (high - low) * uniform, lambda noise: (noise - low) / (high - low), log_density
    )


def one_of(levels: tuple[float, ...]) -> NoiseLaw:
    """Each of ``levels`` is equally likely; the density is the probability."""

    def quantile(uniform: Tensor) -> Tensor:
        index = (uniform * len(levels)).long().clamp(0, len(levels) - 1)
        return torch.tensor(levels, dtype=uniform.dtype, device=uniform.device)[index]

    return NoiseLaw(quantile, log_density=lambda noise: torch.full_like(noise, -math.log(len(levels))))
