"""Any sequence of gestures: the scene stays valid, the playhead inside, and undo leads back to the beginning."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from quiet import NAMES, controller_on

from explorer.scene.validate import validate_scene
from explorer.ui.timeline.panel import TimelinePanel

pytestmark = pytest.mark.gui

NUMBER = st.integers(0, 7)
TIME = st.floats(-1, 9)
AMOUNT = st.floats(-5, 5)
GESTURES = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from(NAMES), AMOUNT),
        st.tuples(st.just("seed"), st.integers(0, 2**32 - 1)),
        st.tuples(st.just("go"), TIME),
        st.tuples(st.just("jump"), st.sampled_from([-2, -1, 1, 2])),
        st.tuples(st.just("key")),
        st.tuples(st.just("origin_key")),
        st.tuples(st.just("drag"), NUMBER, NUMBER, TIME, AMOUNT),
        st.tuples(st.just("add"), NUMBER, st.floats(0, 4)),
        st.tuples(st.just("type"), NUMBER, NUMBER, st.one_of(st.integers(-1, 2**32), st.floats(-1100, 1100))),
        st.tuples(st.just("remove"), NUMBER, NUMBER),
        st.tuples(st.just("remove_row"), NUMBER),
        st.tuples(st.just("between"), NUMBER, st.sampled_from(["lerp", "smooth"])),
        st.tuples(st.just("duration"), st.floats(0.1, 8)),
        st.tuples(st.just("fps"), st.integers(1, 60)),
        st.tuples(st.just("linked"), st.booleans()),
        st.tuples(st.just("pane")),
        st.tuples(st.just("close_pane")),
        st.tuples(st.just("select"), st.integers(0, 2)),
        st.tuples(st.just("play")),
        st.tuples(st.just("undo")),
        st.tuples(st.just("redo")),
        st.tuples(st.just("traverse"), st.sampled_from(NAMES)),
        st.tuples(st.just("clear")),
    ),
    max_size=30,
)


def do(panel: TimelinePanel, gesture: tuple[object, ...]) -> None:
    """One gesture, where it makes sense."""
    controller, view = panel._controller, panel.view
    name, *args = gesture
    row = args[0] % len(view.rows) if args and isinstance(args[0], int) and view.rows else -1
    key = args[1] % len(view.rows[row].times) if row >= 0 and len(args) > 1 and isinstance(args[1], int) else -1
    selected, end = controller.scene.selected, controller.scene.timeline.duration
    if key >= 0 and view.rows[row].times[key] > end:
        return  # a key after the end is not on the screen
    if name == "move":
        controls = controller.controls_card(selected)
        assert controls is not None
        controller.move_control(selected, controls.controls[NAMES.index(str(args[0]))].name, float(args[1]))  # type: ignore[arg-type]
    elif name == "seed":
        controller.set_seed(int(args[0]))  # type: ignore[call-overload]
    elif name == "go":
        panel.go_to(float(args[0]))  # type: ignore[arg-type]
    elif name == "jump":
        view.jumped.emit(args[0])
    elif name == "key":
        panel.add_key()
    elif name == "origin_key":
        panel.add_origin_key()
    elif name == "drag" and row >= 0:
        view.key_grabbed.emit(row, key)
        view.key_dragged.emit(row, key, args[2], args[3])
        view.key_dragged.emit(row, key, args[2] / 2, args[3] / 2)  # type: ignore[operator]
        view.key_released.emit(row, key)
    elif name == "add" and row >= 0:
        view.key_added.emit(row, min(float(args[1]), end))  # type: ignore[arg-type]
    elif name == "type" and row >= 0:
        view.key_typed.emit(row, key, args[2])
    elif name == "remove" and row >= 0:
        view.key_removed.emit(row, key)
    elif name == "remove_row" and row >= 0:
        view.row_removed.emit(row)
    elif name == "between" and row >= 0:
        view.interpolation_chosen.emit(row, args[1])
    elif name == "duration":
        panel.header.duration.setValue(args[0])
    elif name == "fps":
        panel.header.fps.setValue(args[0])
    elif name == "linked":
        controller.set_linked(bool(args[0]))
    elif name == "pane":
        controller.add_pane()
    elif name == "close_pane":
        controller.remove_pane()
    elif name == "select":
        controller.select_pane(int(args[0]))  # type: ignore[call-overload]
    elif name == "play":
        panel.toggle_play()
        panel.player.tick()
    elif name == "undo":
        controller.undo()
    elif name == "redo":
        controller.redo()
    elif name == "traverse":
        controls = controller.controls_card(selected)
        assert controls is not None
        panel.traverse(selected, controls.controls[NAMES.index(str(args[0]))].name)
    elif name == "clear":
        panel.clear()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GESTURES)
def test_any_sequence_of_gestures(qtbot: QtBot, gestures: list[tuple[object, ...]]) -> None:
    controller, _ = controller_on(2, ("latent_axes", "random"))
    panel = TimelinePanel(controller)
    first = controller.scene
    for gesture in gestures:
        do(panel, gesture)
        scene = controller.scene
        validate_scene(scene)
        validate_scene(controller.shown_scene)
        assert 0 <= panel.playhead <= scene.timeline.duration
        listed = sorted(track for row in panel.view.rows for track in row.tracks if track >= 0)
        assert listed == list(range(len(scene.timeline.amounts)))
        if not panel.player.playing:
            panel.view.grab()  # paints without a complaint
    panel.player.stop()
    while controller.undo_stack.canUndo():
        controller.undo()
    last = controller.scene
    assert (last.timeline, last.origin, last.panes) == (first.timeline, first.origin, first.panes)
    panel.deleteLater()
