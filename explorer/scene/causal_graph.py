"""The causal graph: which variables there are, and which of them cause which. A frozen value like the scene that holds
it: the window edits it by making another, so undo, files, replay and provenance have it for nothing. No Qt, no torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterable
from functools import lru_cache
from heapq import heappop, heappush
from typing import Literal

import msgspec

from explorer.errors import CausalError, is_misleading
from explorer.scene.single import single, written

VariableKind = Literal["number", "cyclic", "binary", "category"]
Edge = tuple[str, str]
"""(cause, effect); of confounded pairs, in the order of the variables."""


LONGEST_NAME = 200
"""Letters of the name of a variable, of its unit, and of a label."""


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of a causal graph.

    ``number``: any number from ``low`` to ``high`` (None: no bound known); ``cyclic``: from ``low`` to ``high``, which
    is ``low`` again; ``category``: the index of one of ``labels``; ``binary``: 0 or 1, ``labels`` name the two, if any.
    ``at``: where its node is drawn, (across, down) in a unit of one node's width; None: where the layout puts it.
    """

    name: str
    kind: VariableKind = "number"
    low: float | None = None
    high: float | None = None
    unit: str = ""
    labels: tuple[str, ...] = ()
    at: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise CausalError("A variable needs a name; give it one.")
        for text in (self.name, self.unit, *self.labels):
            if len(text) > LONGEST_NAME or is_misleading(text):
                raise CausalError(f"'{text}' cannot be shown as a name; use up to {LONGEST_NAME} letters.")
        if self.kind == "category" and len(self.labels) < 2:
            raise CausalError(f"'{self.name}' is a category and needs at least two labels.")
        if self.kind == "binary" and len(self.labels) not in (0, 2):
            raise CausalError(f"'{self.name}' is binary: it has two labels, or none.")
        if self.kind == "cyclic" and (self.low is None or self.high is None):
            raise CausalError(f"'{self.name}' is cyclic and needs its two ends, low and high, which are one value.")
        for bound in (self.low, self.high):
            if bound is not None and not math.isfinite(bound):
                raise CausalError(f"The range of '{self.name}' has an end that is no number; leave it out instead.")
        for end in ("low", "high"):  # of rows of 32 bits
            bound = getattr(self, end)
            msgspec.structs.force_setattr(self, end, None if bound is None else written(bound))
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise CausalError(f"The range of '{self.name}' goes from {self.low:g} to {self.high:g}; turn it round.")

    @property
    def levels(self) -> int:
        """How many values it has; 0 where it may take any number of its range."""
        return {"binary": 2, "category": len(self.labels)}.get(self.kind, 0)

    @property
    def period(self) -> float:
        """After how much a cyclic variable repeats; 0 where it does not."""
        return self.high - self.low if self.kind == "cyclic" and self.high is not None and self.low is not None else 0.0

    def refusal(self, value: float) -> str:
        """Why it cannot be set to ``value``, in one sentence; empty where it can. Cyclic values may go round."""
        if not math.isfinite(value):
            return f"'{self.name}' cannot be set to {value}; give a number."
        if self.levels:
            named = [f"{index} ({label})" for index, label in enumerate(self.labels)] or ["0", "1"]
            inside = value in range(self.levels)
            return "" if inside else f"'{self.name}' cannot be {value:g}; it is one of {', '.join(named)}."
        low, high = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        if self.kind == "cyclic" or low <= value <= high or single(value) in (single(low), single(high)):
            return ""
        bounds = f"{'' if self.low is None else f' from {low:g}'}{'' if self.high is None else f' to {high:g}'}"
        return f"'{self.name}' cannot be {value:g}; it goes{bounds}{' ' if self.unit else ''}{self.unit}."


