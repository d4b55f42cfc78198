"""Layout: no node on another, causes above effects, few crossings, the same every time."""

from __future__ import annotations

from itertools import combinations, pairwise

from every_graph import coded, every_graph, graph_of, some_graphs

from explorer.causal.layout import ACROSS, DOWN, LEAST_ACROSS, LEAST_DOWN, MOST_IN_ROW, laid_out, layout, spread
from explorer.scene.causal_graph import CausalGraph, Variable


def _apart(graph: CausalGraph) -> bool:
    points = [variable.at for variable in graph.variables]
    assert None not in points
    return all(
        abs(a[0] - b[0]) >= LEAST_ACROSS - 1e-9 or abs(a[1] - b[1]) >= LEAST_DOWN - 1e-9
        for a, b in combinations([at for at in points if at is not None], 2)
    )


def test_causes_are_above_their_effects_and_nothing_lies_on_anything() -> None:
    for graph in [*every_graph(4, with_hidden=False), *some_graphs(8, 40, seed=1)]:
        drawn = laid_out(graph)
        assert _apart(drawn)
        at = {variable.name: variable.at for variable in drawn.variables}
        assert all(at[cause][1] < at[effect][1] for cause, effect in graph.edges)
        assert laid_out(graph) == drawn
        assert layout(graph) == at


def test_a_long_row_becomes_several_with_causes_next_to_their_effects() -> None:
    roots = [f"root {number}" for number in range(15)]
    causes = ["root 1", "root 6", "root 11"]
    edges = tuple((cause, f"effect {number}") for number, cause in enumerate(causes))
    names = (*roots, *(effect for _, effect in edges))
    graph = CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=edges)
    at = layout(graph)
    rows: dict[float, list[str]] = {}
    for name, (_, down) in at.items():
        rows.setdefault(down, []).append(name)
    assert [len(rows[down]) for down in sorted(rows)] == [5, 5, 5, 3]
    assert {at[cause][1] for cause in causes} == {sorted(rows)[2]}, "the row above the effects"
    assert max(abs(across) for across, _ in at.values()) <= MOST_IN_ROW * ACROSS / 2
    assert _apart(laid_out(graph))
    chain = layout(CausalGraph(variables=graph.variables, edges=tuple(pairwise(names))))
    assert [down for _, down in chain.values()] == [row * DOWN for row in range(len(names))]


def test_the_order_in_which_arrows_were_drawn_changes_nothing() -> None:
    graph = graph_of("a>d b>c a>e")
    other = CausalGraph(variables=graph.variables, edges=tuple(reversed(graph.edges)))
    assert layout(graph) == layout(other)


def test_arrows_that_need_not_cross_do_not() -> None:
    at = layout(graph_of("a>z b>y c>x"))
    assert [at[name][0] for name in "abc"] == sorted(at[name][0] for name in "abc")
    assert [at[name][0] for name in "zyx"] == sorted(at[name][0] for name in "zyx")
    tree = layout(graph_of("r>a r>b a>q a>w b>c b>d"))
    assert (tree["a"][0] < tree["b"][0]) == (max(tree["q"][0], tree["w"][0]) < min(tree["c"][0], tree["d"][0]))


def test_a_long_arrow_does_not_run_through_a_node() -> None:
    at = layout(graph_of("a>b b>c a>c"))
    straight = (at["a"][0] + at["c"][0]) / 2
    assert abs(at["b"][0] - straight) > 0.5, "the straight line from a to c passes beside b"


def test_places_that_the_user_has_chosen_stay() -> None:
    graph = graph_of("a>b a>c").changed("a", Variable(name="a", at=(-0.75, 1.25)))  # where b would be
    drawn = laid_out(graph)
    assert drawn.variable("a").at == (-0.75, 1.25)
    assert _apart(drawn)
    assert laid_out(drawn) == drawn
    assert laid_out(drawn, anew=True).variable("a").at == layout(graph)["a"]


def test_a_graph_of_hundreds_of_nodes_is_laid_out() -> None:
    graph = coded([f"v{index:03d}" for index in range(120)], (1 << 7140) - 1, 0)  # all arrows: 7140
    rows = sorted(layout(graph).items(), key=lambda item: item[1][1])
    assert [name for name, _ in rows] == list(graph.order)
    assert all(above[1][1] < below[1][1] for above, below in pairwise(rows))


def test_spreading_keeps_the_shape_and_what_is_wide_enough() -> None:
    places = {"a": (0.0, 0.0), "b": (0.5, 0.0), "c": (0.0, 1.0)}
    graph = CausalGraph(variables=tuple(Variable(name=name, at=at) for name, at in places.items()))
    wide = spread(graph)
    assert _apart(wide)
    factor = 1.1 / 0.5
    assert all(v.at == (places[v.name][0] * factor, places[v.name][1] * factor) for v in wide.variables)
    assert spread(wide) == wide


def test_an_empty_graph_has_an_empty_layout() -> None:
    assert layout(CausalGraph()) == {}
    assert laid_out(CausalGraph()) == CausalGraph()
