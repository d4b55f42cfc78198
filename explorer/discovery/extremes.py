"""Samples with most and with least of an attribute, some to learn from and some held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.discovery.attribute_data import FEWEST, Target

TRAINED = 0.7
Rows = NDArray[np.intp]

SAMPLES_A_DIMENSION = 4
"""Samples of each kind for every dimension: 2 a dimension in all can be parted however they are labelled (Cover 1965),
and what is learned of them then says little."""


@dataclass(frozen=True)
class Parted:
    """Samples of each of several kinds, as indices in random order: ``fitted`` to learn from and ``tested`` held out,
    one array a kind."""

    fitted: tuple[Rows, ...]
    tested: tuple[Rows, ...]

    @classmethod
    def of(cls, *kinds: Rows) -> Parted:
        """:data:`TRAINED` of each of ``kinds`` is fitted to."""
        ends = [int(TRAINED * len(rows)) for rows in kinds]
        return cls(
            tuple(rows[:end] for rows, end in zip(kinds, ends, strict=True)),
            tuple(rows[end:] for rows, end in zip(kinds, ends, strict=True)),
        )

    def labelled(self, of: tuple[Rows, ...]) -> tuple[Rows, Rows]:
        """The samples ``of`` all kinds in one array, and the number of the kind of each."""
        return np.concatenate(of), np.repeat(np.arange(len(of)), [len(rows) for rows in of])


def most_and_least(target: Target, share: float, width: int, seed: int) -> Parted | None:
    """The samples with most of ``target`` (kind 0) and with least (kind 1): ``share`` of all of them each, and no fewer
    than :data:`SAMPLES_A_DIMENSION` for each of the ``width`` dimensions, where there are so many. None when there are
    fewer than :data:`FEWEST` of a kind."""
    wanted = max(int(np.ceil(share * len(target.values))), SAMPLES_A_DIMENSION * width, FEWEST)
    low, high = extremes(target, wanted, np.random.default_rng([seed, 2]))
    return Parted.of(high, low) if min(len(low), len(high)) >= FEWEST else None


def extremes(target: Target, wanted: int, source: np.random.Generator) -> tuple[Rows, Rows]:
    """Indices of up to ``wanted`` samples with least of ``target`` and of as many with most, each in random order.

    Equal values are never on both sides: where the two would meet in one value, it goes to the side that would be empty
    without it, or to none.
    """
    rows = source.permutation(np.flatnonzero(target.known))
    rows = rows[np.argsort(target.values[rows], kind="stable")]  # equal values stay in random order
    count = min(wanted, len(rows) // 2)
    low, high = rows[:count], rows[len(rows) - count :]
    values = target.values
    if count and values[low[-1]] == values[high[0]]:
        tie = values[low[-1]]
        below, above, tied = rows[values[rows] < tie], rows[values[rows] > tie], rows[values[rows] == tie]
        low = below[:count] if len(below) else tied[:0] if not len(above) else tied
        high = above[-count:] if len(above) else tied[:0] if not len(below) else tied
    count = min(len(low), len(high), wanted)
    return source.permutation(low[:count]), source.permutation(high[len(high) - count :])
