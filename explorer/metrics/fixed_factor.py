"""Batches of pictures that share the value of one factor, drawn from pictures that are already encoded."""

from __future__ import annotations

import numpy as np

from explorer.metrics.base import Labels

BATCH = 64  # pictures a batch in the published studies
CHUNK = 512  # batches held in memory at once


class FixedFactor:
    """Rows of a table with labels (n, K) that agree in one factor.

    Where the table is the whole grid of factors, this is the published sampling: the other factors are independent and
    uniform. Where it is n drawn pictures, they are drawn again from these.
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._orders = [np.argsort(column, kind="stable") for column in labels.T]
        self._counts = [np.bincount(column) for column in labels.T]
        self._starts = [np.concatenate([[0], np.cumsum(counts)[:-1]]) for counts in self._counts]

    def partners(self, rows: Labels, factor: int, source: np.random.Generator) -> Labels:
        """For every row of ``rows``, any shape, one with the same value of ``factor``, drawn with equal chances and
        possibly itself."""
        levels = self._labels[rows, factor]
        counts = self._counts[factor][levels]
        return np.asarray(self._orders[factor][self._starts[factor][levels] + source.integers(counts)])


def table_line(n: int, train: int, test: int) -> str:
    """How the batches were drawn, for an estimator's line."""
    return f"{train} batches of {BATCH} train, {test} test, drawn from a table of {n} encoded pictures"
