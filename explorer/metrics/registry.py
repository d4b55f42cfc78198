"""The measures of codes there are: every module of this package that has a ``MEASURE``."""

from __future__ import annotations

import importlib
import pkgutil

import explorer.metrics as package
from explorer.metrics.base import Measure


def all_measures() -> dict[str, Measure]:
    """Name → measure, sorted by name."""
    found: dict[str, Measure] = {}
    for module in pkgutil.iter_modules(package.__path__):
        measure = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "MEASURE", None)
        if measure is not None:
            found[measure.name] = measure
    return dict(sorted(found.items()))
