"""Where the nodes of a causal graph are drawn: causes above their effects, no two on top of each other. The unit is one
node's width; the same graph is always laid out in the same way. No torch.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import combinations

import msgspec

from explorer.scene.causal_graph import CausalGraph

Point = tuple[float, float]
"""(across, down) in node widths."""

ACROSS, DOWN = 1.5, 1.25
"""Between the middles of neighbours, and between rows."""

LEAST_ACROSS, LEAST_DOWN = 1.1, 0.75
"""Nodes whose middles are nearer than both are on top of each other."""

MOST_IN_ROW = 6
"""Variables beside each other; more are put into several rows, so that names can be read in a narrow window."""

MOST_BENDS = 4000
"""Places that long arrows take in the rows which they pass; where there would be more, they take none."""

SWEEPS = 12


def laid_out(graph: CausalGraph, anew: bool = False) -> CausalGraph:
    """``graph`` with a place for every node: those that have none get one beside those that do, or all ``anew``."""
    has = {} if anew else {variable.name: variable.at for variable in graph.variables if variable.at is not None}
    if len(has) == len(graph.variables):
        return graph
    places: dict[str, Point] = dict(has)
    for name, (across, down) in layout(graph).items():
        if name not in has:
            while any(_overlap((across, down), other) for other in places.values()):
                across += LEAST_ACROSS
            places[name] = (across, down)
    return _at(graph, places)


def spread(graph: CausalGraph) -> CausalGraph:
    """``graph`` as it is placed, made larger where nodes are on top of each other; where two are at one place, without
    places. For files whose unit is another."""
    points = [variable.at for variable in graph.variables if variable.at is not None]
    factor = 1.0
    for (x, y), (other_x, other_y) in combinations(points, 2):
        nearness = max(abs(x - other_x) / LEAST_ACROSS, abs(y - other_y) / LEAST_DOWN)
        factor = max(factor, 1 / nearness if nearness > 1e-6 else math.inf)
    if factor == 1.0:
        return graph
    if not math.isfinite(factor):
        return _at(graph, {})
    return _at(graph, {v.name: (v.at[0] * factor, v.at[1] * factor) for v in graph.variables if v.at is not None})


def layout(graph: CausalGraph) -> dict[str, Point]:
    """A place for every node, in rows by how many arrows lead there at most; within a row in the order in which few
    arrows cross (sweeps of barycentres: Sugiyama, Tagawa, Toda 1981). A row of more than :data:`MOST_IN_ROW` becomes
    several, in the lowest of which is what causes something."""
    import networkx  # where it is used: the window starts without it

    plain = networkx.DiGraph()
    plain.add_nodes_from(graph.names)
    plain.add_edges_from(graph.edges)
    rows: list[list[str]] = [sorted(row, key=graph.names.index) for row in networkx.topological_generations(plain)]
    steps = _bent(graph, rows)
    best, fewest = rows, _crossings(rows, steps)
    for sweep in range(SWEEPS):
        rows = _sorted_by_neighbours(rows, steps, downwards=sweep % 2 == 0)
        crossings = _crossings(rows, steps)
        if crossings < fewest:
            best, fewest = rows, crossings
    return {
        name: ((place - (len(row) - 1) / 2) * ACROSS, depth * DOWN)
        for depth, row in enumerate(part for row in best for part in _parted(graph, row))
        for place, name in enumerate(row)
        if name in plain
    }


def _parted(graph: CausalGraph, row: list[str]) -> list[list[str]]:
    """``row`` as rows of about equal length. One that is too long keeps no places for arrows that pass it."""
    names = [name for name in row if name in graph.names]
    if len(names) <= MOST_IN_ROW:
        return [row]
    length = math.ceil(len(names) / math.ceil(len(names) / MOST_IN_ROW))
    causes = {cause for cause, _ in graph.edges}
    ordered = sorted(names, key=causes.__contains__)
    first = len(names) % length or length
    parts = [ordered[:first], *(ordered[start : start + length] for start in range(first, len(names), length))]
    return [sorted(part, key=names.index) for part in parts]


def _at(graph: CausalGraph, places: dict[str, Point]) -> CausalGraph:
    moved = tuple(msgspec.structs.replace(variable, at=places.get(variable.name)) for variable in graph.variables)
    return msgspec.structs.replace(graph, variables=moved)


def _overlap(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < LEAST_ACROSS - 1e-9 and abs(one[1] - other[1]) < LEAST_DOWN - 1e-9


def _bent(graph: CausalGraph, rows: list[list[str]]) -> list[list[tuple[str, str]]]:
    """For every row the lines from it to the next. An arrow over several rows gets a place in each that it passes,
    which is added to ``rows``; its name is no variable's."""
    depth = {name: index for index, row in enumerate(rows) for name in row}
    steps: list[list[tuple[str, str]]] = [[] for _ in rows]
    bends = sum(depth[effect] - depth[cause] - 1 for cause, effect in graph.edges)
    for cause, effect in graph.edges:
        before = cause
        if bends <= MOST_BENDS:
            for row in range(depth[cause] + 1, depth[effect]):
                bend = f"\0{cause}\0{effect}\0{row}"
                rows[row].append(bend)
                steps[row - 1].append((before, bend))
                before = bend
        if before != cause or depth[effect] == depth[cause] + 1:
            steps[depth[effect] - 1].append((before, effect))
    return steps


def _sorted_by_neighbours(
    rows: Sequence[list[str]], steps: Sequence[list[tuple[str, str]]], downwards: bool
) -> list[list[str]]:
    rows = [list(row) for row in rows]
    for index in range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1):
        beside = rows[index - 1] if downwards else rows[index + 1]
        middle = {name: place - (len(beside) - 1) / 2 for place, name in enumerate(beside)}
        pulls: dict[str, list[float]] = {}
        for upper, lower in steps[index - 1] if downwards else steps[index]:
            pulls.setdefault(lower if downwards else upper, []).append(middle[upper if downwards else lower])
        goal = {name: place - (len(rows[index]) - 1) / 2 for place, name in enumerate(rows[index])}
        goal |= {name: sum(pull) / len(pull) for name, pull in pulls.items()}
        rows[index].sort(key=goal.__getitem__)
    return rows


def _crossings(rows: Sequence[list[str]], steps: Sequence[list[tuple[str, str]]]) -> int:
    """How many pairs of lines between neighbouring rows cross."""
    total = 0
    for upper, lower, lines in zip(rows, rows[1:], steps, strict=False):
        above = {name: place for place, name in enumerate(upper)}
        below = {name: place for place, name in enumerate(lower)}
        seen: list[int] = []
        for _, place in sorted((above[a], below[b]) for a, b in lines):
            total += len(seen) - bisect_right(seen, place)
            insort(seen, place)
    return total
