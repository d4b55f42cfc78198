"""What can be opened, one module a room of the program; each has ``ENTRIES``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from tests.hostile.entry import Entry


@cache
def entries() -> dict[str, Entry]:
    """Name → entry, of every module of this package."""
    found: dict[str, Entry] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        for entry in importlib.import_module(f"{__name__}.{module}").ENTRIES:
            if entry.name in found:
                raise ValueError(f"two entries are called {entry.name}")
            found[entry.name] = entry
    return found
