"""The kinds of output there are: every module of this package with an ``OUTPUT``, and those of installed packages."""

from __future__ import annotations

from functools import cache

import explorer.outputs as package
from explorer.errors import ModelError
from explorer.outputs.base import Output
from explorer.plugins import Additions, added, declared
from explorer.scene.cards import ModelCard

ENTRY_POINTS = "explorer.outputs"
"""Group of entry points; each names an ``OUTPUT`` object, or a module that has one."""


@cache
def plugged() -> Additions[Output]:
    """Every kind of output there is, and what came of no plugin; looked up once."""
    own: dict[str, Output] = {one.kind: one for _, one in declared(package, "OUTPUT")}
    return added(own, ENTRY_POINTS, "OUTPUT", lambda one: one.kind)


def output_of(model: ModelCard) -> Output:
    """What ``model`` makes. Raises :class:`ModelError` for a kind that this program does not know."""
    known = plugged()
    if model.kind in known.found:
        return known.found[model.kind]
    kinds = ", ".join(known.found)
    problems = " ".join(("", *known.problems.values()))
    raise ModelError(f"'{model.name}' makes outputs of the kind '{model.kind}'; there are: {kinds}.{problems}")
