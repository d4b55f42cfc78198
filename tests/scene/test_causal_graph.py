"""Causal graphs as values: what makes them equal, what they refuse, and what leads where."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable


def graph(text: str) -> CausalGraph:
    """``a>b b>c`` as a graph of these variables, in the order in which they are named."""
    edges = [tuple(word.split(">")) for word in text.split() if ">" in word]
    names = dict.fromkeys(name for word in text.split() for name in word.split(">"))
    return CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=tuple(edges))


@st.composite
def graphs(draw: st.DrawFn) -> CausalGraph:
    """Graphs of up to six variables whose order of naming is not that of causes."""
    count = draw(st.integers(1, 6))
    names = [f"v{index}" for index in range(count)]
    causal = draw(st.permutations(names))
    pairs = [(a, b) for place, a in enumerate(causal) for b in causal[place + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=tuple(edges))


def test_a_graph_is_a_set_of_arrows() -> None:
    one = graph("a>b b>c a>c")
    assert one == msgspec.structs.replace(one, edges=(("b", "c"), ("a", "c"), ("a", "b"), ("a", "b")))
    tied = msgspec.structs.replace(one, confounded=(("c", "a"),))
    assert tied.confounded == (("a", "c"),)
    assert msgspec.json.decode(msgspec.json.encode(tied), type=CausalGraph) == tied


@given(graphs())
def test_causes_come_before_effects(some: CausalGraph) -> None:
    assert sorted(some.order) == sorted(some.names)
    for cause, effect in some.edges:
        assert some.order.index(cause) < some.order.index(effect)
        assert cause in some.parents(effect)
        assert effect in some.children(cause)
        assert cause in some.ancestors([effect])
        assert effect in some.descendants([cause])


@given(graphs())
def test_of_those_that_are_ready_the_first_named_comes_first(some: CausalGraph) -> None:
    order: list[str] = []
    while len(order) < len(some.names):
        order.append(next(name for name in some.names if name not in order and set(some.parents(name)) <= set(order)))
    assert some.order == tuple(order)


def test_a_graph_of_hundreds_of_variables_is_made_and_its_circle_shown() -> None:
    """Sixty thousand arrows: what takes all arrows for every variable takes minutes."""
    names = [f"v{index}" for index in range(350)]
    variables = tuple(Variable(name=name) for name in reversed(names))
    edges = tuple((a, b) for place, a in enumerate(names) for b in names[place + 1 :])
    full = CausalGraph(variables=variables, edges=edges)
    assert full.order == tuple(names)
    assert len(full.descendants(["v100"])) == 250
    with pytest.raises(CausalError, match="circle: v349 → v0 → v349"):
        full.with_edge("v349", "v0")
    with pytest.raises(CausalError, match="make a circle: v349 → v0 → v349"):
        CausalGraph(variables=variables, edges=(*edges, ("v349", "v0")))


@given(graphs(), st.data())
def test_an_arrow_is_refused_exactly_where_it_closes_a_circle(some: CausalGraph, data: st.DataObject) -> None:
    cause, effect = (data.draw(st.sampled_from(some.names)) for _ in range(2))
    if cause in some.descendants([effect]):  # itself included
        with pytest.raises(CausalError, match=r"circle|own cause"):
            some.with_edge(cause, effect)
        if cause != effect:
            with pytest.raises(CausalError, match="circle"):
                msgspec.structs.replace(some, edges=(*some.edges, (cause, effect)))
            back = some.path(effect, cause)
            assert all(pair in some.edges for pair in pairwise(back))
            assert (back[0], back[-1]) == (effect, cause)
    else:
        assert set(some.with_edge(cause, effect).edges) == {*some.edges, (cause, effect)}
        assert some.path(effect, cause) == ()


def test_do_cuts_what_leads_to_it() -> None:
    some = msgspec.structs.replace(graph("a>b b>c a>c"), confounded=(("b", "c"), ("a", "c")))
    cut = some.intervened(["b"])
    assert cut.edges == (("a", "c"), ("b", "c"))
    assert cut.confounded == (("a", "c"),)


def test_a_variable_is_renamed_with_its_arrows_and_goes_with_them() -> None:
    some = graph("a>b b>c")
    new = some.changed("b", Variable(name="light", low=0, high=1))
    assert new.edges == (("a", "light"), ("light", "c"))
    assert new.without_variable("light").edges == ()
    with pytest.raises(CausalError, match="Two variables"):
        some.changed("b", Variable(name="a"))
    with pytest.raises(CausalError, match="no variable 'x'; it has a, b, c"):
        some.with_edge("x", "a")


def test_a_suggestion_counts_for_nothing_until_it_is_drawn() -> None:
    some = msgspec.structs.replace(graph("a>b"), suggested=(("b", "a"),))
    assert some.descendants(["b"]) == {"b"}
    assert some.order == ("a", "b")
    turned = some.without_edge("a", "b").with_edge("b", "a")
    assert (turned.edges, turned.suggested) == ((("b", "a"),), ())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "needs a name"),
        ({"kind": "category"}, "at least two labels"),
        ({"kind": "binary", "labels": ("a",)}, "two labels"),
        ({"kind": "cyclic", "low": 0.0}, "two ends"),
        ({"low": 1.0, "high": 1.0}, "turn it round"),
        ({"low": float("nan")}, "no number"),
    ],
)
def test_variables_that_make_no_sense_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(CausalError, match=sentence):
        Variable(**{"name": "x", **changes})  # type: ignore[arg-type]


def test_values_out_of_type_or_range_are_refused_with_what_is_possible() -> None:
    length = Variable(name="length", low=3, high=12, unit="cm")
    assert length.refusal(3.0) == length.refusal(12.0) == ""
    assert length.refusal(2.5) == "'length' cannot be 2.5; it goes from 3 to 12 cm."
    assert "give a number" in length.refusal(float("nan"))
    hue = Variable(name="hue", kind="cyclic", low=0, high=1)
    assert hue.refusal(1.25) == ""
    sex = Variable(name="sex", kind="category", labels=("female", "male"))
    assert sex.refusal(1.0) == ""
    assert sex.refusal(0.5) == "'sex' cannot be 0.5; it is one of 0 (female), 1 (male)."
    assert Variable(name="on", kind="binary").refusal(2) == "'on' cannot be 2; it is one of 0, 1."
    assert Variable(name="least", low=0).refusal(-1) == "'least' cannot be -1; it goes from 0."
