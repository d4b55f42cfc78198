"""What a format of graph files is: one file of this package with a ``FORMAT``. Nothing in a file is executed, and what
is too large, too deep or not understood is one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Protocol

import msgspec

from explorer.errors import CausalError
from explorer.scene.causal_graph import LONGEST_NAME, CausalGraph, Edge, Variable

MOST_BYTES, MOST_VARIABLES, MOST_ARROWS = 4 << 20, 500, 50_000
MOST_LEVELS = 50
"""Brackets within brackets."""

Part = str
"""What a graph has and a format may not keep: ``kinds`` (with ranges, units, labels), ``places``, ``confounded``,
``suggested``, ``roles``."""

PARTS: Mapping[Part, str] = {
    "kinds": "kinds, ranges, units and labels of variables",
    "places": "where the nodes are drawn",
    "confounded": "hidden common causes",
    "suggested": "arrows that are only suggested",
    "roles": "the roles of variables",
}


class GraphFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a graph file holds. ``roles``: (variable, role) as DAGitty has them (exposure, outcome, adjusted, selected),
    which count for nothing here and are written again; ``notes``: what the user should know of how it was read."""

    graph: CausalGraph
    roles: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


class GraphFormat(Protocol):
    """One format of graph files."""

    name: ClassVar[str]
    """In commands, for ever."""
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    """Of files that are written; what a file is, its text says."""
    keeps: ClassVar[frozenset[Part]]

    def recognises(self, text: str) -> bool:
        """Whether ``text`` claims to be of this format; it may still be damaged."""

    def read(self, text: str) -> GraphFile:
        """The graph in ``text``. Raises :class:`CausalError` with what is wrong, without the file's name."""

    def write(self, file: GraphFile) -> str:
        """``file`` as text. Raises :class:`CausalError` for what the format cannot say."""


def checked_graph(
    variables: Iterable[Variable],
    edges: Iterable[Edge],
    confounded: Iterable[Edge] = (),
    suggested: Iterable[Edge] = (),
) -> CausalGraph:
    """The graph of these, if it is no larger than the program draws and fits. Raises :class:`CausalError`."""
    variables, edges, confounded, suggested = tuple(variables), tuple(edges), tuple(confounded), tuple(suggested)
    if len(variables) > MOST_VARIABLES:
        raise CausalError(f"it has {len(variables)} variables, and at most {MOST_VARIABLES} are read")
    check_arrows(len(edges) + len(confounded) + len(suggested))
    for variable in variables:
        check_name(variable.name)
    return CausalGraph(variables=variables, edges=edges, confounded=confounded, suggested=suggested)


def check_arrows(count: int) -> None:
    """Raise :class:`CausalError` where there are too many."""
    if count > MOST_ARROWS:
        raise CausalError(f"it has more than {MOST_ARROWS} arrows")


def check_name(name: str) -> None:
    """Raise :class:`CausalError` unless ``name`` can be the name of a variable."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        shown = f"'{name[:20]}…'" if len(name) > LONGEST_NAME else repr(name)
        raise CausalError(f"{shown} cannot be the name of a variable")
