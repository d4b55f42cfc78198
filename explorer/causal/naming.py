"""Graphs whose variables are called otherwise than those at hand: which differ, what may be meant, and the graph under
other names. No torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import msgspec

from explorer.causal.separation import projected
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable


def unknown_names(graph: CausalGraph, names: Iterable[str]) -> tuple[str, ...]:
    """The variables of ``graph`` that are not among ``names``."""
    at_hand = frozenset(names)
    return tuple(name for name in graph.names if name not in at_hand)


def check_names(graph: CausalGraph, names: Sequence[str]) -> None:
    """Raise :class:`CausalError` that names the variables of ``graph`` which are not among ``names``."""
    if unknown := unknown_names(graph, names):
        listed = ", ".join(f"'{name}'" for name in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        raise CausalError(
            f"The graph's {listed} {'is' if len(unknown) == 1 else 'are'} not among the variables at hand "
            f"({', '.join(names) or 'none'}); say which is meant, or leave {'it' if len(unknown) == 1 else 'them'} out."
        )


def proposed_names(graph: CausalGraph, names: Sequence[str]) -> dict[str, str | None]:
    """Variable of ``graph`` → the one of ``names`` that is probably meant, None where none is. No name is proposed
    twice: the same name goes first, then the same but for case, blanks and hyphens, then one that is spelt alike."""
    mapping: dict[str, str | None] = dict.fromkeys(graph.names)
    left = dict.fromkeys(names)
    for rule in (_same, _plainly_same, _alike):
        for name in graph.names:
            if mapping[name] is None and (match := rule(name, list(left))) is not None:
                mapping[name] = match
                del left[match]
    return mapping


def renamed(graph: CausalGraph, mapping: Mapping[str, str | None]) -> CausalGraph:
    """``graph`` with its variables called as ``mapping`` says; those that it does not name keep their names, and those
    that it maps to None are left out, as variables that nobody measures (:func:`explorer.causal.separation.projected`).

    Raises :class:`CausalError` for a variable that the graph does not have, and for a name that two would get.
    """
    for name in mapping:
        graph.variable(name)
    graph = projected(graph, [name for name, new in mapping.items() if new is None])
    names = {name: mapping.get(name) or name for name in graph.names}
    if twice := [new for new, count in Counter(names.values()).items() if count > 1]:
        both = " and ".join(f"'{name}'" for name, new in names.items() if new == twice[0])
        raise CausalError(f"{both} would all be '{twice[0]}'; give each variable of the graph one of its own.")
    return CausalGraph(
        variables=tuple(msgspec.structs.replace(v, name=names[v.name]) for v in graph.variables),
        **{
            field: tuple((names[a], names[b]) for a, b in getattr(graph, field))
            for field in ("edges", "confounded", "suggested")
        },
    )


def about(graph: CausalGraph, own: CausalGraph) -> CausalGraph:
    """``graph`` about the variables of ``own`` that it names: kinds, ranges, units and order are theirs, nodes stay
    where the graph has them. Raises :class:`CausalError` for names that differ."""
    check_names(graph, own.names)
    places = {variable.name: variable.at for variable in graph.variables}
    variables = tuple(
        msgspec.structs.replace(variable, at=places[variable.name] or variable.at)
        for variable in own.variables
        if variable.name in places
    )
    return msgspec.structs.replace(graph, variables=variables)


def with_variables(graph: CausalGraph, variables: Sequence[Variable]) -> CausalGraph:
    """``graph`` over ``variables``: kinds, ranges, units and order are theirs, nodes stay where the graph has them, and
    those that it does not have are added without an arrow. Raises :class:`CausalError` for names that differ."""
    check_names(graph, [variable.name for variable in variables])
    places = {variable.name: variable.at for variable in graph.variables}
    own = tuple(msgspec.structs.replace(v, at=places.get(v.name) or v.at) for v in variables)
    return msgspec.structs.replace(graph, variables=own)


def _same(name: str, names: list[str]) -> str | None:
    return name if name in names else None


def _plainly_same(name: str, names: list[str]) -> str | None:
    return next((other for other in names if _plain(other) == _plain(name)), None)


def _alike(name: str, names: list[str]) -> str | None:
    plain = {_plain(other): other for other in reversed(names)}
    return next((plain[match] for match in get_close_matches(_plain(name), plain, n=1, cutoff=0.75)), None)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
