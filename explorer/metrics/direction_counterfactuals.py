"""Directions as do(): how far what a slider leaves of the other factors is from what the world's mechanisms say would
have become of them, had the slider's factor been set to what the slider made of it."""

from __future__ import annotations

import numpy as np

from explorer.metrics.direction_evidence import Evidence, Floats, Integers, mean

MATCHED = 0.5
"""Deviations of the target at which what directions do to the others is compared."""


def at_matched(target: Floats, others: Floats, amounts: Floats) -> Floats | None:
    """(C,) ``others`` (H, C) at the amount at which ``target`` (H,) reaches :data:`MATCHED`, by linear interpolation
    along the positive ``amounts`` (H,) and from 0 at 0; in proportion beyond the end. None where it never moves, or is
    not known."""
    if not np.isfinite(target).all() or target.max() <= 0:
        return None
    curve = np.vstack([np.zeros(others.shape[1]), others])
    target, amounts = np.concatenate([[0.0], target]), np.concatenate([[0.0], amounts])
    beyond = np.flatnonzero(target >= MATCHED)
    if not len(beyond):
        return None if target[-1] <= 0 else np.asarray(others[-1] * (MATCHED / target[-1]))
    last = beyond[0]
    rise = (MATCHED - target[last - 1]) / (target[last] - target[last - 1])
    amount = amounts[last - 1] + rise * (amounts[last] - amounts[last - 1])
    return np.array([np.interp(amount, amounts, column) for column in curve.T])


def apart_from_truth(
    evidence: Evidence, k: int, target: int, expected: Floats, bases: Integers, held: bool = False
) -> float | None:
    """The mean distance, in deviations, of the other attributes from ``expected`` (N, T, A), where direction ``k`` has
    changed ``target`` by :data:`MATCHED`; ``held``: of what they were before, in place of what they are. None where it
    does not move the target, or nothing of the others is known."""
    values = evidence.values[bases, k]
    middle = values.shape[1] // 2
    before = values[:, middle : middle + 1]
    moved = _folded(np.abs(evidence.differences(values, before))[..., target : target + 1])
    reached = np.broadcast_to(before, values.shape) if held else values
    gaps = np.abs(evidence.differences(expected[bases], reached))
    gaps[..., target] = np.nan
    others = _folded(gaps)
    others = others[:, np.isfinite(others).all(axis=0)]
    if not others.shape[1]:
        return None
    found = at_matched(moved[:, 0], others, evidence.amounts[middle + 1 :])
    return None if found is None else float(found.mean())


def _folded(values: Floats) -> Floats:
    """(H, A) the mean of ``values`` (n, T, A) over bases and both signs, by the size of the amount, rising."""
    half = values.shape[1] // 2
    return mean(np.concatenate([values[:, half + 1 :], values[:, :half][:, ::-1]]), 0)
