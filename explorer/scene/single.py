"""Numbers that have gone through 32 bits, as people would have written them. No torch."""

from __future__ import annotations

import math
import struct

MOST_DIGITS = 9
"""Which tell any two numbers of 32 bits apart."""


def single(number: float) -> float:
    """``number`` as 32 bits hold it; infinite where it is too large for them."""
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        return math.copysign(math.inf, number)
    return float(rounded)


def shortest(number: float) -> float:
    """The number of the fewest digits that is the same in 32 bits: 66.6 of 66.5999984741211. Whole numbers stay as they
    are, and so do those that are 0 or infinite in 32 bits."""
    held = single(number)
    if not math.isfinite(held) or not held or number == math.floor(number):
        return number
    tries = (float(f"{held:.{digits}g}") for digits in range(1, MOST_DIGITS + 1))
    return next((short for short in tries if single(short) == held), number)


def written(number: float) -> float:
    """What was written before 32 bits held ``number``, as :func:`shortest`; one that has never gone through them stays
    as it is."""
    return shortest(number) if number == single(number) else number