class CausalGraph(msgspec.Struct, frozen=True, kw_only=True):
    """Variables, and arrows from causes to effects, which make no cycle.

    ``confounded``: pairs that share a cause which is not in the graph (two heads); ``suggested``: arrows that
    a program proposes and nobody has agreed to: they count for nothing. Edges are kept as sets, in the order of the
    variables, so that equal graphs are equal values. Raises :class:`explorer.errors.CausalError` for an unknown or a
    repeated name, and for a cycle.
    """

    variables: tuple[Variable, ...] = ()
    edges: tuple[Edge, ...] = ()
    confounded: tuple[Edge, ...] = ()
    suggested: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        if repeated := next((name for name, count in Counter(names).items() if count > 1), None):
            raise CausalError(f"Two variables are called '{repeated}'; rename one.")
        places = {name: place for place, name in enumerate(names)}
        for field in ("edges", "confounded", "suggested"):
            pairs = [self._checked(pair, places) for pair in getattr(self, field)]
            if field == "confounded":
                pairs = [(min(pair, key=places.__getitem__), max(pair, key=places.__getitem__)) for pair in pairs]
            ordered = tuple(sorted(set(pairs), key=lambda pair: (places[pair[0]], places[pair[1]])))
            msgspec.structs.force_setattr(self, field, ordered)
        if len(self.order) < len(names):
            path = next(
                way
                for name in sorted(set(names) - set(self.order), key=places.__getitem__)
                if (way := self.path(name, name))
            )
            raise CausalError(f"These arrows make a circle: {' → '.join(path)}; take one of them away.")

    def _checked(self, pair: Edge, names: Container[str]) -> Edge:
        for name in pair:
            if name not in names:
                self.variable(name)
        if pair[0] == pair[1]:
            raise CausalError(f"'{pair[0]}' cannot be its own cause.")
        return pair

    @property
    def names(self) -> tuple[str, ...]:
        """Of the variables, in their order."""
        return tuple(variable.name for variable in self.variables)

    @property
    def order(self) -> tuple[str, ...]:
        """The variables, causes before effects; among those that are ready, in their own order. What is in or behind
        a circle is missing."""
        return _order(self.names, self.edges)

    def variable(self, name: str) -> Variable:
        """The variable called ``name``. Raises :class:`CausalError` naming those there are."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise CausalError(f"The graph has no variable '{name}'; it has {', '.join(self.names) or 'none yet'}.")

    def parents(self, name: str) -> tuple[str, ...]:
        """The direct causes of ``name``, in the order of the variables."""
        return tuple(cause for cause, effect in self.edges if effect == name)

    def children(self, name: str) -> tuple[str, ...]:
        """The direct effects of ``name``, in the order of the variables."""
        return tuple(effect for cause, effect in self.edges if cause == name)

    def ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """``names`` and all that causes one of them, directly or not."""
        return _reached(frozenset(names), tuple((effect, cause) for cause, effect in self.edges))

    def descendants(self, names: Iterable[str]) -> frozenset[str]:
        """``names`` and all that one of them causes, directly or not."""
        return _reached(frozenset(names), self.edges)

    def between(self, cause: str, effect: str) -> tuple[str, ...]:
        """What lies on a way of arrows from ``cause`` to ``effect``, causes first."""
        inside = self.descendants([cause]) & self.ancestors([effect])
        return tuple(name for name in self.order if name in inside and name not in (cause, effect))

    def path(self, first: str, last: str) -> tuple[str, ...]:
        """A shortest way along arrows from ``first`` to ``last``, both included, of at least one arrow; empty where
        there is none."""
        follows = _followers(self.edges)
        came = dict[str, str]()
        waiting = [first]
        for name in waiting:
            for child in follows.get(name, ()):
                if child not in came:
                    came[child] = name
                    waiting.append(child)
                if child == last:
                    way = [last]
                    while len(way) == 1 or way[-1] != first:
                        way.append(came[way[-1]])
                    return tuple(reversed(way))
        return ()

    def with_variable(self, variable: Variable) -> CausalGraph:
        """This graph with one variable more."""
        return msgspec.structs.replace(self, variables=(*self.variables, variable))

    def changed(self, name: str, variable: Variable) -> CausalGraph:
        """This graph with ``variable`` in place of the one called ``name``, which may be another name."""
        self.variable(name)
        new = {name: variable.name}
        renamed = {
            field: tuple((new.get(a, a), new.get(b, b)) for a, b in getattr(self, field))
            for field in ("edges", "confounded", "suggested")
        }
        variables = tuple(variable if old.name == name else old for old in self.variables)
        return CausalGraph(variables=variables, **renamed)

    def without_variable(self, name: str) -> CausalGraph:
        """This graph without the variable called ``name`` and its arrows."""
        self.variable(name)
        left = {
            field: tuple(pair for pair in getattr(self, field) if name not in pair)
            for field in ("edges", "confounded", "suggested")
        }
        return CausalGraph(variables=tuple(v for v in self.variables if v.name != name), **left)

    def with_edge(self, cause: str, effect: str) -> CausalGraph:
        """This graph with an arrow more, which is no suggestion any longer. Raises :class:`CausalError` naming the
        circle that it would make."""
        self._checked((cause, effect), self.names)
        if back := self.path(effect, cause):
            raise CausalError(
                f"An arrow from '{cause}' to '{effect}' would make a circle: {' → '.join((cause, *back))}."
            )
        suggested = tuple(pair for pair in self.suggested if set(pair) != {cause, effect})
        return msgspec.structs.replace(self, edges=(*self.edges, (cause, effect)), suggested=suggested)

    def without_edge(self, cause: str, effect: str) -> CausalGraph:
        """This graph without that arrow, whether it counts or is suggested."""
        gone = (cause, effect)
        return msgspec.structs.replace(
            self,
            edges=tuple(pair for pair in self.edges if pair != gone),
            suggested=tuple(pair for pair in self.suggested if pair != gone),
        )

    def with_confounded(self, first: str, last: str) -> CausalGraph:
        """This graph where the two share a hidden cause."""
        return msgspec.structs.replace(self, confounded=(*self.confounded, (first, last)))

    def without_confounded(self, first: str, last: str) -> CausalGraph:
        """This graph where the two share no hidden cause."""
        left = tuple(pair for pair in self.confounded if set(pair) != {first, last})
        return msgspec.structs.replace(self, confounded=left)

    def intervened(self, names: Iterable[str]) -> CausalGraph:
        """This graph after do() on ``names``: without the arrows, and the hidden common causes, that lead to them."""
        held = frozenset(names)
        for name in held:
            self.variable(name)
        return msgspec.structs.replace(
            self,
            edges=tuple(pair for pair in self.edges if pair[1] not in held),
            confounded=tuple(pair for pair in self.confounded if not held & set(pair)),
        )


@lru_cache(maxsize=1024)
def _order(names: tuple[str, ...], edges: tuple[Edge, ...]) -> tuple[str, ...]:
    places = {name: place for place, name in enumerate(names)}
    missing = Counter(effect for _, effect in edges)
    follows = _followers(edges)
    ready = [place for name, place in places.items() if not missing[name]]  # rising, which makes it a heap
    done: list[str] = []
    while ready:
        done.append(names[heappop(ready)])
        for effect in follows.get(done[-1], ()):
            missing[effect] -= 1
            if not missing[effect]:
                heappush(ready, places[effect])
    return tuple(done)


@lru_cache(maxsize=4096)
def _reached(names: frozenset[str], edges: tuple[Edge, ...]) -> frozenset[str]:
    follows = _followers(edges)
    reached = set(names)
    waiting = list(names)
    for name in waiting:
        new = [effect for effect in follows.get(name, ()) if effect not in reached]
        reached.update(new)
        waiting.extend(new)
    return frozenset(reached)


@lru_cache(maxsize=1024)
def _followers(edges: tuple[Edge, ...]) -> dict[str, tuple[str, ...]]:
    """Name → where the arrows that leave it lead, in their order."""
    follows: dict[str, list[str]] = {}
    for first, last in edges:
        follows.setdefault(first, []).append(last)
    return {name: tuple(others) for name, others in follows.items()}
