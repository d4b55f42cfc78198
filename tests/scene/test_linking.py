"""Which sliders move together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.scene.cards import ControlCard, ControlSetCard
from explorer.scene.linking import adopted, partners
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene

PCA, SEFA = ControlSetRef(method="pca"), ControlSetRef(method="sefa")


def card(*names: str, shows: str = "amount") -> ControlSetCard:
    controls = tuple(ControlCard(name=name, space="z", shows=shows) for name in names)  # type: ignore[arg-type]
    return ControlSetCard(method="m", title="M", fingerprint="f", space="z", controls=controls)


def scene(*panes: Pane, linked: bool = True) -> Scene:
    return Scene(model=ModelRef(path="toy"), panes=panes, linked=linked)


def test_of_one_set_the_same_name_moves_whether_the_set_is_known_or_not() -> None:
    shown = scene(*[Pane(controls=PCA)] * 3)
    assert partners(shown, (card("a", "b"), card("a", "b"), None), 1, "b") == {0: "b", 1: "b", 2: "b"}
    assert partners(shown, (None, None, None), 0, "b") == {0: "b", 1: "b", 2: "b"}


def test_of_other_sets_what_stands_at_the_same_place_moves() -> None:
    other_model = Pane(controls=PCA, model=ModelRef(path="other"))
    shown = scene(Pane(controls=SEFA), Pane(controls=PCA), Pane(controls=SEFA), other_model, Pane(controls=SEFA))
    cards = (card("s", "t"), card("a", "b", "c"), None, card("x", "y", "z"), card("s"))
    assert partners(shown, cards, 1, "b") == {0: "t", 1: "b", 3: "y"}
    assert partners(shown, cards, 1, "c") == {1: "c", 3: "z"}
    assert partners(shown, cards, 0, "s") == {0: "s", 1: "a", 2: "s", 3: "x", 4: "s"}


def test_nothing_else_moves_while_sliders_are_not_linked_or_their_place_is_not_known() -> None:
    shown = scene(Pane(controls=PCA), Pane(controls=PCA), linked=False)
    assert partners(shown, (card("a"), card("a")), 0, "a") == {0: "a"}
    apart = scene(Pane(controls=PCA), Pane(controls=SEFA))
    for cards in ((None, card("a")), (card("a"), None), (card("b"), card("a"))):
        assert partners(apart, cards, 0, "a") == {0: "a"}
    assert partners(apart, (card("a"), card("a", shows="value")), 0, "a") == {0: "a"}


@given(st.data(), st.lists(st.sampled_from([PCA, SEFA]), min_size=1, max_size=5))
def test_linked_sliders_are_linked_both_ways(data: st.DataObject, refs: list[ControlSetRef]) -> None:
    shown = scene(*(Pane(controls=ref) for ref in refs))
    cards = [card("p", "q", "r") if ref == PCA else card("s", "t", "u") for ref in refs]
    pane = data.draw(st.integers(0, len(refs) - 1))
    together = partners(shown, cards, pane, cards[pane].controls[data.draw(st.integers(0, 2))].name)
    assert set(together) == set(range(len(refs)))
    for other, name in together.items():
        assert partners(shown, cards, other, name) == together


@pytest.mark.parametrize("ours", [2, 3, 4])
def test_what_is_adopted_stands_as_far_in_the_order_of_both_sets(ours: int) -> None:
    neighbour = Pane(controls=SEFA, edits=(Edit("s", 1.0), Edit("u", -2.0)))
    names = ["a", "b", "c", "d"][:ours]
    pane = adopted(Pane(controls=PCA), card(*names), neighbour, card("s", "t", "u"))
    assert {edit.control: edit.amount for edit in pane.edits} == ({"a": 1.0} if ours < 3 else {"a": 1.0, "c": -2.0})


def test_values_are_linked_by_what_they_are_of_and_by_nothing_else() -> None:
    """Two graphs of one model: one leaves a variable out, so that the others stand at other places."""
    one, other = ControlSetRef(method="causes"), ControlSetRef(method="causes", settings=(("graph", "{}"),))
    shown = scene(Pane(controls=one), Pane(controls=other), Pane(controls=PCA))
    cards = (
        card("angle", "light", "length", shows="value"), card("light", "length", shows="value"), card("a", "b", "c"),
    )  # fmt: skip
    assert partners(shown, cards, 0, "light") == {0: "light", 1: "light"}
    assert partners(shown, cards, 1, "length") == {0: "length", 1: "length"}
    assert partners(shown, cards, 0, "angle") == {0: "angle"}
    assert partners(shown, cards, 2, "a") == {2: "a"}
    neighbour = Pane(controls=one, edits=(Edit("angle", value=3.0), Edit("length", value=7.0)))
    assert adopted(Pane(controls=other), cards[1], neighbour, cards[0]).edits == (Edit("length", value=7.0),)


def test_cases_are_linked_by_what_they_are_of() -> None:
    """Noises that are locked, in two graphs of which one has a variable less."""

    def noises(*names: str) -> ControlSetCard:
        cases = ("locked", "its own", "of seed @")
        controls = tuple(ControlCard(name=name, space="z", cases=cases) for name in names)
        return ControlSetCard(method="m", title="M", fingerprint="f", space="z", controls=controls)

    shown = scene(Pane(controls=PCA), Pane(controls=SEFA))
    cards = (noises("noise: a", "noise: b"), noises("noise: b"))
    assert partners(shown, cards, 0, "noise: b") == {0: "noise: b", 1: "noise: b"}
    assert partners(shown, cards, 0, "noise: a") == {0: "noise: a"}
