"""Graphs under other names: what is proposed, what is refused, and what becomes of variables that are left out."""

from __future__ import annotations

import pytest
from every_graph import graph_of, some_graphs

from explorer.causal.naming import check_names, proposed_names, renamed, unknown_names, with_variables
from explorer.errors import CausalError
from explorer.scene.causal_graph import Variable


def test_names_that_differ_are_shown_with_those_at_hand() -> None:
    graph = graph_of("Thickness>intensity intensity>image")
    assert unknown_names(graph, ["thickness", "intensity"]) == ("Thickness", "image")
    with pytest.raises(CausalError, match=r"'Thickness', 'image' are not among .*\(thickness, intensity\); say which"):
        check_names(graph, ["thickness", "intensity"])
    with pytest.raises(CausalError, match=r"'image' is not among .* leave it out"):
        check_names(graph, ["Thickness", "intensity"])
    check_names(graph, ["Thickness", "intensity", "image", "slant"])


def test_what_is_probably_meant_is_proposed_and_no_name_twice() -> None:
    assert proposed_names(graph_of("Light_Pos>x angl>x thing>x"), ["light pos", "angle", "light", "x"]) == {
        "Light_Pos": "light pos",
        "angl": "angle",
        "thing": None,
        "x": "x",
    }
    assert proposed_names(graph_of("A>a"), ["a"]) == {"A": None, "a": "a"}
    assert proposed_names(graph_of("one>two"), []) == {"one": None, "two": None}


def test_renaming_and_back_is_nothing() -> None:
    for graph in some_graphs(5, 40, seed=9):
        names = {name: f"{name}2" for name in graph.names}
        new = renamed(graph, names)
        assert new.names == tuple(names.values())
        assert set(new.edges) == {(names[a], names[b]) for a, b in graph.edges}
        assert renamed(new, {new: old for old, new in names.items()}) == graph
        swapped = dict(zip(graph.names, reversed(graph.names), strict=True))
        assert renamed(renamed(graph, swapped), {b: a for a, b in swapped.items()}) == graph


def test_what_is_left_out_goes_on_to_act() -> None:
    left = renamed(graph_of("a>m m>y u>a u>y"), {"m": None, "u": None, "y": "effect"})
    assert (left.names, left.edges, left.confounded) == (("a", "effect"), (("a", "effect"),), (("a", "effect"),))


def test_names_that_do_not_fit_are_refused() -> None:
    graph = graph_of("a>b b>c")
    with pytest.raises(CausalError, match="'a' and 'b' would all be 'x'"):
        renamed(graph, {"a": "x", "b": "x"})
    with pytest.raises(CausalError, match="'a' and 'c' would all be 'c'"):
        renamed(graph, {"a": "c"})
    with pytest.raises(CausalError, match="no variable 'q'"):
        renamed(graph, {"q": "x"})


def test_variables_at_hand_bring_their_kinds_and_the_file_its_places() -> None:
    graph = graph_of("a>b").changed("a", Variable(name="a", at=(3.0, 1.0)))
    own = (Variable(name="b", kind="binary"), Variable(name="a", low=0.0, high=1.0, unit="mm"), Variable(name="c"))
    new = with_variables(graph, own)
    assert new.names == ("b", "a", "c")
    assert new.edges == (("a", "b"),)
    assert new.variable("a") == Variable(name="a", low=0.0, high=1.0, unit="mm", at=(3.0, 1.0))
    assert new.variable("b").kind == "binary"
    with pytest.raises(CausalError, match="'b' is not among"):
        with_variables(graph, own[1:])
