"""Edits are a set: a scene does not remember in which order the hand made them; what older files say of that."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import SceneError
from explorer.scene import store
from explorer.scene.cards import ControlCard, ControlLaws, ControlSetCard
from explorer.scene.editing import edit_of, with_edit, with_edits
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Edit,
    ModelRef,
    Pane,
    Scene,
    Start,
    Timeline,
    View,
    as_set,
    view_of,
)
from explorer.scene.order import order_mattered
from explorer.scene.timeline import at, edit_at, set_amount_key

MODEL = ModelRef(path="m")
NAMES = ("PC 1", "PC 2", "PC 10", "z", "ärger", "")
NUMBERS = st.one_of(st.just(0.0), st.just(-0.0), st.floats(-900, 900))
EDITS = st.builds(Edit.of, st.sampled_from(NAMES), NUMBERS, st.sampled_from(["amount", "value"]))
HISTORY = st.lists(EDITS, max_size=12)


def after(history: list[Edit]) -> Pane:
    pane = Pane()
    for edit in history:
        pane = with_edit(pane, edit)
    return pane


@given(HISTORY, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_a_scene_is_what_its_edits_are_in_the_end(history: list[Edit], random: object) -> None:
    last = {edit.control: edit for edit in history}
    shuffled = list(last.values())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    pane = after(history)
    assert pane == after(shuffled) == Pane(edits=tuple(shuffled))
    assert hash(pane) == hash(after(shuffled))
    for name in NAMES:
        expected = last.get(name, Edit(name))
        assert edit_of(pane, name) == (Edit(name) if expected.is_nothing else expected)
    views = {view_of(Scene(model=MODEL, panes=(one,)), 0) for one in (pane, after(shuffled))}
    assert len(views) == 1  # the key of every cache of pictures


@given(HISTORY)
@settings(max_examples=100, deadline=None)
def test_a_scene_file_holds_edits_of_amounts_and_of_values(history: list[Edit]) -> None:
    scene = Scene(model=MODEL, panes=(after(history),))
    assert store.decode_scene(store.encode_scene(scene)) == scene


def test_names_are_ordered_as_people_do() -> None:
    edits = [Edit(name, 1.0) for name in ("PC 10", "b", "PC 2", "a", "PC 1")]
    assert [edit.control for edit in as_set(edits)] == ["PC 1", "PC 2", "PC 10", "a", "b"]


def test_an_amount_of_nothing_is_no_edit_and_a_value_of_nothing_is_one() -> None:
    pane = with_edit(with_edit(Pane(), Edit("a", 1.0)), Edit("a", 0.0))
    assert pane.edits == ()
    assert (
        View(
            model=MODEL,
            start=Start(Scene(model=MODEL).origin),
            controls=pane.controls,
            edits=(Edit("a"),),
        ).edits
        == ()
    )
    sent = with_edit(Pane(), Edit("a", value=0.0))
    assert sent.edits == (Edit("a", value=0.0),)
    assert (edit_of(sent, "a").number, edit_of(sent, "a").holds, edit_of(sent, "a").amount) == (0.0, "value", 0.0)
    scene = with_edits(Scene(model=MODEL, panes=(sent, Pane())), {0: Edit("a"), 1: Edit("b", 2.0)})
    assert [pane.edits for pane in scene.panes] == [(), (Edit("b", 2.0),)]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (Edit("a", 1001.0), "edits.0..amount' is 1001"),
        (Edit("a", value=1e10), "edits.0..value' is 1e"),
        (Edit("a", value=math.nan), "edits.0..value' is nan"),
        (Edit("a", 1.0, 2.0), "holds an amount and a value"),
    ],
)
def test_senseless_edits_are_refused(edit: Edit, sentence: str) -> None:
    with pytest.raises(SceneError, match=sentence):
        store.encode_scene(Scene(model=MODEL, panes=(Pane(edits=(edit,)),)))


def test_a_track_of_values_sends_its_control_to_values() -> None:
    scene = set_amount_key(Scene(model=MODEL), 0, "angle", 0.0, -40.0, "value")
    scene = set_amount_key(scene, 0, "angle", 4.0, 40.0, "value")
    assert at(scene, 2.0).panes[0].edits == (Edit("angle", value=0.0),)
    assert edit_at(scene.timeline.amounts[0], 4.0) == Edit("angle", value=40.0)
    with pytest.raises(SceneError, match="holds values, so it cannot have a key of an amount"):
        set_amount_key(scene, 0, "angle", 1.0, 0.5)
    assert store.decode_scene(store.encode_scene(scene)) == scene
    # Values are in units of their own, so the limits of amounts are not theirs.
    far = AmountTrack(pane=0, control="age", keys=(AmountKey(0.0, 12_345.0),), holds="value")
    store.encode_scene(Scene(model=MODEL, timeline=Timeline(amounts=(far,))))
    with pytest.raises(SceneError, match="12345"):
        store.encode_scene(
            Scene(model=MODEL, timeline=Timeline(amounts=(msgspec.structs.replace(far, holds="amount"),)))
        )


# --- files of before -------------------------------------------------------------------------------------------------


def card(*controls: tuple[str, str, bool]) -> ControlSetCard:
    """``controls``: name, space, whether it commutes."""
    cards = tuple(
        ControlCard(name=name, space=space, laws=ControlLaws(commutes=commutes)) for name, space, commutes in controls
    )
    return ControlSetCard(method="m", title="M", space="z", fingerprint="f", controls=cards)


FOLLOWED = card(("a", "z", False), ("b", "z", False), ("s", "z", True), ("t", "z", True), ("w", "w", False))


@pytest.mark.parametrize(
    ("touched", "mattered"),
    [
        (("a", "b"), False),
        (("b", "a"), True),
        (("b",), False),
        (("s", "a"), True),  # one of the two is enough
        (("t", "s"), False),  # both add what they add, whatever the order
        (("w", "a"), False),  # spaces have an order of their own
        (("unknown", "b", "a"), True),
        (("unknown", "a"), False),
    ],
)
def test_the_order_of_touch_had_mattered(touched: tuple[str, ...], mattered: bool) -> None:
    assert order_mattered(touched, FOLLOWED) == mattered


def test_the_order_of_touch_is_read_from_files_that_were_drawn_in_it() -> None:
    def pane(*names: str) -> dict[str, object]:
        return {"edits": [{"control": name, "amount": 1.0} for name in names]}

    document = {
        "format": store.FORMAT,
        "version": 2,
        "model": {"path": "m"},
        "panes": [pane("b", "a"), pane()],
        "bookmarks": [
            {"name": "k", "model": {"path": "n"}, "origin": {"type": "seed", "seed": 1}, "truncation_psi": 1.0,
             "panes": [pane("c", "a")]},
        ],
        "timeline": {"amounts": [
            {"pane": 0, "control": "c", "keys": [{"time": 0.0, "amount": 1.0}]},
            {"pane": 0, "control": "a", "keys": [{"time": 0.0, "amount": 1.0}]},
            {"pane": 1, "control": "x", "keys": [{"time": 0.0, "amount": 1.0}]},
        ]},
    }  # fmt: skip
    scene = store.decode_scene(msgspec.json.encode(document))
    assert store.order_of_touch(document) == (("b", "a", "c"), ("x",), ("c", "a"))
    assert [model.path for model, _ in store.drawn_panes(scene)] == ["m", "m", "n"]
    assert [edit.control for edit in scene.panes[0].edits] == ["a", "b"]
    assert store.order_of_touch(msgspec.json.decode(store.encode_scene(scene))) == ()


def test_a_scene_that_says_little_of_its_panes_has_an_order_of_touch_too() -> None:
    key = {"time": 0.0, "amount": 1.0}
    tracks = [{"pane": 0, "control": name, "keys": [key]} for name in ("b", "a")]
    document = {"format": store.FORMAT, "version": 1, "model": {"path": "m"}, "timeline": {"amounts": tracks}}
    store.decode_scene(msgspec.json.encode(document))
    assert store.order_of_touch(document) == (("b", "a"),)


def test_edits_of_nothing_in_a_file_are_dropped_and_misspelt_fields_still_found() -> None:
    edits = [{"control": "b", "amount": 0.0}, {"control": "a", "amount": 1.0}]
    document = {"format": store.FORMAT, "version": 2, "model": {"path": "m"}, "panes": [{"edits": edits}]}
    assert store.decode_scene(msgspec.json.encode(document)).panes[0].edits == (Edit("a", 1.0),)
    document["panes"] = [{"edits": edits, "edist": []}]
    with pytest.raises(SceneError, match="edist"):
        store.decode_scene(msgspec.json.encode(document))
