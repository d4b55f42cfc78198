"""The Landscape dock on a client without an engine: what it asks, draws, moves and writes."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMainWindow
from pytestqt.qtbot import QtBot
from quiet import controller_on

from explorer.scene.landscape import FieldOnPlane, Landscape, Plane
from explorer.service import protocol
from explorer.ui.actions.actions import ActionTable
from explorer.ui.landscape import text
from explorer.ui.landscape.dock import LandscapeDock
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
SIZE = 12


def field(potential: bool = True, time: float | None = None) -> FieldOnPlane:
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE))

    def told(numbers: np.ndarray) -> bytes:
        return numbers.astype("<f4").tobytes()

    return FieldOnPlane(
        size=SIZE, time=time, potential=told(x**2 + y) if potential else b"", across=told(2 * x), up=told(0 * y + 1),
        curl=told(0 * x), hidden=0.25,
    )  # fmt: skip


def landscape(control: str, on: FieldOnPlane | None = None, ends: dict[str, str] | None = None) -> Landscape:
    """A quarter of a circle of radius 2 each way."""
    amounts = np.linspace(-3, 3, 61)
    angles = amounts / 3 * math.pi / 2
    return Landscape(
        control=control, space="z", unit="σ", horizontal="along", vertical="across", extent=(-2.6, 2.6, -0.5, 4.7),
        amounts=tuple(amounts.tolist()),
        path=tuple((2 * math.sin(a), 2 - 2 * math.cos(a)) for a in angles),
        beside=(0.0,) * 61, inside=0.93, straight=((-2.0, 0.8), (2.0, 0.8)), bend=0.363,
        speed=(1.0,) * 61, curvature=(0.5,) * 61, log_prior=(-5.0,) * 61, ends=ends or {}, field=on,
    )  # fmt: skip


class Stage:
    """A dock on a controller whose client remembers what it is asked."""

    def __init__(self, qtbot: QtBot, seen: bool = True) -> None:
        self.controller, self.client = controller_on()
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.actions = ActionTable(self.window)
        self.dock = LandscapeDock(self.controller, self.actions, Settings())
        self.window.setCentralWidget(self.dock)
        if seen:
            self.window.resize(900, 460)
            self.window.show()
            qtbot.waitUntil(lambda: self.dock.is_made)

    @property
    def asked(self) -> list[protocol.DrawLandscape]:
        return [one for one in self.client.sent if isinstance(one, protocol.DrawLandscape)]

    def answer(self, on: FieldOnPlane | None = None, ends: dict[str, str] | None = None) -> None:
        last = self.asked[-1]
        drawn = landscape(last.control, on, ends)
        self.client.reply(protocol.LandscapeDrawn(request_id=last.request_id, landscape=drawn))


def test_it_asks_for_nothing_before_it_is_seen_and_a_slider_is_moved(qtbot: QtBot) -> None:
    hidden = Stage(qtbot, seen=False)
    hidden.controller.move_control(0, "hue", 1.0)
    assert not hidden.dock.is_made
    assert hidden.asked == []
    stage = Stage(qtbot)
    assert stage.asked == []
    assert stage.dock.panel.hint.text() == text.NO_CONTROL
    stage.controller.move_control(0, "hue", 1.0)
    (question,) = stage.asked
    assert (question.control, question.plane, question.edits) == ("hue", Plane(), ())
    assert stage.dock.panel.hint.text() == text.WAITING
    assert not stage.actions["export_landscape"].isEnabled()
    stage.answer(field())
    assert stage.actions["export_landscape"].isEnabled()
    assert stage.dock.panel.stack.currentIndex() == 1


def test_a_drag_along_its_path_asks_nothing_anew_and_another_slider_does(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer()
    for amount in (1.2, 1.4, 2.0):
        stage.controller.move_control(0, "hue", amount, dragging=True)
        place = stage.dock.panel.plot._point.pos()
        angle = amount / 3 * math.pi / 2
        assert (place.x(), place.y()) == pytest.approx((2 * math.sin(angle), 2 - 2 * math.cos(angle)), abs=1e-2)
    assert len(stage.asked) == 1
    stage.controller.move_control(0, "size", -1.0)
    assert len(stage.asked) == 2
    assert stage.asked[-1].control == "size"
    assert [edit.control for edit in stage.asked[-1].edits] == ["hue"]


def test_while_one_is_drawn_only_the_newest_question_waits(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    for seed in (4, 5, 6):
        stage.controller.set_seed(seed)
    assert len(stage.asked) == 1
    stage.answer()
    assert len(stage.asked) == 2
    assert stage.asked[-1].origin.seed == 6  # type: ignore[union-attr]
    stage.answer()
    assert len(stage.asked) == 2


def test_a_refusal_is_said_and_the_next_question_asked(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.client.reply(protocol.Refused(request_id=stage.asked[-1].request_id, sentence="It moves no point."))
    assert stage.dock.panel.hint.text() == "It moves no point."
    stage.controller.set_seed(9)
    assert len(stage.asked) == 2


def test_keys_move_the_slider_along_its_path(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field(potential=False))
    plot = stage.dock.panel.plot
    for key, expected in (
        (Qt.Key.Key_Right, 1.1),
        (Qt.Key.Key_PageUp, 2.1),
        (Qt.Key.Key_PageUp, 3.0),
        (Qt.Key.Key_Left, 2.9),
    ):
        QTest.keyClick(plot, key)
        (edit,) = stage.controller.scene.panes[0].edits
        assert edit.amount == pytest.approx(expected)
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert stage.controller.scene.panes[0].edits == ()


def test_dragging_the_point_moves_the_slider_to_where_the_path_is_nearest_in_one_step_of_undo(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    point = stage.dock.panel.plot._point
    for x, y in ((1.0, 1.0), (-1.0, 1.0), (-1.5, 0.6)):
        point.setPos(x, y)
    point.sigPositionChangeFinished.emit(point)
    (edit,) = stage.controller.scene.panes[0].edits
    angle = math.atan2(-1.5, 2 - 0.6)
    assert edit.amount == pytest.approx(3 * angle / (math.pi / 2), abs=0.02)
    stage.controller.undo()
    (edit,) = stage.controller.scene.panes[0].edits
    assert edit.amount == 1.0


def test_the_point_moves_the_slider_whose_path_is_drawn_though_another_is_asked_for(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    stage.controller.move_control(0, "size", -1.0)
    assert stage.asked[-1].control == "size"  # and not answered yet
    plot = stage.dock.panel.plot
    assert plot._amount == 1.0
    plot._point.setPos(-1.5, 0.6)
    plot._point.sigPositionChangeFinished.emit(plot._point)
    amounts = {edit.control: edit.amount for edit in stage.controller.scene.panes[0].edits}
    assert amounts["size"] == -1.0
    assert amounts["hue"] < 0


def test_the_choosers_say_whose_path_and_which_plane(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    panel = stage.dock.panel
    panel.control.setCurrentIndex(panel.control.findText("size"))
    panel.control.activated.emit(panel.control.currentIndex())
    assert stage.asked[-1].control == "size"
    stage.answer()
    panel.plane.setCurrentIndex(panel.plane.findText("with hue"))
    panel.plane.activated.emit(panel.plane.currentIndex())
    assert stage.asked[-1].plane == Plane(kind="controls", other="hue")
    stage.controller.move_control(0, "hue", 1.0)  # the chosen one stays
    stage.answer()
    assert stage.asked[-1].control == "size"


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_it_is_written_as_a_figure(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    path = tmp_path / f"figure.{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    stage.actions["export_landscape"].trigger()
    written = path.read_bytes()
    if suffix == "png":
        image = QImage(str(path))
        assert image.width() == 2 * stage.dock.panel.plots.width()
        colours = {image.pixel(x, image.height() // 2) for x in range(0, image.width(), 3)}
        assert len(colours) > 8
    elif suffix == "svg":
        assert b"<svg" in written
        assert written.count(b"<path") + written.count(b"<polyline") > 10
        assert b"hue" in written
    else:
        assert written.startswith(b"%PDF")
        assert len(written) > 5000


def test_a_place_that_cannot_be_written_is_said(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer()
    said: list[str] = []
    stage.controller.noticed.connect(lambda notice: said.append(notice.sentence))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "f.png"), ""))
    stage.actions["export_landscape"].trigger()
    assert len(said) == 1
    assert "f.png" in said[0]


def test_what_it_says_of_a_path() -> None:
    told = text.sentence(landscape("hue", field(time=1.5), {"3": "has no direction from there"}))
    for part in ("36.3%", "93%", "25% of the field", "time 1.5", "towards 3.0 it has no direction"):
        assert part in told
    straight = msgspec.structs.replace(landscape("hue"), bend=0.0)
    assert "straight" in text.sentence(straight)
    assert text.nearest(straight, 5.0, 2.0) == pytest.approx(3.0)
    assert text.point_at(straight, 99.0) == text.point_at(straight, 3.0)


def test_plots_are_not_loaded_before_the_dock_is_seen() -> None:
    program = "import sys, explorer.ui.window.docks; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
