"""The kinds of control there are: every module of this package that has a ``KIND``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import explorer.controls as package
from explorer.controls.base import Control


@cache
def kinds() -> dict[str, type[Control]]:
    """Name in files → class."""
    found: dict[str, type[Control]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        kind = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "KIND", None)
        if kind is not None:
            found[kind.kind] = kind
    return dict(sorted(found.items()))
