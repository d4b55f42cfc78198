"""The Trajectory dock on a client without an engine: when it asks, what it shows, and the window dragged and typed."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow, QWidget
from pytestqt.qtbot import QtBot
from quiet import CARD, controller_on
from typing_hand import click, type_text

from explorer.scene import trajectory_text as text
from explorer.scene.model import Edit, StepWindow
from explorer.scene.trajectory import Trajectory, evenly
from explorer.service import replies, requests
from explorer.ui.actions.actions import ActionTable
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.trajectory.dock import ROWS, TrajectoryDock
from explorer.ui.trajectory.panel import NONE

pytestmark = pytest.mark.gui
STEPS = 10
DIFFUSION = msgspec.structs.replace(CARD, full_steps=STEPS, interactive_steps=3, capabilities=("steps", "weights"))
NOISES = tuple(1 - (index + 1) / STEPS for index in range(STEPS))


class Stage:
    """A dock on a controller whose client remembers what it is asked."""

    def __init__(self, qtbot: QtBot, card: object = DIFFUSION, panes: int = 1) -> None:
        self.controller, self.client = controller_on(panes, card=card)  # type: ignore[arg-type]
        self.window = QMainWindow()
        qtbot.addWidget(self.window, before_close_func=self._closing)  # it is not collected while it is painted
        self.actions = ActionTable(self.window, ROWS)
        self.actions.set_has_model(True)
        self.dock = TrajectoryDock(self.controller, self.actions)
        self.window.setCentralWidget(self.dock)
        self.window.resize(900, 260)
        self.window.show()
        qtbot.waitUntil(lambda: self.dock.is_made)
        self.qtbot = qtbot
        self.qtbot.waitUntil(lambda: self.dock.panel.isVisible())

    def _closing(self, window: QWidget) -> None:
        assert window is self.window

    @property
    def asked(self) -> list[requests.DrawTrajectory]:
        return [one for one in self.client.sent if isinstance(one, requests.DrawTrajectory)]

    def draw(self) -> None:
        """The picture is there, and then its steps."""
        self.client.draw()
        self.answer()

    def answer(self, steered: bool = False) -> None:
        last = self.asked[-1]
        shown = evenly(STEPS, last.most)
        seen = Trajectory(
            noises=NOISES, shown=shown, width=4, height=4, pictures=tuple(bytes([20 * step] * 48) for step in shown),
            steered=steered,
        )  # fmt: skip
        self.client.reply(replies.TrajectoryDrawn(request_id=last.request_id, trajectory=seen))

    def drag(self, handle: QWidget, steps: float, release: bool = True) -> None:
        strip = self.dock.panel.strip
        far = QPoint(round(steps * (strip.edge(1) - strip.edge(0))), 0)
        centre = handle.rect().center()
        QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=centre)
        for share in (0.5, 1.0):  # the handle follows the hand, so each place is told from where it is then
            there = strip.mapToGlobal(QPoint(0, 0)) + self._begin + QPoint(round(far.x() * share), 0)
            QTest.mouseMove(handle, handle.mapFromGlobal(there))
        if release:
            QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=handle.rect().center())

    def hold(self, handle: QWidget) -> None:
        self._begin = self.dock.panel.strip.mapFromGlobal(handle.mapToGlobal(handle.rect().center()))

    def window_of(self, name: str = "hue") -> StepWindow | None:
        edits = self.controller.scene.panes[0].edits
        return next((edit.window for edit in edits if edit.control == name), None)


def type_into(field: QWidget, number: str) -> None:
    click(field)
    type_text(field, number)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_it_asks_after_the_picture_is_there_and_says_what_has_no_steps(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    assert stage.asked == []
    stage.client.draw()
    (question,) = stage.asked
    assert question.view == stage.controller.feed.picture(0).view  # type: ignore[union-attr]
    assert 2 <= question.most < 20
    assert stage.dock.panel.sentence.text() == text.WAITING
    stage.answer()
    assert stage.dock.panel.sentence.text() == text.NO_CONTROL
    assert len(stage.asked) == 1
    plain = Stage(qtbot, msgspec.structs.replace(CARD, full_steps=0, interactive_steps=0))
    plain.client.draw()
    assert plain.asked == []
    assert plain.dock.panel.hint.text() == text.in_one_go(plain.client.card)


def test_while_a_hand_moves_nothing_is_asked_and_what_is_under_way_is_given_up(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.draw()
    stage.controller.move_control(0, "hue", 1.0)
    stage.client.draw()
    assert len(stage.asked) == 2
    stage.controller.move_control(0, "hue", 1.1, dragging=True)
    stage.client.draw()
    cancelled = [one.request_id for one in stage.client.sent if isinstance(one, requests.Cancel)]
    assert stage.asked[-1].request_id in cancelled
    stage.client.reply(replies.Stopped(request_id=stage.asked[-1].request_id))
    assert len(stage.asked) == 2
    stage.controller.move_control(0, "hue", 1.2)
    assert len(stage.asked) == 2  # its picture is still being drawn
    assert stage.dock.panel.sentence.text().endswith(text.OLDER)
    stage.client.draw()
    assert len(stage.asked) == 3
    assert [edit.amount for edit in stage.asked[-1].view.edits] == [1.2]
    stage.answer()
    assert text.OLDER not in stage.dock.panel.sentence.text()
    assert stage.asked[-1].view.quality.steps == 0  # a finished picture, never a draft


def test_a_drag_is_one_step_of_undo_and_of_drafts(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.draw()
    panel, undo = stage.dock.panel, stage.controller.undo_stack
    steps = undo.count()
    stage.hold(panel.strip.first)
    stage.drag(panel.strip.first, 4, release=False)
    assert stage.controller.drafts.drafting
    assert stage.window_of() == StepWindow(0.55, 0.0)
    assert (panel.first.value(), panel.last.value()) == (5, 10)
    QTest.mouseRelease(panel.strip.first, Qt.MouseButton.LeftButton)
    assert not stage.controller.drafts.drafting
    assert undo.count() == steps + 1
    assert undo.undoText() == "hue in noise 55–0 %"
    assert "acts in steps 5 to 10 of 10, in noise 55–0 %. While it moves, steps 1 to 4 are not" in panel.sentence.text()
    stage.hold(panel.strip.last)
    stage.drag(panel.strip.last, -30)  # a step stays between the two
    assert stage.window_of() == StepWindow(0.55, 0.45)
    stage.controller.undo()
    stage.controller.undo()
    assert stage.window_of() is None
    assert (panel.first.value(), panel.last.value()) == (1, 10)


def test_keys_move_the_ends_and_holding_one_down_is_one_step(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.draw()
    strip, undo = stage.dock.panel.strip, stage.controller.undo_stack
    steps = undo.count()
    for _ in range(3):
        QTest.keyPress(strip.first, Qt.Key.Key_Right)
    QTest.keyRelease(strip.first, Qt.Key.Key_Right)
    assert stage.window_of() == StepWindow(0.65, 0.0)
    assert undo.count() == steps + 1
    QTest.keyClick(strip.last, Qt.Key.Key_PageDown)
    assert stage.window_of() == StepWindow(0.65, 0.45)
    QTest.keyClick(strip.last, Qt.Key.Key_Home)
    assert stage.window_of() == StepWindow(0.65, 0.55)
    QTest.keyClick(strip.last, Qt.Key.Key_End)
    QTest.keyClick(strip.first, Qt.Key.Key_Home)
    assert stage.window_of() is None
    QTest.keyClick(strip.first, Qt.Key.Key_End)
    assert stage.window_of() == StepWindow(0.05, 0.0)
    assert not stage.controller.drafts.drafting


def test_steps_are_typed_and_what_cannot_be_is_refused(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.draw()
    panel = stage.dock.panel
    type_into(panel.first, "3")
    assert stage.window_of() == StepWindow(0.75, 0.0)
    type_into(panel.last, "6")
    assert stage.window_of() == StepWindow(0.75, 0.35)
    type_into(panel.first, "9")  # behind the last one
    assert stage.window_of() == StepWindow(0.75, 0.35)
    assert panel.first.sentence
    stage.actions["all_steps"].trigger()
    assert stage.window_of() is None
    assert not stage.actions["all_steps"].isEnabled()
    assert panel.sentence.text() == "hue acts in all 10 steps."


def test_the_slider_is_chosen_or_the_one_moved_last(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    panel = stage.dock.panel
    stage.draw()
    assert panel.sentence.text() == text.NO_CONTROL
    assert not panel.first.isEnabled()
    assert panel.first.text() == panel.last.text() == NONE
    stage.controller.move_control(0, "hue", 1.0)
    stage.controller.move_control(0, "size", 1.0)
    assert panel.chosen == "size"
    panel.control.setCurrentIndex(panel.control.findText("hue"))
    panel.refresh()
    type_into(panel.first, "4")
    assert (stage.window_of("hue"), stage.window_of("size")) == (StepWindow(0.65, 0.0), None)
    stage.controller.move_control(0, "size", 0.0)  # it is moved no longer, and the chooser does not slip
    assert panel.chosen == "hue"
    stage.controller.reset_all()
    assert panel.chosen == ""
    assert panel.first.text() == panel.last.text() == NONE


def test_a_linked_pane_follows_and_a_window_waits_for_an_amount(qtbot: QtBot) -> None:
    stage = Stage(qtbot, panes=2)
    stage.controller.set_window(0, "hue", StepWindow(0.5, 0.0))
    assert [pane.edits for pane in stage.controller.scene.panes] == [(Edit("hue", window=StepWindow(0.5, 0.0)),)] * 2
    stage.controller.move_control(0, "hue", 1.5)
    assert stage.controller.scene.panes[1].edits == (Edit("hue", 1.5, window=StepWindow(0.5, 0.0)),)


def test_steps_of_another_model_are_not_shown_as_those_of_this_one(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.draw()
    stage.client.card = msgspec.structs.replace(DIFFUSION, name="other", path="other")
    stage.controller.open_model("other")
    assert stage.controller.scene.model.path == "other"
    panel = stage.dock.panel
    assert panel.strip.count == 0
    assert panel.sentence.text() == text.WAITING
    stage.draw()
    assert stage.asked[-1].view.model.path == "other"
    assert panel.strip.count == STEPS


def test_every_step_can_be_seen(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.draw()
    panel = stage.dock.panel
    panel.window().resize(300, 260)
    panel.shown.buttons["all"].click()
    assert stage.asked[-1].most == 0
    stage.answer()
    assert panel.strip.width() >= panel.strip.full_width() > panel.area.viewport().width()
    stage.controller.move_control(0, "hue", 1.0)
    stage.controller.set_window(0, "hue", StepWindow(0.15, 0.0))
    begins = stage.controller.undo_stack.count()
    assert panel.strip.first.visibleRegion().isEmpty()
    panel.area.setFocus()
    panel.strip.first.setFocus(Qt.FocusReason.TabFocusReason)
    assert not panel.strip.first.visibleRegion().isEmpty()
    QTest.keyClick(panel.strip.first, Qt.Key.Key_Home)
    assert not panel.strip.first.visibleRegion().isEmpty()
    assert stage.controller.undo_stack.count() == begins + 1
    stage.draw()
    count = len(stage.asked)
    panel.shown.buttons["fitting"].click()
    assert panel.strip.width() == panel.area.viewport().width()
    assert len(stage.asked) == count  # all of them are there


def test_a_row_with_a_window_shows_it(qtbot: QtBot) -> None:
    controller, _ = controller_on(card=DIFFUSION)
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = ActionTable(window)
    for key in ("reset_all", "method_settings", "linked"):
        actions.bind(key, window.update)
    panel = ControlsPanel(controller, actions)
    window.setCentralWidget(panel)
    window.show()
    row = next(one for one in panel.rows() if one.card.name == "hue")
    assert row.window_mark.isHidden()
    controller.set_window(0, "hue", StepWindow(0.6, 0.2))
    assert row.window_mark.isVisible()
    assert row.window_mark.toolTip().startswith("Acts in noise 60–20 % alone")
    assert "above 60 % noise are not computed anew" in row.window_mark.toolTip()
    controller.undo()
    assert row.window_mark.isHidden()


def test_pictures_stand_where_their_steps_are_and_never_on_each_other(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.draw()
    strip = stage.dock.panel.strip
    for width in (900, 640, 420, 300, 240):
        stage.window.resize(width, 260)
        places = strip._chosen()
        assert places
        for middle, step in places:
            assert strip.edge(step) - 1e-6 <= middle <= strip.edge(step + 1) + 1e-6
        middles = [middle for middle, _ in places]
        apart = [later - earlier for earlier, later in itertools.pairwise(middles)]
        assert min(apart, default=1e9) >= strip.picture_size().width()
