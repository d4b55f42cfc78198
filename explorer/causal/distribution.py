"""How the rows of a variable are distributed, as bars that a node of a graph has room for. No torch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from explorer.scene.causal_graph import Variable
from explorer.scene.causes import Distribution

BARS = 24
LEAST, GREATEST = 0.1, 0.9
"""The quantiles between which an effect is asked for, where nobody says."""


def distribution_of(variable: Variable, rows: NDArray[np.float64]) -> Distribution:
    """The ``rows`` (n,) of ``variable``, n ≥ 1: a bar a level, else :data:`BARS` from the least to the greatest value,
    wide enough for the variable's range; cyclic values are taken round into their period."""
    if variable.levels:
        counts = np.bincount(rows.round().astype(np.int64), minlength=variable.levels)[: variable.levels]
        low, high, usual = -0.5, variable.levels - 0.5, (0.0, variable.levels - 1.0)
    else:
        if variable.kind == "cyclic":
            assert variable.low is not None
            rows = variable.low + (rows - variable.low) % variable.period
        ends = [end for end in (float(rows.min()), float(rows.max()), variable.low, variable.high) if end is not None]
        low, high = min(ends), max(ends)
        high = high if high > low else math.nextafter(low + max(1.0, abs(low)) * 1e-6, math.inf)
        counts, _ = np.histogram(rows, bins=BARS, range=(low, high))
        usual = (float(np.quantile(rows, LEAST)), float(np.quantile(rows, GREATEST)))
    return Distribution(low=low, high=high, shares=tuple((counts / len(rows)).tolist()), usual=usual)
