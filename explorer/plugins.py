"""Things that are found by looking: every module of a package that has an attribute of a given name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def declared(package: ModuleType, attribute: str) -> Iterator[tuple[str, Any]]:
    """(module's name without its package, what its ``attribute`` holds) of every module of ``package`` that has one, in
    the order of the names. Imports them all.
    """
    for module in pkgutil.iter_modules(package.__path__):
        found = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), attribute, None)
        if found is not None:
            yield module.name, found
