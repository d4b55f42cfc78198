"""Things that are found by looking: every module of a package that has an attribute of a given name, and what installed
packages add to these through entry points.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")


def declared(package: ModuleType, attribute: str) -> Iterator[tuple[str, Any]]:
    """(module's name without its package, what its ``attribute`` holds) of every module of ``package`` that has one, in
    the order of the names. Imports them all.
    """
    for module in pkgutil.iter_modules(package.__path__):
        found = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), attribute, None)
        if found is not None:
            yield module.name, found


@dataclass(frozen=True)
class Additions(Generic[Thing]):
    """``found``: name → thing, the program's own and those of installed packages, sorted by name; ``problems``: name of
    an entry point → why nothing came of it, in one sentence."""

    found: dict[str, Thing]
    problems: dict[str, str]


def added(own: Mapping[str, Thing], group: str, attribute: str, name: Callable[[Thing], str]) -> Additions[Thing]:
    """``own`` and what the entry points of ``group`` add to it: each names a thing, or a module whose ``attribute``
    holds one; ``name`` says what it is called. None replaces a thing of the program, and none stops it.
    """
    found, problems = dict(own), dict[str, str]()
    for entry in entry_points(group=group):
        try:
            loaded = entry.load()
            plugin: Thing = getattr(loaded, attribute, loaded)
            called = name(plugin)
            if called in found:
                raise ValueError(f"its name '{called}' is taken")
        except Exception as error:  # noqa: BLE001  (whatever a plugin does wrong, the program starts)
            problems[entry.name] = (
                f"The plugin '{entry.name}' could not be loaded ({type(error).__name__}: {error}); update or remove it."
            )
        else:
            found[called] = plugin
    return Additions(dict(sorted(found.items())), problems)
