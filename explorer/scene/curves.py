"""Curves through keys: pure Python on numbers, so that the window can evaluate a timeline without torch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise


def lerp(start: float, end: float, t: float) -> float:
    """(1 - t) start + t end, exactly ``start`` at 0 and ``end`` at 1."""
    return start * (1 - t) + end * t


def piecewise_linear(times: Sequence[float], values: Sequence[float], t: float) -> float:
    """The polygon through (times, values) at ``t``; constant before the first and after the last key.

    ``times`` ascend strictly. Raises ValueError otherwise.
    """
    _check(times, values)
    if t <= times[0]:
        return values[0]
    if t >= times[-1]:
        return values[-1]
    i = _interval(times, t)
    return lerp(values[i], values[i + 1], (t - times[i]) / (times[i + 1] - times[i]))


def pchip(times: Sequence[float], values: Sequence[float], t: float) -> float:
    """The monotone cubic through (times, values) at ``t``: it never overshoots its keys; constant outside them.

    Monotone piecewise cubic Hermite interpolation (Fritsch & Carlson, SIAM J. Numer. Anal. 17, 1980) with the weighted
    harmonic mean of the slopes as tangents (Fritsch & Butland, SIAM J. Sci. Stat. Comput. 5, 1984) and the three-point
    formula at the ends. ``times`` ascend strictly. Raises ValueError otherwise.
    """
    _check(times, values)
    if t <= times[0]:
        return values[0]
    if t >= times[-1]:
        return values[-1]
    i = _interval(times, t)
    steps = [b - a for a, b in pairwise(times)]
    slopes = [(b - a) / step for (a, b), step in zip(pairwise(values), steps, strict=True)]
    h00, h10, h01, h11 = _hermite((t - times[i]) / steps[i])
    left, right = _tangent(steps, slopes, i), _tangent(steps, slopes, i + 1)
    return h00 * values[i] + h01 * values[i + 1] + steps[i] * (h10 * left + h11 * right)


def catmull_rom_weights(
    times: Sequence[float], t: float, closed: bool = False
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Which points, and how much of each, the Catmull–Rom curve through points at ``times`` mixes at time ``t``.

    Returns up to four indices and their weights, which sum to 1; a weight may be negative. On a key it is that point
    alone. Tangents are (p₊ - p₋) / (t₊ - t₋) (Catmull & Rom 1974, for unequal times), one-sided at the ends, or, with
    ``closed``, taken around the loop, whose last point must be the first again. ``times`` ascend strictly; ``t`` is
    clamped to them. Raises ValueError when they do not.
    """
    _check(times, times)
    last = len(times) - 1
    if t <= times[0]:
        return (0,), (1.0,)
    if t >= times[-1]:
        return (last,), (1.0,)
    i = _interval(times, t)
    if t == times[i]:
        return (i,), (1.0,)
    step = times[i + 1] - times[i]
    h00, h10, h01, h11 = _hermite((t - times[i]) / step)
    weights = {i: h00, i + 1: h01}
    period = times[-1] - times[0]
    for key, share in ((i, h10), (i + 1, h11)):
        before, after = key - 1, key + 1
        start = times[before] if before >= 0 else times[0]
        end = times[after] if after <= last else times[-1]
        if closed and last > 1 and key in (0, last):  # the keys beside the seam
            before, after = last - 1, 1
            start, end = times[last - 1] - period, times[1]
        before, after = max(before, 0), min(after, last)
        rate = share * step / (end - start)
        weights[after] = weights.get(after, 0.0) + rate
        weights[before] = weights.get(before, 0.0) - rate
    indices = tuple(sorted(weights))
    return indices, tuple(weights[index] for index in indices)


def _check(times: Sequence[float], values: Sequence[float]) -> None:
    if not times or len(times) != len(values):
        raise ValueError(f"a curve needs as many values as times, and one at least; got {len(values)} and {len(times)}")
    if any(b <= a for a, b in pairwise(times)):
        raise ValueError("the times of a curve must ascend")


def _interval(times: Sequence[float], t: float) -> int:
    return min(bisect_right(times, t) - 1, len(times) - 2)


def _hermite(s: float) -> tuple[float, float, float, float]:
    """The cubic Hermite basis at s in 0..1: value left, slope left, value right, slope right."""
    return (1 + 2 * s) * (1 - s) ** 2, s * (1 - s) ** 2, s * s * (3 - 2 * s), s * s * (s - 1)


def _tangent(steps: list[float], slopes: list[float], key: int) -> float:
    """The slope of the monotone cubic at one key."""
    if len(slopes) == 1:
        return slopes[0]
    if key == 0:
        return _end_tangent(steps[0], steps[1], slopes[0], slopes[1])
    if key == len(slopes):
        return _end_tangent(steps[-1], steps[-2], slopes[-1], slopes[-2])
    before, after = slopes[key - 1], slopes[key]
    if before * after <= 0:
        return 0.0
    w1, w2 = 2 * steps[key] + steps[key - 1], steps[key] + 2 * steps[key - 1]
    return (w1 + w2) / (w1 / before + w2 / after)


def _end_tangent(step: float, next_step: float, slope: float, next_slope: float) -> float:
    """The three-point formula at an end, limited so that the curve stays monotone."""
    tangent = ((2 * step + next_step) * slope - step * next_slope) / (step + next_step)
    if tangent * slope <= 0:
        return 0.0
    if slope * next_slope <= 0 and abs(tangent) > 3 * abs(slope):
        return 3 * slope
    return tangent
