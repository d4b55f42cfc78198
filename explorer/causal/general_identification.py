"""The general method of identification: a formula for P(effect | do(cause)) wherever a graph with hidden common causes
has one (Tian and Pearl 2002; complete by Shpitser and Pearl 2006, and Huang and Valtorta 2006). No torch.

It goes by districts, groups of variables that hidden causes tie together. Q[S], the distribution of a district S when
all others are set, follows from what is observed; that of a part of S, only where the part can be cut out of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from explorer.causal.estimand import Observed, Ratio, Term, free, product, summed
from explorer.causal.separation import districts
from explorer.scene.causal_graph import CausalGraph


def identified_by(graph: CausalGraph, cause: str, effect: str) -> Term | None:
    """P(effect | do(cause)) of the observed distribution of all variables of ``graph``; None where it does not follow
    from that. Where the formula depends on a variable that makes no difference, it is averaged over it."""
    near = _within(graph, graph.ancestors([effect]))
    if cause not in near.names:
        return Observed((effect,))
    behind = _within(near, frozenset(near.names) - {cause}).ancestors([effect])
    factors = []
    for part in districts(near, behind):
        whole = next(group for group in districts(near) if part <= group)
        factor = _cut_out(near, part, whole, product(_given_before(near, name) for name in _ordered(near, whole)))
        if factor is None:
            return None
        factors.append(factor)
    term = summed(_ordered(near, behind - {effect}), product(factors))
    spare = _ordered(near, free(term) - {cause, effect})
    return summed(spare, product([*([Observed(spare)] if spare else []), term]))


def _given_before(graph: CausalGraph, name: str) -> Term:
    """P(name | all before it), of which only that is kept on which it depends: its district, and the causes of that."""
    before = frozenset(graph.order[: graph.order.index(name) + 1])
    group = next(group for group in districts(graph, before) if name in group)
    fixed = group.union(*(graph.parents(member) for member in group)) - {name}
    return Observed((name,), _ordered(graph, fixed))


def _cut_out(graph: CausalGraph, part: frozenset[str], whole: frozenset[str], term: Term) -> Term | None:
    """Q[part] of ``term``, which is Q[whole]; both are districts, of what they contain. None where ``whole`` cannot be
    made smaller: with ``part`` it is the hedge that forbids it."""
    within = _within(graph, whole)
    causes = within.ancestors(part)
    if causes == part:
        return summed(_ordered(graph, whole - part), term)
    if causes == whole:
        return None
    left = summed(_ordered(graph, whole - causes), term)
    group = next(group for group in districts(graph, causes) if part <= group)
    return _cut_out(graph, part, group, left if group == causes else _district(graph, group, causes, left))


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
