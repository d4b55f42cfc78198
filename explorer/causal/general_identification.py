"""The general method of identification: a formula for P(effect | do(cause)) wherever a graph with hidden common causes
has one (Tian and Pearl 2002; complete by Shpitser and Pearl 2006, and Huang and Valtorta 2006). No torch.

It goes by districts, groups of variables that hidden causes tie together. Q[S], the distribution of a district S when
all others are set, follows from what is observed; that of a part of S, only where the part can be cut out of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from explorer.causal.estimand import Observed, Ratio, Term, free, product, summed
from explorer.causal.separation import causes_within, districts
from explorer.scene.causal_graph import CausalGraph


def hedges(graph: CausalGraph, cause: str, effect: str) -> tuple[frozenset[str], ...]:
    """What forbids :func:`identified_by` a formula: groups of variables, all tied by hidden causes, of each of which a
    tie must be known before there is one. None where there is a formula, which is not written for this."""
    near = graph.ancestors([effect])
    if cause not in near:
        return ()
    cuts = (_cuts(graph, part, whole) for part, whole in _parts(graph, near, cause, effect))
    return tuple(cut for cut in cuts if isinstance(cut, frozenset))


def identified_by(graph: CausalGraph, cause: str, effect: str) -> Term | None:
    """P(effect | do(cause)) of the observed distribution of all variables of ``graph``; None where it does not follow
    from that. Where the formula depends on a variable that makes no difference, it is averaged over it."""
    names = graph.ancestors([effect])
    if cause not in names:
        return Observed((effect,))
    near = _within(graph, names)
    factors, inner = [], frozenset[str]()
    for part, whole in _parts(near, names, cause, effect):
        cuts = _cuts(near, part, whole)
        if isinstance(cuts, frozenset):
            return None
        factors.append(_cut_out(near, part, cuts, product(_given_before(near, name) for name in _ordered(near, whole))))
        inner |= part
    term = summed(_ordered(near, inner - {effect}), product(factors))
    spare = _ordered(near, free(term) - {cause, effect})
    return summed(spare, product([*([Observed(spare)] if spare else []), term]))


def _parts(
    graph: CausalGraph, near: frozenset[str], cause: str, effect: str
) -> list[tuple[frozenset[str], frozenset[str]]]:
    """The districts of what causes ``effect`` when ``cause`` is set, and for each the district, of ``near`` (all that
    causes ``effect``), that it is part of."""
    wholes = districts(graph, near)
    behind = causes_within(graph, near - {cause}, [effect])
    return [(part, next(whole for whole in wholes if part <= whole)) for part in districts(graph, behind)]


def _cuts(
    graph: CausalGraph, part: frozenset[str], whole: frozenset[str]
) -> list[tuple[frozenset[str], frozenset[str]]] | frozenset[str]:
    """How Q[part] is cut out of Q[whole]: districts, each smaller, and of each the causes of ``part`` in it; the last
    are ``part`` alone. Where a district cannot be made smaller, that one: with ``part`` it is the hedge that forbids
    it."""
    cuts = []
    while True:
        causes = causes_within(graph, whole, part)
        if causes == whole != part:
            return whole
        cuts.append((whole, causes))
        if causes == part:
            return cuts
        whole = next(group for group in districts(graph, causes) if part <= group)


def _given_before(graph: CausalGraph, name: str) -> Term:
    """P(name | all before it), of which only that is kept on which it depends: its district, and the causes of that."""
    before = frozenset(graph.order[: graph.order.index(name) + 1])
    group = next(group for group in districts(graph, before) if name in group)
    fixed = group.union(*(graph.parents(member) for member in group)) - {name}
    return Observed((name,), _ordered(graph, fixed))


def _cut_out(
    graph: CausalGraph, part: frozenset[str], cuts: list[tuple[frozenset[str], frozenset[str]]], term: Term
) -> Term:
    """Q[part] of ``term``, which is Q of the first district of ``cuts``."""
    for (whole, causes), (smaller, _) in zip(cuts, [*cuts[1:], (part, part)], strict=True):
        term = summed(_ordered(graph, whole - causes), term)
        if smaller != causes:
            term = _district(graph, smaller, causes, term)
    return term


def _district(graph: CausalGraph, group: frozenset[str], names: frozenset[str], term: Term) -> Term:
    """Q[group] of ``term``, which is Q[names], ``group`` one of the districts of ``names``."""
    order = _ordered(graph, names)
    factors: list[Term] = []
    for place, name in enumerate(order):
        if name in group:
            up_to, before = summed(order[place + 1 :], term), summed(order[place:], term)
            factors.append(Ratio(up_to, before))
    return product(factors)


def _within(graph: CausalGraph, names: frozenset[str]) -> CausalGraph:
    return CausalGraph(
        variables=tuple(variable for variable in graph.variables if variable.name in names),
        edges=tuple(pair for pair in graph.edges if names.issuperset(pair)),
        confounded=tuple(pair for pair in graph.confounded if names.issuperset(pair)),
    )


def _ordered(graph: CausalGraph, names: frozenset[str] | Sequence[str]) -> tuple[str, ...]:
    """``names``, causes before effects."""
    return tuple(name for name in graph.order if name in names)
