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


def normal(deviation: float) -> NoiseLaw:
    """A normal distribution around 0."""
    return NoiseLaw(
        lambda uniform: deviation * torch.special.ndtri(uniform),
        lambda noise: torch.special.ndtr(noise / deviation),
        lambda noise: -((noise / deviation) ** 2) / 2 - math.log(deviation * math.sqrt(2 * math.pi)),
    )


STANDARD_NORMAL = normal(1.0)


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
        return torch.where(score.abs() > cut, -math.inf, log)

    return NoiseLaw(quantile, cdf, log_density)


def uniform_between(low: float, high: float) -> NoiseLaw:
    """Every number between ``low`` and ``high`` is equally likely."""

    def log_density(noise: Tensor) -> Tensor:
        return torch.where((noise < low) | (noise > high), -math.inf, noise * 0 - math.log(high - low))

    return NoiseLaw(
        lambda uniform: low + (high - low) * uniform, lambda noise: (noise - low) / (high - low), log_density
    )


def one_of(levels: tuple[float, ...]) -> NoiseLaw:
    """Each of ``levels`` is equally likely; the density is the probability."""

    def quantile(uniform: Tensor) -> Tensor:
        index = (uniform * len(levels)).long().clamp(0, len(levels) - 1)
        return torch.tensor(levels, dtype=uniform.dtype, device=uniform.device)[index]

    return NoiseLaw(quantile, log_density=lambda noise: noise * 0 - math.log(len(levels)))


def equal_shares(knots: Tensor, ends: tuple[float, float] | None = None) -> NoiseLaw:
    """As observed numbers are distributed, of which ``knots`` (K,), rising, are the quantiles (i + ½) / K: between two
    of them every number is equally likely. Beyond the outer ones it goes on to ``ends``, equally likely as well, or
    without these falls off exponentially, beginning at the density within.

    Differentiable within an interval; NaN where noise is NaN.
    """
    count = len(knots)
    shares = (torch.arange(count, dtype=knots.dtype, device=knots.device) + 0.5) / count
    if ends is not None:
        knots = torch.cat([knots.new_tensor([ends[0]]), knots, knots.new_tensor([ends[1]])])
        shares = torch.cat([shares.new_zeros(1), shares, shares.new_ones(1)])
    widths, masses = knots.diff(), shares.diff()

    def place(points: Tensor, number: Tensor) -> Tensor:
        return (
            torch.searchsorted(points, number.detach().to(points).contiguous(), right=True)
            .sub(1)
            .clamp(0, len(points) - 2)
        )

    def inside(number: Tensor, points: Tensor, lengths: Tensor, values: Tensor, rises: Tensor) -> Tensor:
        at = place(points, number)
        slope = (rises / lengths).to(number)
        return values.to(number)[at] + (number - points.to(number)[at]) * slope[at]

    # An exponential tail holds the mass outside of its knot, at a rate that makes the density continuous there.
    low, high, tail = float(knots[0]), float(knots[-1]), float(shares[0])
    low_rate, high_rate = (float(masses[i] / widths[i] / tail) if tail else math.inf for i in (0, -1))

    def quantile(uniform: Tensor) -> Tensor:
        number = inside(uniform, shares, masses, knots, widths)
        if not tail:
            return number
        below = low + (uniform / tail).clamp(max=1.0).log() / low_rate
        above = high - ((1 - uniform) / tail).clamp(max=1.0).log() / high_rate
        return torch.where(uniform < tail, below, torch.where(uniform > 1 - tail, above, number))

    def cdf(noise: Tensor) -> Tensor:
        share = inside(noise, knots, widths, shares, masses)
        if not tail:
            return share.clamp(0.0, 1.0)
        below = tail * ((noise - low).clamp(max=0.0) * low_rate).exp()
        above = 1 - tail * ((high - noise).clamp(max=0.0) * high_rate).exp()
        return torch.where(noise < low, below, torch.where(noise > high, above, share))

    def log_density(noise: Tensor) -> Tensor:
        density = (masses / widths).log().to(noise)[place(knots, noise)] + noise * 0
        outside = (noise < low) | (noise > high)
        if not tail:
            return torch.where(outside, -math.inf, density)
        beyond = (noise - low).clamp(max=0.0) * low_rate + (high - noise).clamp(max=0.0) * high_rate
        return density + beyond

    return NoiseLaw(quantile, cdf, log_density)


def normal_below(limit: Tensor, uniform: Tensor) -> Tensor:
    """Standard normal numbers given that they are at most ``limit``, of ``uniform`` numbers in (0, 1), both (…).

    Far out, where the share below no longer is a number, by the exponential tail there: log Φ(x) ≈ -x²/2 falls by
    |x| a unit.
    """
    number = torch.finfo(limit.dtype)
    share = torch.special.ndtr(limit)
    far = share < number.tiny / number.eps
    near = torch.special.ndtri(uniform * torch.where(far, 0.5, share))
    tail = limit + uniform.log() / limit.abs().clamp(min=1.0)
    return torch.where(far, tail, near).clamp(max=limit)
