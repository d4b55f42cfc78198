"""In which steps of a sampler an edit acts, as a part of the scene."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import SceneError
from explorer.scene.edit_text import edit_text, window_text
from explorer.scene.editing import edit_of, with_edit, with_pane, with_window
from explorer.scene.model import AmountKey, AmountTrack, Edit, ModelRef, Pane, Scene, StepWindow, Timeline, view_of
from explorer.scene.store import decode_scene, encode_scene
from explorer.scene.timeline import at
from explorer.scene.validate import validate_scene

LATE = StepWindow(0.5, 0.0)
SCENE = Scene(model=ModelRef(path="faces"))


@given(st.floats(-9, 9), st.floats(-9, 9))
def test_a_window_stays_whatever_the_hand_does_to_the_amount(first: float, second: float) -> None:
    pane = with_window(Pane(), "PC 1", LATE)
    for amount in (first, 0.0, second):
        pane = with_edit(pane, Edit("PC 1", amount))
        assert edit_of(pane, "PC 1") == Edit("PC 1", amount, window=LATE)
    assert with_window(pane, "PC 1", None) == with_edit(Pane(), Edit("PC 1", second))


def test_of_a_control_that_is_not_moved_the_window_is_no_part_of_the_picture() -> None:
    shown = with_pane(SCENE, 0, with_window(Pane(), "PC 1", LATE))
    assert shown != SCENE
    assert view_of(shown, 0) == view_of(SCENE, 0)
    moved = with_pane(shown, 0, with_edit(shown.panes[0], Edit("PC 1", 2.0)))
    assert view_of(moved, 0).edits == (Edit("PC 1", 2.0, window=LATE),)


def test_a_film_keeps_the_window() -> None:
    track = AmountTrack(pane=0, control="PC 1", keys=(AmountKey(0.0, 0.0), AmountKey(4.0, 4.0)), interpolation="lerp")
    scene = with_pane(SCENE, 0, with_window(Pane(), "PC 1", LATE))
    scene = Scene(model=scene.model, panes=scene.panes, timeline=Timeline(amounts=(track,)))
    assert at(scene, 1.0).panes[0].edits == (Edit("PC 1", 1.0, window=LATE),)


@given(st.floats(0, 1), st.floats(0, 1))
def test_it_is_written_down_and_read_again(high: float, low: float) -> None:
    scene = with_pane(SCENE, 0, with_window(Pane(), "PC 1", StepWindow(high, low)))
    if low < high:
        assert decode_scene(encode_scene(scene)) == scene
    else:
        with pytest.raises(SceneError, match="must fall, within 1"):
            validate_scene(scene)


@pytest.mark.parametrize("window", [StepWindow(1.5, 0.0), StepWindow(1.0, -0.5), StepWindow(float("nan"), 0.0)])
def test_one_beyond_the_schedule_is_refused(window: StepWindow) -> None:
    with pytest.raises(SceneError, match=r"panes\[0\].edits\[0\].window"):
        validate_scene(with_pane(SCENE, 0, with_window(Pane(), "PC 1", window)))


def test_captions_say_it() -> None:
    pane = with_edit(with_window(Pane(), "PC 1", StepWindow(0.6, 0.25)), Edit("PC 1", 2.0))
    assert edit_text(SCENE, pane.controls, pane.edits[0]) == "PC 1 +2.00 in noise 60–25 %"
    assert window_text(None) == ""
