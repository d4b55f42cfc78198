"""The measures of codes there are: every module of this package that has a ``MEASURE``."""

from __future__ import annotations

import explorer.metrics as package
from explorer.metrics.base import Measure
from explorer.plugins import declared


def all_measures() -> dict[str, Measure]:
    """Name → measure, sorted by name."""
    found: dict[str, Measure] = {measure.name: measure for _, measure in declared(package, "MEASURE")}
    return dict(sorted(found.items()))
