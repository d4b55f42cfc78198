"""The whole path of causes, in the real program: ``python tests/ui/whole_path_causes.py FOLDER``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from driving import Hand, run
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from whole_path import Steps, exported, opened

from explorer.scene.editing import edit_of
from explorer.ui.causes.dock import CausesDock
from explorer.ui.causes.panel import CausesPanel

MODEL = "pendulum-dscm"
SEED = 3


def causes(folder: Path) -> Callable[[Hand], Steps]:
    """Draw a graph, fit, do(), the truth beside it, an effect, another graph, keyframes, export; undo everything, and
    open what was written."""

    def script(hand: Hand) -> Steps:
        controller = hand.controller
        yield from opened(hand, MODEL)
        controller.set_seed(SEED)
        yield "the seed", hand.settled
        first = controller.scene
        hand.window.table["causes"].trigger()
        dock = hand.window.docks.panel(CausesDock)
        yield "the graph", lambda: dock.is_made and dock.panel.outcomes.outcome is not None
        yield from drawn(hand, dock.panel)
        yield from done(hand, dock.panel)
        yield from beside(hand)
        yield from with_two_graphs(hand, dock.panel)
        yield from animated(hand)
        yield from exported(hand, folder / "clip.mp4")
        hand.window.timeline.go_to(0.5)
        yield "the end", hand.settled
        made, pictures = controller.scene, [hand.pixels(pane) for pane in range(4)]
        hand.window.files.save_scene_to(folder / "causes.scene.json")
        while controller.undo_stack.canUndo():
            controller.undo()
        assert controller.scene.panes == first.panes, "undo takes back all of it"
        hand.window.files.open(folder / "causes.scene.json")
        yield "the scene again", lambda: fitted(hand)
        assert controller.scene.panes == made.panes
        assert controller.scene.timeline == made.timeline
        hand.window.timeline.go_to(0.5)
        yield "the end again", hand.settled
        assert [hand.pixels(pane) for pane in range(4)] == pictures
        hand.shoot("causes-again")

    return script


def arrow(hand: Hand, panel: CausesPanel, first: QPointF, last: QPointF) -> None:
    """Draw with the mouse from one point of the graph to another."""
    hand.press(panel.view, first.toPoint())
    for share in (0.3, 0.7, 1.0):
        hand.move(panel.view, (first + (last - first) * share).toPoint())
    hand.release(panel.view, last.toPoint())


def fitted(hand: Hand) -> bool:
    """Whether the mechanisms of every pane are there, and its picture in place of the sentence that it waits."""
    controller = hand.controller
    known = all(controller.controls_card(pane) is not None for pane in range(len(controller.scene.panes)))
    return known and not any(picture.error for picture in controller.feed.pictures()) and hand.settled()


def drawn(hand: Hand, panel: CausesPanel) -> Steps:
    """An arrow that the model has not; its circle is refused; mechanisms are fitted to the rows of the model."""
    view = panel.view
    arrow(hand, panel, view.handle("angle"), view.middle("light"))
    assert ("angle", "light") in view.graph.edges
    yield "mechanisms are fitted", lambda: fitted(hand)
    arrow(hand, panel, view.handle("shadow_length"), view.middle("angle"))
    assert any("would make a circle" in sentence for sentence in hand.said())
    yield "values of the graph", lambda: panel.outcomes.outcome is not None and panel.outcomes.problem == ""
    outcome = panel.outcomes.outcome
    assert outcome is not None
    assert ("angle", "light") in outcome.graph.edges


def done(hand: Hand, panel: CausesPanel) -> Steps:
    """do() by dragging, and by typing in the dock; what follows is said."""
    still = hand.pixels()
    yield from hand.drag_slider("light", 0.75)
    assert hand.pixels() != still
    middle = panel.view.middle("angle").toPoint()
    hand.press(panel.view, middle)
    hand.release(panel.view, middle)
    panel.field.setFocus()
    QTest.keyClicks(panel.field, "-12,5")
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    yield "the picture of both", hand.settled
    assert edit_of(hand.controller.scene.panes[0], "angle").value == -12.5
    yield "what they make of it", lambda: panel.outcomes.answered == panel.outcomes.question()
    assert "shadow_position" in panel.words.sentence.text()
    assert panel.view.set_names == {"angle", "light"}
    hand.shoot("causes-done")


def beside(hand: Hand) -> Steps:
    """The truth and the direct effect in panes of their own, by the keyboard and the menu; one slider moves all."""
    table, controller = hand.window.table, hand.controller
    table["duplicate_pane"].trigger()
    hand.window.canvas.setFocus()
    hand.key(Qt.Key.Key_W)
    table["duplicate_pane"].trigger()
    table["direct_effect"].trigger()
    yield "the truth and the effect", hand.settled
    assert [pane.view for pane in controller.scene.panes] == ["image", "truth", "direct_effect"]
    model, truth = (np.frombuffer(hand.pixels(pane), np.uint8).astype(float) for pane in range(2))
    error = 20 * np.log10(255 / np.sqrt(((model - truth) ** 2).mean()))
    assert error > 28, f"the model's counterfactual is {error:.1f} dB from the truth"
    assert controller.feed.picture(2).frame.rms > 0.01
    controller.select_pane(0)
    hand.shoot("causes-beside")


def with_two_graphs(hand: Hand, panel: CausesPanel) -> Steps:
    """A second graph, from which an arrow is taken by a click and Delete: the same do() makes another picture of it."""
    table, controller = hand.window.table, hand.controller
    table["another_graph"].trigger()
    yield "the second graph", lambda: fitted(hand)
    assert panel.title.text().startswith("Causes · pane 2 of 4: Another graph")
    yield "its values", lambda: panel.outcomes.answered == panel.outcomes.question()
    view = panel.view
    first, last = view._ends(("light", "shadow_length"))
    place = (first + (last - first) * 0.25).toPoint()  # in the middle two arrows cross
    hand.press(view, place)
    hand.release(view, place)
    assert view.selected_edge == ("light", "shadow_length")
    QTest.keyClick(view, Qt.Key.Key_Delete)
    yield "mechanisms without it", lambda: fitted(hand)
    yield "its values", lambda: panel.outcomes.answered == panel.outcomes.question()
    assert "Unlike panes 1, 3, 4 (Causes)" in panel.words.sentence.text(), panel.sentence.text()
    assert "without light → shadow_length" in panel.words.sentence.text()
    yield from hand.drag_slider("light", 0.7)
    (edits,) = {pane.edits for pane in controller.scene.panes}  # one slider moves the same variable under both graphs
    assert [edit.control for edit in edits] == ["angle", "light"]
    assert hand.pixels(0) != hand.pixels(1)
    hand.shoot("causes-two-graphs")
    controller.select_pane(0)


def animated(hand: Hand) -> Steps:
    """Two keyframes of the do, by the keyboard right after typing, and played."""
    window, controller = hand.window, hand.controller
    window.timeline.header.duration.setValue(0.5)
    window.timeline.header.fps.setValue(8)
    row = next(row for row in window.controls.rows() if row.card.name == "light")
    for time, value in ((0.0, "70"), (0.5, "120")):
        window.timeline.go_to(time)
        yield "the time", hand.settled
        row.box.setFocus()
        row.box.selectAll()
        QTest.keyClicks(row.box, value)
        QTest.keyClick(row.box, Qt.Key.Key_Return)
        hand.key(Qt.Key.Key_K)  # the focus is in the field still
        yield "the key", hand.settled
    keys = {track.control: [key.time for key in track.keys] for track in controller.scene.timeline.amounts}
    assert keys["light"] == [0.0, 0.5]
    window.table["play"].trigger()
    shown: set[float] = set()
    yield "some frames are played", lambda: shown.add(window.timeline.playhead) or len(shown) > 2
    window.table["play"].trigger()
    yield "it rests", lambda: not window.timeline.player.playing and hand.settled()


if __name__ == "__main__":
    sys.exit(run(causes(Path(sys.argv[1]))))
