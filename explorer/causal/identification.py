"""Whether the effect of one variable on another follows from what is observed, and how: back-door sets, front-door
sets, instruments, and the general method, which finds a formula wherever there is one. No torch.

Sources: Pearl, Causality (2nd edition), chapter 3 (back-door, front-door) and definition 7.4.1 (instruments); the
general method is that of Tian and Pearl (2002), complete by Shpitser and Pearl (2006) and Huang and Valtorta (2006).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, islice
from typing import Literal

import msgspec

from explorer.causal.estimand import Observed, Product, Summed, Term, formula, product, summed
from explorer.causal.general_identification import hedges, identified_by
from explorer.causal.separation import (
    causes_within,
    connected,
    open_walk,
    projected,
    separated,
    separators,
    without_arrows_from,
)
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph

MOST_SETS = 200
"""How many sets are looked at: there may be exponentially many."""

MOST_TRIALS = 600
"""How many candidates are tried where nothing better than trying is known."""

MOST_UNKNOWN = 60
"""Hidden variables and hidden causes; of more it is not looked for what would have to be measured."""

Way = Literal["no effect", "back-door", "front-door", "formula", "none"]


class Instrument(msgspec.Struct, frozen=True):
    """``name`` moves the cause and, where ``fixed`` are held, has nothing else to do with the effect."""

    name: str
    fixed: tuple[str, ...] = ()


class Identification(msgspec.Struct, frozen=True, kw_only=True):
    """What a graph says about the effect of ``cause`` on ``effect``.

    ``way``: by what it is identified. ``adjust``: a smallest back-door set; ``through``: a smallest front-door set;
    ``estimand``: P(effect | do(cause)) of what is observed, None where it is not identified. Only then: ``walk``, the
    connection that nothing closes; ``measure``: what would have to be measured (a variable, or the hidden cause of a
    pair; empty also where there are more than :data:`MOST_UNKNOWN`); ``instruments``: what bounds the effect, and gives
    it where it is linear.
    """

    cause: str
    effect: str
    way: Way
    adjust: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    estimand: Term | None = None
    walk: str = ""
    measure: tuple[tuple[str, ...], ...] = ()
    instruments: tuple[Instrument, ...] = ()

    @property
    def formula(self) -> str:
        """P(effect | do(cause)) as text; empty where it is not identified."""
        if self.estimand is None:
            return ""
        return f"P({self.effect} | do({self.cause})) = {formula(self.estimand, frozenset((self.cause, self.effect)))}"

    @property
    def sentence(self) -> str:
        """All this, in one sentence for the user."""
        what = f"The effect of '{self.cause}' on '{self.effect}' is"
        match self.way:
            case "no effect":
                return f"'{self.cause}' does not cause '{self.effect}' in this graph; setting it changes nothing there."
            case "back-door" if not self.adjust:
                return f"{what} identified: seeing '{self.cause}' at a value says what setting it would do."
            case "back-door":
                return f"{what} identified: compare rows with the same {_listed(self.adjust)} (back-door)."
            case "front-door":
                return f"{what} identified: all of it passes through {_listed(self.through)} (front-door)."
            case "formula":
                return f"{what} identified, by neither back-door nor front-door: {self.formula}."
        hint = "; measure some of what is hidden"
        if self.measure:
            hint = f"; measure {' and '.join(map(_measured, self.measure))}, and it is"
        for instrument in self.instruments[:1]:
            held = f" where {_listed(instrument.fixed)} are held" if instrument.fixed else ""
            hint += f" ('{instrument.name}' is an instrument{held}: it bounds the effect)"
        return f"{what} not identified: nothing closes {self.walk}{hint}."


def identify(graph: CausalGraph, cause: str, effect: str, hidden: Iterable[str] = ()) -> Identification:
    """Whether and how the effect of ``cause`` on ``effect`` follows from the observed distribution of all variables
    but ``hidden``, which are not measured. Raises :class:`CausalError` for unknown variables and for one that is hidden
    or named twice."""
    hidden = tuple(dict.fromkeys(hidden))
    _check(graph, cause, effect)
    if lost := {cause, effect} & set(hidden):
        raise CausalError(f"'{min(lost)}' is not measured, so nothing can be said about its effects.")
    seen = projected(graph, hidden)
    if effect not in seen.descendants([cause]):
        return Identification(cause=cause, effect=effect, way="no effect", estimand=Observed((effect,)))
    if sets := backdoor_sets(seen, cause, effect):
        adjust = sets[0]
        estimand = summed(
            adjust, product([Observed((effect,), (cause, *adjust)), *([Observed(adjust)] if adjust else [])])
        )
        return Identification(cause=cause, effect=effect, way="back-door", adjust=adjust, estimand=estimand)
    if sets := frontdoor_sets(seen, cause, effect):
        through = sets[0]
        rest = Summed((cause,), Product((Observed((effect,), (cause, *through)), Observed((cause,)))))
        estimand = Summed(through, Product((Observed(through, (cause,)), rest)))
        return Identification(cause=cause, effect=effect, way="front-door", through=through, estimand=estimand)
    if (general := identified_by(seen, cause, effect)) is not None:
        return Identification(cause=cause, effect=effect, way="formula", estimand=general)
    usable = seen.ancestors([cause, effect]) - seen.descendants([cause]) - {effect}
    return Identification(
        cause=cause,
        effect=effect,
        way="none",
        walk=open_walk(without_arrows_from(seen, [cause]), cause, effect, usable),
        measure=_to_measure(graph, cause, effect, hidden),
        instruments=instruments(seen, cause, effect),
    )


def backdoor_sets(graph: CausalGraph, cause: str, effect: str, most: int = MOST_SETS) -> tuple[tuple[str, ...], ...]:
    """The sets that satisfy the back-door criterion and have no variable to spare, the small ones first; the first
    ``most`` that come up. Names are in the order of the variables."""
    _check(graph, cause, effect)
    allowed = set(graph.names) - graph.descendants([cause])
    sets = islice(separators(without_arrows_from(graph, [cause]), effect, cause, allowed), most)
    return tuple(sorted((_in_order(graph, names) for names in sets), key=len))


def backdoor_fault(graph: CausalGraph, cause: str, effect: str, adjust: Iterable[str]) -> str:
    """Why comparing rows with the same ``adjust`` does not give the effect, in one sentence; empty where it does."""
    _check(graph, cause, effect)
    adjust = tuple(dict.fromkeys(adjust))
    for name in adjust:
        graph.variable(name)
        if name in (cause, effect):
            return f"'{name}' is what is asked about; leave it out of what is held."
        if name in graph.descendants([cause]):
            return f"'{name}' is an effect of '{cause}'; holding it takes away, or makes up, part of what is asked for."
    walk = open_walk(without_arrows_from(graph, [cause]), cause, effect, adjust)
    return f"{walk} stays open, which is no effect of '{cause}'." if walk else ""


def frontdoor_sets(graph: CausalGraph, cause: str, effect: str, most: int = MOST_SETS) -> tuple[tuple[str, ...], ...]:
    """The sets that satisfy the front-door criterion and have no variable to spare, the small ones first; the first
    that come up in :data:`MOST_TRIALS` candidates."""
    _check(graph, cause, effect)
    if effect not in graph.descendants([cause]):
        return ()
    tied = connected(without_arrows_from(graph, [cause]), [cause])
    candidates = [name for name in graph.names if name not in tied | {cause, effect}]
    sets: list[tuple[str, ...]] = []
    subsets = (names for size in range(1, len(candidates) + 1) for names in combinations(candidates, size))
    for names in islice(subsets, MOST_TRIALS):
        if len(sets) == most:
            break
        if not any(set(smaller) <= set(names) for smaller in sets) and _is_frontdoor(graph, cause, effect, names):
            sets.append(names)
    return tuple(sets)


def instruments(graph: CausalGraph, cause: str, effect: str) -> tuple[Instrument, ...]:
    """Every variable that is an instrument for the effect of ``cause`` on ``effect``, with a set to be held for it."""
    _check(graph, cause, effect)
    after, acted = graph.descendants([cause]), graph.intervened([cause])
    fit = []
    for name in (name for name in graph.names if name not in after | {effect}):
        held = islice(separators(acted, effect, name, set(graph.names) - after - {effect}), MOST_SETS)
        fixed = next((names for names in held if not separated(graph, [name], [cause], names)), None)
        if fixed is not None:
            fit.append(Instrument(name, _in_order(graph, fixed)))
    return tuple(fit)


def _is_frontdoor(graph: CausalGraph, cause: str, effect: str, names: tuple[str, ...]) -> bool:
    """Of ``names`` that share nothing with ``cause`` but what it does to them."""
    if cause in causes_within(graph, frozenset(graph.names) - set(names), [effect]):
        return False
    return separated(without_arrows_from(graph, names), names, [effect], [cause])


def _to_measure(graph: CausalGraph, cause: str, effect: str, hidden: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The fewest hidden variables, and hidden causes as pairs, that identify the effect when they are measured; from
    three on, such that none can be left out."""
    unknown = [*((name,) for name in hidden), *graph.confounded]
    if len(unknown) > MOST_UNKNOWN:
        return ()

    def forbidding(measured: Iterable[tuple[str, ...]]) -> tuple[frozenset[str], ...]:
        # A hidden cause that is measured ties nothing any longer, and as a root has a district of its own: whether an
        # effect is identified does not depend on whether it is a variable of the graph.
        known = frozenset(measured)
        tied = tuple(pair for pair in graph.confounded if pair not in known)
        seen = projected(
            msgspec.structs.replace(graph, confounded=tied), [name for name in hidden if (name,) not in known]
        )
        return hedges(seen, cause, effect)

    blocked = [[some for some in unknown if set(some) & set(hidden) or hedge >= set(some)] for hedge in forbidding(())]
    hopeful = (
        some
        for size in (1, 2)
        for some in combinations(unknown, size)
        if all(any(one in ties for one in some) for ties in blocked)
    )
    fewest = next((some for some in islice(hopeful, MOST_SETS) if not forbidding(some)), None)
    if fewest is None:
        fewest = tuple(unknown)
        for some in unknown:
            without = tuple(other for other in fewest if other != some)
            fewest = fewest if forbidding(without) else without
    return fewest


def _check(graph: CausalGraph, cause: str, effect: str) -> None:
    for name in (cause, effect):
        graph.variable(name)
    if cause == effect:
        raise CausalError(f"'{cause}' has no effect on itself; name two variables.")


def _in_order(graph: CausalGraph, names: Iterable[str]) -> tuple[str, ...]:
    among = frozenset(names)
    return tuple(name for name in graph.names if name in among)


def _listed(names: Iterable[str]) -> str:
    *most, last = (f"'{name}'" for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def _measured(unknown: tuple[str, ...]) -> str:
    return f"'{unknown[0]}'" if len(unknown) == 1 else f"what {_listed(unknown)} have in common"
