"""Separation against its definition, on every small graph; the smallest separating sets against all sets; what is left
of a graph when variables are not measured."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import pytest
from every_graph import EveryPath, every_graph, graph_of, pairs_of, some_graphs, subsets

from explorer.causal.separation import connected, districts, open_walk, projected, separated, separators
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph


def _held_to_the_definition(graphs: Iterable[CausalGraph]) -> int:
    """How many questions were asked."""
    asked = 0
    for graph in graphs:
        truth = EveryPath(graph)
        paths = {pair: truth.paths(*pair) for pair in pairs_of(graph.names)}
        for fixed in subsets(graph.names):
            mask = truth.mask(fixed)
            left = [name for name in graph.names if name not in fixed]
            for first in left:
                expected = {
                    last
                    for last in left
                    if last != first
                    and EveryPath.is_open(paths.get((first, last)) or paths.get((last, first)) or [], mask)
                }
                assert connected(graph, [first], fixed) == expected, (graph, first, fixed)
                asked += 1
    return asked


def test_separation_is_its_definition_on_every_graph_of_four_variables_and_fewer() -> None:
    graphs = [graph for count in (1, 2, 3, 4) for graph in every_graph(count, with_hidden=True)]
    assert len(graphs) == 1 + 4 + 64 + 4096
    assert _held_to_the_definition(graphs) > 100_000


def test_separation_is_its_definition_on_every_graph_of_five_variables_without_hidden_causes() -> None:
    assert _held_to_the_definition(every_graph(5, with_hidden=False)) == 1024 * 5 * 16


def test_separation_is_its_definition_on_many_graphs_of_five_variables_with_hidden_causes() -> None:
    assert _held_to_the_definition(some_graphs(5, 1200, seed=1)) == 1200 * 5 * 16


@pytest.mark.parametrize(
    ("text", "fixed", "walk"),
    [
        ("x>m m>y", "", "x → m → y"),
        ("x>m m>y", "m", ""),
        ("u>x u>y", "", "x ← u → y"),
        ("x>c y>c c>d", "", ""),
        ("x>c y>c c>d", "d", "x → c ← y"),
        ("x-c c-y", "c", "x ↔ c ↔ y"),
        ("a>x a>m b>m b>y", "", ""),  # M-bias: nothing to adjust for
        ("a>x a>m b>m b>y", "m", "x ← a → m ← b → y"),
    ],
)
def test_the_walk_that_is_open_is_shown(text: str, fixed: str, walk: str) -> None:
    assert open_walk(graph_of(text), "x", "y", fixed.split()) == walk
    assert separated(graph_of(text), ["x"], ["y"], fixed.split()) == (not walk)


def test_sets_are_separated_where_all_their_pairs_are() -> None:
    for graph in some_graphs(5, 60, seed=2):
        a, b, c, d, e = graph.names
        apart = all(separated(graph, [first], [last], [e]) for first in (a, b) for last in (c, d))
        assert separated(graph, [a, b], [c, d], [e]) == apart


@pytest.mark.parametrize("allowed", ["abcde", "bcd"])
def test_the_smallest_separating_sets_are_all_that_there_are(allowed: str) -> None:
    graphs = [*every_graph(4, with_hidden=True), *some_graphs(5, 400, seed=3)]
    some_have_several = False
    for graph in graphs[:: 1 if allowed == "abcde" else 3]:
        first, last = graph.names[0], graph.names[-1]
        others = [name for name in graph.names[1:-1] if name in allowed]
        separate = [set(fixed) for fixed in subsets(others) if separated(graph, [first], [last], fixed)]
        smallest = [one for one in separate if not any(other < one for other in separate)]
        sets = list(separators(graph, first, last, allowed))
        assert len(sets) == len(set(sets))
        assert sorted(map(sorted, sets)) == sorted(map(sorted, smallest)), graph
        some_have_several |= len(sets) > 1
    assert some_have_several


def test_thousands_of_separating_sets_are_not_awaited() -> None:
    ladder = " ".join(f"x>a{i} a{i}>b{i} b{i}>y" for i in range(20))  # 2^20 smallest sets
    first = list(islice(separators(graph_of(ladder), "x", "y"), 50))
    assert len(set(first)) == 50
    assert all(separated(graph_of(ladder), ["x"], ["y"], fixed) for fixed in first)


def test_a_graph_without_what_is_not_measured_says_the_same_of_the_rest() -> None:
    for graph in [*every_graph(4, with_hidden=False), *some_graphs(5, 300, seed=4)]:
        hidden = graph.names[1:3]
        left = projected(graph, hidden)
        assert left.names == tuple(name for name in graph.names if name not in hidden)
        for first, last in pairs_of(left.names):
            assert (last in left.descendants([first])) == (last in graph.descendants([first]))
            for fixed in subsets([name for name in left.names if name not in (first, last)]):
                assert separated(left, [first], [last], fixed) == separated(graph, [first], [last], fixed)


def test_what_is_hidden_becomes_an_arrow_or_a_hidden_cause() -> None:
    left = projected(graph_of("a>u u>x u>y s-u"), ["u"])
    assert set(left.edges) == {("a", "x"), ("a", "y")}
    assert set(left.confounded) == {("x", "y"), ("s", "x"), ("s", "y")}


def test_hidden_causes_tie_districts() -> None:
    graph = graph_of("a>b a-c c-d b>d")
    assert districts(graph) == (frozenset("acd"), frozenset("b"))
    assert districts(graph, "ad") == (frozenset("a"), frozenset("d"))


def test_what_cannot_be_asked_is_one_sentence() -> None:
    graph = graph_of("x>m m>y")
    with pytest.raises(CausalError, match="no variable 'q'; it has m, x, y"):
        connected(graph, ["q"])
    with pytest.raises(CausalError, match="no variable 'q'"):
        separated(graph, ["x"], ["y"], ["q"])
    with pytest.raises(CausalError, match="'y' is held fixed"):
        separated(graph, ["x"], ["y"], ["y"])
    with pytest.raises(CausalError, match="'x' cannot be independent of itself"):
        separated(graph, ["x"], ["x"])
    with pytest.raises(CausalError, match="'x' is held fixed"):
        open_walk(graph, "x", "y", ["x"])
