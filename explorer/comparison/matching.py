"""Controls of several methods in common rows: those that change the picture alike share a row, signs turned alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """Where the controls of one method stand. ``rows`` (K,): the common row of each, -1 where it has no effect;
    ``signs`` (K,): +1, or -1 where it has to be turned round; ``cosines`` (K,): how alike its effect and that of the
    control which named the row are, 0..1 (1 for that control itself, 0 without effect).
    """

    rows: NDArray[np.int64]
    signs: NDArray[np.int64]
    cosines: Floats

    @property
    def order(self) -> NDArray[np.int64]:
        """(K,) the controls by row, those without one last, in their own order."""
        last = np.iinfo(np.int64).max
        return np.argsort(np.where(self.rows < 0, last, self.rows), kind="stable").astype(np.int64)


def match(effects: Sequence[Floats]) -> list[Match]:
    """One :class:`Match` a method for ``effects``: of each method the signed effects (K, S) of its controls.

    The first method's controls name the rows, in their order. Every other method's are assigned so that the sum of
    |cos| between the effects is largest (Hungarian method), and turned so that the cosine is positive; a control that
    is left over begins a row of its own below, to which those of later methods may match. What is not finite counts as
    no effect. Whatever comes first is therefore matched alike in any company: matching (a, b) and (a, b, c) gives b the
    same rows.
    """
    found: list[Match] = []
    names: list[Floats] = []  # the unit effect that named each row
    for one in effects:
        units, alive = _units(one)
        count = len(units)
        rows, signs = np.full(count, -1, np.int64), np.ones(count, np.int64)
        cosines = np.zeros(count)
        living = np.flatnonzero(alive)
        if names and len(living):
            alike = units[living] @ np.stack(names).T
            taken, given = linear_sum_assignment(-np.abs(alike))
            for place, row in zip(taken, given, strict=True):
                index, cosine = living[place], alike[place, row]
                rows[index], signs[index], cosines[index] = row, -1 if cosine < 0 else 1, min(abs(cosine), 1.0)
        for index in living:
            if rows[index] < 0:
                rows[index], cosines[index] = len(names), 1.0
                names.append(units[index])
        found.append(Match(rows, signs, cosines))
    return found


def _units(effects: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The effects (K, S) at length 1, and which have a length at all."""
    clean = np.where(np.isfinite(effects), effects, 0.0).astype(float)
    lengths = np.linalg.norm(clean, axis=1)
    alive = lengths > 0
    return np.divide(clean, lengths[:, None], out=np.zeros_like(clean), where=alive[:, None]), alive
