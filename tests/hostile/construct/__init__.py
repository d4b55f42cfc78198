"""Hostile files that are made on purpose, one module a format: each has ``CONSTRUCTIONS``, and says which files are of
it (``fits``)."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from tests.hostile.construct.base import Construct


@cache
def _formats():
    names = sorted(one.name for one in pkgutil.iter_modules(__path__) if one.name != "base")
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def constructions(file: Path, opened: Path) -> list[tuple[str, Construct]]:
    """What can be made of ``file``, a valid one: (name, function)."""
    with file.open("rb") as stream:
        head = stream.read(64)
    found: list[tuple[str, Construct]] = []
    for module in _formats():
        if module.fits(file, head):
            found += module.CONSTRUCTIONS.items()
    return found
