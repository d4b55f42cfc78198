"""Every small graph, and open walks found in it by going along every path: what the causal modules are held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random

from explorer.scene.causal_graph import CausalGraph, Edge, Variable


def graph_of(text: str) -> CausalGraph:
    """``x>y z>y x-z``: arrows, and pairs that share a hidden cause; the variables in the order of their names."""
    words = text.split()
    names = sorted({name for word in words for name in word.replace("-", ">").split(">")})
    return CausalGraph(
        variables=tuple(Variable(name=name) for name in names),
        edges=tuple(_pair(word, ">") for word in words if ">" in word),
        confounded=tuple(_pair(word, "-") for word in words if "-" in word),
    )


def _pair(word: str, mark: str) -> Edge:
    first, last = word.split(mark)
    return first, last


def pairs_of(names: Sequence[str]) -> list[Edge]:
    """All pairs, the earlier one first."""
    return list(combinations(names, 2))


def coded(names: Sequence[str], arrows: int, hidden: int) -> CausalGraph:
    """The graph whose causal order is ``names`` and whose arrows and hidden causes are the bits of two numbers; its
    variables are in the order of their names, not of the causes."""
    pairs = pairs_of(names)
    return CausalGraph(
        variables=tuple(Variable(name=name) for name in sorted(names)),
        edges=tuple(pair for bit, pair in enumerate(pairs) if arrows >> bit & 1),
        confounded=tuple(pair for bit, pair in enumerate(pairs) if hidden >> bit & 1),
    )


def every_graph(count: int, with_hidden: bool, seed: int = 0) -> Iterator[CausalGraph]:
    """Every graph of ``count`` variables, but for their names, which are dealt at random."""
    random, bits = Random(seed), count * (count - 1) // 2
    for arrows in range(1 << bits):
        for hidden in range(1 << bits if with_hidden else 1):
            yield coded(random.sample("abcdefgh"[:count], count), arrows, hidden)


def some_graphs(count: int, amount: int, seed: int, hidden_share: float = 0.3) -> Iterator[CausalGraph]:
    """``amount`` random graphs of ``count`` variables."""
    random, bits = Random(seed), count * (count - 1) // 2
    for _ in range(amount):
        hidden = sum((random.random() < hidden_share) << bit for bit in range(bits))
        yield coded(random.sample("abcdefgh"[:count], count), random.getrandbits(bits), hidden)


class EveryPath:
    """Separation by the definition alone: all paths of ``graph``, each asked whether Z blocks it. Sets are bits."""

    def __init__(self, graph: CausalGraph) -> None:
        self.bit = {name: 1 << place for place, name in enumerate(graph.names)}
        self.below = {name: self._reached(graph, name) for name in graph.names}
        self.arrows: dict[str, list[tuple[str, bool, bool]]] = {name: [] for name in graph.names}
        for a, b in graph.edges:
            self.arrows[a].append((b, False, True))  # the other end, an arrowhead here?, an arrowhead there?
            self.arrows[b].append((a, True, False))
        for a, b in graph.confounded:
            self.arrows[a].append((b, True, True))
            self.arrows[b].append((a, True, True))

    def _reached(self, graph: CausalGraph, name: str) -> int:
        return self.bit[name] | sum(
            {
                one: self.bit[one] for cause, child in graph.edges if cause == name for one in self._names(graph, child)
            }.values()
        )

    def _names(self, graph: CausalGraph, name: str) -> set[str]:
        return {name}.union(*(self._names(graph, child) for cause, child in graph.edges if cause == name))

    def paths(self, first: str, last: str) -> list[tuple[int, tuple[int, ...]]]:
        """Of every path between the two: what may not be in Z, and the sets of which Z must hold something."""
        found: list[tuple[int, tuple[int, ...]]] = []

        def go(name: str, at_head: bool, seen: int, closed: int, needed: tuple[int, ...]) -> None:
            if name == last:
                found.append((closed, needed))
                return
            for other, head_here, head_there in self.arrows[name]:
                if not self.bit[other] & seen:
                    new_closed, new_needed = closed, needed
                    if name != first and at_head and head_here:
                        new_needed = (*needed, self.below[name])
                    elif name != first:
                        new_closed |= self.bit[name]
                    go(other, head_there, seen | self.bit[other], new_closed, new_needed)

        go(first, False, self.bit[first], 0, ())
        return found

    def mask(self, names: Sequence[str]) -> int:
        return sum(self.bit[name] for name in names)

    @staticmethod
    def is_open(paths: list[tuple[int, tuple[int, ...]]], fixed: int) -> bool:
        return any(not closed & fixed and all(one & fixed for one in needed) for closed, needed in paths)


def subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All of them, the small ones first."""
    for size in range(len(names) + 1):
        yield from combinations(names, size)
