"""The worlds there are: every module of this package that has a ``WORLD``."""

from __future__ import annotations

import explorer.worlds as package
from explorer.errors import ExplorerError, instead
from explorer.plugins import declared
from explorer.worlds.base import World


def all_worlds() -> dict[str, World]:
    """Name → world, sorted by name."""
    found: dict[str, World] = {world.name: world for _, world in declared(package, "WORLD")}
    return dict(sorted(found.items()))


def world(name: str) -> World:
    """The world called ``name``. Raises :class:`ExplorerError` naming those there are."""
    found = all_worlds()
    if name not in found:
        raise ExplorerError(f"There is no world '{name}'; {instead(name, found)}")
    return found[name]
