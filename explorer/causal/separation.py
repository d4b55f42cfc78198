"""What a causal graph says about dependence: d-separation where pairs may share a hidden cause (m-separation), the
smallest sets that separate, and the graph that is left when a variable is not measured. No torch.

A walk between two variables is open, given a set Z, when every variable on it where two arrowheads meet causes one of
Z or is in it, and no other variable on it is in Z. Two variables are separated when no walk between them is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations

import msgspec

from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Edge

Arrow = str
"""``→``, ``←`` or ``↔``: an arrow as one meets it on a walk."""

Place = tuple[str, bool]
"""A variable on a walk, and whether the walk comes to it at an arrowhead."""


def connected(graph: CausalGraph, first: Iterable[str], fixed: Iterable[str] = ()) -> frozenset[str]:
    """The variables that are not separated from ``first`` given ``fixed``; neither of these is among them.

    Raises :class:`CausalError` for an unknown variable, and for one of ``first`` that is in ``fixed``.
    """
    start, fixed = frozenset(first), frozenset(fixed)
    return frozenset(name for name, _ in _walked(graph, start, fixed)) - fixed - start


def separated(graph: CausalGraph, first: Iterable[str], last: Iterable[str], fixed: Iterable[str] = ()) -> bool:
    """Whether the graph says that ``first`` and ``last`` are independent given ``fixed``, three sets without a common
    variable. Raises :class:`CausalError` as :func:`connected`."""
    start, end, fixed = frozenset(first), frozenset(last), frozenset(fixed)
    _check(graph, end, fixed)
    if twice := start & end:
        raise CausalError(f"'{min(twice)}' cannot be independent of itself; name two variables.")
    return not end & connected(graph, start, fixed)


def open_walk(graph: CausalGraph, first: str, last: str, fixed: Iterable[str] = ()) -> str:
    """A shortest open walk, as text (``x ← u → y``); empty where the two are separated. Raises as :func:`connected`."""
    fixed = frozenset(fixed)
    _check(graph, {last}, fixed)
    came = _walked(graph, frozenset([first]), fixed)
    place: Place | None = next((place for place in came if place[0] == last), None)
    words: list[str] = []
    while place is not None:
        before, arrow = came[place]
        words += [place[0], arrow]
        place = before
    return " ".join(reversed([*words, first])) if words else ""


def causes_within(graph: CausalGraph, names: frozenset[str], some: Iterable[str]) -> frozenset[str]:
    """``some`` of ``names``, and all of these that cause one of them by way of no others."""
    reached = set(some)
    waiting = list(reached)
    for name in waiting:
        new = [cause for cause in graph.parents(name) if cause in names and cause not in reached]
        reached.update(new)
        waiting += new
    return frozenset(reached)


def districts(graph: CausalGraph, names: Iterable[str] | None = None) -> tuple[frozenset[str], ...]:
    """The variables, or ``names``, in groups that hidden common causes tie together, within these variables."""
    left = dict.fromkeys(graph.names if names is None else (name for name in graph.names if name in set(names)))
    tied = _arrows(graph.edges, graph.confounded)
    groups = []
    while left:
        group = [next(iter(left))]
        del left[group[0]]
        for name in group:
            new = [other for arrow, other in tied.get(name, ()) if arrow == "↔" and other in left]
            group += new
            for other in new:
                left.pop(other, None)
        groups.append(frozenset(group))
    return tuple(groups)


def separators(
    graph: CausalGraph, first: str, last: str, allowed: Iterable[str] | None = None
) -> Iterator[frozenset[str]]:
    """Every set of ``allowed`` variables (None: all others) that separates the two and has none to spare; that which
    is nearest to ``first`` comes first. Nothing comes where nothing separates them, ``∅`` where nothing has to.

    All of them lie among the causes of the two (Tian, Paz, Pearl 1998; van der Zander et al. 2014), where separating is
    cutting the moral graph. Variables that are not allowed are cut out of it, their neighbours tied together; the cuts
    of what is left come one from the other (Shen, Liang 1997). There may be exponentially many: take as many as needed.
    """
    _check(graph, {first, last}, frozenset())
    near = _moral(graph, graph.ancestors([first, last]))
    for name in near.keys() - {first, last} - (near.keys() if allowed is None else frozenset(allowed)):
        around = near.pop(name)
        for other in around:
            near[other] = (near[other] | around) - {name, other}
    if last in near[first]:
        return
    waiting = [_cut(near, frozenset([first]), last)]
    seen = set(waiting)
    for cut in waiting:
        yield cut
        side = _side(near, first, cut)
        for name in sorted(cut):
            if last not in near[name]:
                new = _cut(near, side | {name}, last)
                if new not in seen:
                    seen.add(new)
                    waiting.append(new)


def projected(graph: CausalGraph, hidden: Iterable[str]) -> CausalGraph:
    """``graph`` without the variables ``hidden``, which nobody measures: it says of the others what ``graph`` says.

    What one of them passes on is an arrow, what two others get from it a hidden common cause (latent projection: Verma
    1993). Raises :class:`CausalError` for an unknown variable.
    """
    edges, confounded = set(graph.edges), set(graph.confounded)
    gone = tuple(dict.fromkeys(hidden))
    if not gone:
        return graph
    for name in gone:
        graph.variable(name)
        causes = [cause for cause, effect in edges if effect == name]
        effects = [effect for cause, effect in edges if cause == name]
        tied = [a if b == name else b for a, b in confounded if name in (a, b)]
        edges = {pair for pair in edges if name not in pair} | {(a, b) for a in causes for b in effects}
        confounded = {pair for pair in confounded if name not in pair} | set(combinations(effects, 2))
        confounded |= {(a, b) for a in tied for b in effects if a != b}
    return CausalGraph(
        variables=tuple(variable for variable in graph.variables if variable.name not in gone),
        edges=tuple(edges),
        confounded=tuple(confounded),
        suggested=tuple(pair for pair in graph.suggested if not set(pair) & set(gone)),
    )


def without_arrows_from(graph: CausalGraph, names: Iterable[str]) -> CausalGraph:
    """``graph`` without the arrows that leave ``names``; what hidden causes they have, they keep."""
    cut = frozenset(names)
    return msgspec.structs.replace(graph, edges=tuple(pair for pair in graph.edges if pair[0] not in cut))


def _check(graph: CausalGraph, names: Iterable[str], fixed: frozenset[str]) -> None:
    for name in (*names, *fixed):
        graph.variable(name)
    if both := fixed.intersection(names):
        raise CausalError(f"'{min(both)}' is held fixed; it cannot be asked about as well.")


def _walked(
    graph: CausalGraph, start: frozenset[str], fixed: frozenset[str]
) -> dict[Place, tuple[Place | None, Arrow]]:
    """Where open walks from ``start`` lead, and how a shortest one comes there."""
    _check(graph, start, fixed)
    opened = graph.ancestors(fixed)
    arrows = _arrows(graph.edges, graph.confounded)
    came: dict[Place, tuple[Place | None, Arrow]] = {}
    waiting: list[Place] = []

    def go(before: Place | None, arrow: Arrow, name: str) -> None:
        place = (name, arrow != "←")
        if name not in start and place not in came:
            came[place] = (before, arrow)
            waiting.append(place)

    for name in (name for name in graph.names if name in start):
        for arrow, other in arrows.get(name, ()):
            go(None, arrow, other)
    for place in waiting:
        name, at_head = place
        for arrow, other in arrows.get(name, ()):
            heads_meet = at_head and arrow != "→"
            if name in opened if heads_meet else name not in fixed:
                go(place, arrow, other)
    return came


@lru_cache(maxsize=1024)
def _arrows(edges: tuple[Edge, ...], confounded: tuple[Edge, ...]) -> dict[str, tuple[tuple[Arrow, str], ...]]:
    """Variable → the arrows at it, and the variables at their other ends."""
    arrows: dict[str, list[tuple[Arrow, str]]] = {}
    for pairs, there, back in ((edges, "→", "←"), (confounded, "↔", "↔")):
        for first, last in pairs:
            arrows.setdefault(first, []).append((there, last))
            arrows.setdefault(last, []).append((back, first))
    return {name: tuple(found) for name, found in arrows.items()}


def _moral(graph: CausalGraph, names: frozenset[str]) -> dict[str, frozenset[str]]:
    """Variable → those next to it in the moral graph of ``names``, a set that holds its causes: all that meet head to
    head, through hidden common causes too, are next to each other."""
    near: dict[str, set[str]] = {name: set() for name in graph.names if name in names}
    for group in districts(graph, names):
        group |= {cause for cause, effect in graph.edges if effect in group}
        for name in group:
            near[name] |= group - {name}
    return {name: frozenset(others) for name, others in near.items()}


def _side(near: dict[str, frozenset[str]], name: str, cut: frozenset[str]) -> frozenset[str]:
    """What hangs together with ``name`` when ``cut`` is taken out."""
    side, waiting = {name}, [name]
    for one in waiting:
        new = near[one] - cut - side
        side |= new
        waiting += new
    return frozenset(side)


def _cut(near: dict[str, frozenset[str]], side: frozenset[str], last: str) -> frozenset[str]:
    """The cut between ``side``, which hangs together, and ``last`` that lies nearest to ``side``."""
    around = frozenset().union(*(near[name] for name in side)) - side
    far = _side(near, last, around)
    return frozenset().union(*(near[name] for name in far)) - far
