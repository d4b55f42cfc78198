"""The kinds of control there are: every module of this package that has a ``KIND``."""

from __future__ import annotations

from functools import cache

import explorer.controls as package
from explorer.controls.base import Control
from explorer.plugins import declared


@cache
def kinds() -> dict[str, type[Control]]:
    """Name in files → class."""
    found: dict[str, type[Control]] = {kind.kind: kind for _, kind in declared(package, "KIND")}
    return dict(sorted(found.items()))
