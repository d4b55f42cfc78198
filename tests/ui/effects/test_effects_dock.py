"""The Effects dock on a client without an engine: what it invites to, asks, shows, moves, exports."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, NAMES, controller_on, pictures

from explorer.scene.cards import ModelCard
from explorer.scene.effects import Cause, Effect, EffectOptions, EffectOutcome, EffectQuestion, EffectReport
from explorer.scene.model import ControlSetRef
from explorer.service import replies, requests
from explorer.ui.actions.actions import ActionTable
from explorer.ui.effects.dock import ROWS, EffectsDock
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
AXES = ControlSetRef(method="latent_axes")
OUTCOMES = (
    EffectOutcome(name="width", attribute="width", unit="px", deviation=0.5),
    EffectOutcome(name="hue", attribute="hue", kind="cyclic", period=1.0, deviation=0.2),
    EffectOutcome(name="shape: cube", attribute="shape", kind="category", label="cube"),
)


def effect(cause: str, outcome: EffectOutcome, size: float) -> Effect:
    curve = tuple(size * level / 2 for level in (-2.0, -1.0, 0.0, 1.0, 2.0))
    return Effect(
        cause=cause, outcome=outcome.name, effect=size, low=size - 0.1, high=size + 0.1, p=0.001,
        q=0.002 if abs(size) > 0.1 else 0.4, n=8, standardised=size / outcome.deviation if outcome.deviation else None,
        monotonicity=1.0, same_way=1.0, curve=curve, curve_low=tuple(one - 0.1 for one in curve),
        curve_high=tuple(one + 0.1 for one in curve), individual=(size,) * 8,
    )  # fmt: skip


def report(controls: ControlSetRef = AXES, options: EffectOptions | None = None) -> EffectReport:
    """azimuth widens, hue narrows, size does next to nothing."""
    sizes = {"azimuth": 1.0, "hue": -0.5, "size": 0.05, "shape": 0.0}
    causes = tuple(
        Cause(
            name=name, space="z", unit="σ", holds="amount", levels=(-4.0, -2.0, 0.0, 2.0, 4.0), reference=0.0,
            start=-2.0, end=2.0, farther=(0.001, 0.1, 0.5, 0.1, 0.002),
        )
        for name in NAMES
    )  # fmt: skip
    return EffectReport(
        model=MODEL, name="toy", controls=controls, title="Latent axes", options=options or EffectOptions(),
        causes=causes, outcomes=OUTCOMES,
        effects=tuple(effect(name, outcome, sizes[name]) for name in NAMES for outcome in OUTCOMES),
        n=8, contract=("Paired.", "Intervals."), pictures=500,
    )  # fmt: skip


class Desk:
    """The dock in a window, with the table of actions that it needs."""

    def __init__(self, qtbot: QtBot, card: ModelCard = CARD, seen: bool = True) -> None:
        self.controller, self.client = controller_on(card=card)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.table = ActionTable(self.window, ROWS)
        self.dock = EffectsDock(self.controller, self.table, Settings())
        self.window.setCentralWidget(self.dock)
        if seen:
            self.window.resize(1300, 400)
            self.window.show()
            qtbot.waitUntil(lambda: self.dock.is_made)

    @property
    def panel(self):  # type: ignore[no-untyped-def]
        return self.dock.panel

    def asked(self) -> list[requests.ScanEffects]:
        return [one for one in self.client.sent if isinstance(one, requests.ScanEffects)]

    def scanned(self, made: EffectReport | None = None) -> None:
        self.table["scan_effects"].trigger()
        number = self.asked()[-1].request_id
        made = made or report(options=self.asked()[-1].question.options)
        self.client.reply(replies.EffectsScanned(request_id=number, model=MODEL, report=made))

    def click(self, row: int, column: int) -> None:
        matrix = self.panel.matrix
        place = matrix.place_of(row, column).center().toPoint()
        QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=place)

    def amount(self, name: str) -> float:
        edits = self.controller.scene.panes[0].edits
        return next((edit.amount for edit in edits if edit.control == name), 0.0)


def test_it_invites_and_its_plots_come_when_it_is_seen(qtbot: QtBot) -> None:
    hidden = Desk(qtbot, seen=False)
    assert not hidden.dock.is_made
    assert hidden.table["scan_effects"].isEnabled()
    assert not hidden.table["export_effects"].isEnabled()
    shown = Desk(qtbot)
    assert "Scan moves every slider" in shown.panel.invitation.text()
    needed = shown.panel.invitation.heightForWidth(shown.panel.invitation.width())
    assert shown.panel.invitation.height() >= needed > 0  # no line of it is cut off
    assert "a classifier" in shown.panel.invitation.text()  # the toy says of no world that it is its own


def test_a_model_without_pictures_says_so(qtbot: QtBot) -> None:
    other = msgspec.structs.replace(CARD, output=msgspec.structs.replace(pictures(8, 8), kind="signal"))
    desk = Desk(qtbot, other)
    assert "makes none" in desk.panel.invitation.text()
    assert not desk.table["scan_effects"].isEnabled()


def test_it_asks_with_the_set_of_the_pane_and_what_stands_in_the_header(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    header = desk.panel.header
    header.bases.setValue(32)
    header.reach.setValue(4.0)
    header.attributes.setText(" faces ")
    QTest.mouseClick(header.holds.buttons["value"], Qt.MouseButton.LeftButton)
    QTest.mouseClick(header.others.buttons["randomised"], Qt.MouseButton.LeftButton)
    desk.table["scan_effects"].trigger()
    (question,) = desk.asked()
    options = EffectOptions(attributes="faces", bases=32, reach=4.0, holds="value", others="randomised")
    assert (question.model, question.question) == (MODEL, EffectQuestion(controls=AXES, options=options))
    assert not header.button.isVisible()
    progress = replies.JobProgress(request_id=question.request_id, title="Scanning effects", share=0.25, remaining=9.0)
    desk.client.reply(progress)
    assert header.progress.bar.value() == 250
    QTest.mouseClick(header.progress.cancel, Qt.MouseButton.LeftButton)
    assert any(isinstance(one, requests.Cancel) for one in desk.client.sent)
    desk.client.reply(replies.Stopped(request_id=question.request_id))
    assert header.button.isVisible()
    desk.table["scan_effects"].trigger()
    desk.client.reply(replies.Refused(request_id=desk.asked()[-1].request_id, sentence="There is no world 'faces'."))
    assert header.state.text() == "There is no world 'faces'."


def test_the_matrix_shows_signs_and_what_is_not_told_from_none_has_no_colour(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.scanned()
    matrix = desk.panel.matrix
    wide, narrow, nothing = (matrix.cell(row, 0) for row in (0, 1, 2))
    assert (wide.text, narrow.text, nothing.text) == ("+2.00", "−1.00", "+0.10")
    assert wide.share > 0 > narrow.share
    assert not wide.is_faint
    assert nothing.is_faint
    assert matrix.cell(0, 2).text == "–"  # of what never varies there are no deviations
    assert matrix.cell(3, 0).text == "0.00"
    assert "Moving azimuth from −2 to 2 σ changes width by +1 px [0.9, 1.1]" in matrix.tip(0, 0)
    assert desk.panel.contract.text() == "Paired.\nIntervals."
    assert "Latent axes · 8 base codes" in desk.panel.header.state.text()


def test_a_cell_is_chosen_by_click_and_by_keys_and_its_curve_drawn(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.scanned()
    assert "azimuth" in desk.panel.sentence.text()
    desk.click(1, 0)
    assert desk.panel.matrix.chosen == (1, 0)
    assert "Moving hue" in desk.panel.sentence.text()
    curve = desk.panel.curve
    x, y = curve._line.getData()
    assert x.tolist() == [-4, -2, 0, 2, 4]
    assert y.tolist() == [0.5, 0.25, 0, -0.25, -0.5]
    assert curve._low.getData()[1].tolist() == pytest.approx([0.4, 0.15, -0.1, -0.35, -0.6])
    assert [ground.getRegion() for ground in curve._grounds] == [(-4, -3), (3, 4)]
    assert (curve.getPlotItem().titleLabel.text, curve.getAxis("left").labelText) == ("Change of width", "px")
    desk.click(0, 2)
    assert curve.getPlotItem().titleLabel.text == "Change of the probability of shape: cube"
    desk.click(1, 0)
    QTest.keyClick(desk.panel.matrix, Qt.Key.Key_Right)
    QTest.keyClick(desk.panel.matrix, Qt.Key.Key_Up)
    assert desk.panel.matrix.chosen == (0, 1)
    QTest.keyClick(desk.panel.matrix, Qt.Key.Key_Up)  # there is no row above
    assert desk.panel.matrix.chosen == (0, 1)
    QTest.mouseClick(desk.panel.matrix, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))  # no cell
    assert desk.panel.matrix.chosen == (0, 1)


def test_a_cell_that_keys_choose_is_scrolled_to(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.scanned()
    desk.window.resize(1300, 260)
    QApplication.processEvents()
    matrix = desk.panel.matrix
    for _ in range(3):
        QTest.keyClick(matrix, Qt.Key.Key_Down)
    assert matrix.chosen == (3, 0)
    assert matrix.visibleRegion().contains(matrix.place_of(3, 0).center().toPoint())
    assert not matrix.visibleRegion().contains(QPoint(10, 4))  # it was not there before


def test_the_line_is_the_slider_of_the_cause(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.scanned()
    curve = desk.panel.curve
    assert curve._slider.isVisible()
    desk.controller.move_control(0, "azimuth", 1.5)
    assert curve._slider.value() == pytest.approx(1.5)
    QTest.keyClick(curve, Qt.Key.Key_Left)
    assert desk.amount("azimuth") == pytest.approx(1.5 - 4 / 60)
    curve._slider.setValue(-1.0)  # as dragged to
    curve._slider.sigDragged.emit(curve._slider)
    curve._slider.sigPositionChangeFinished.emit(curve._slider)
    assert desk.amount("azimuth") == pytest.approx(-1.0)
    QTest.keyClick(curve, Qt.Key.Key_PageUp)
    QTest.keyClick(curve, Qt.Key.Key_PageDown)
    assert desk.amount("azimuth") == pytest.approx(-1.0)
    desk.click(1, 0)
    assert curve._slider.value() == 0
    QTest.keyClick(curve, Qt.Key.Key_Right)
    assert desk.amount("hue") == pytest.approx(4 / 60)
    assert desk.amount("azimuth") == pytest.approx(-1.0)


def test_effects_of_another_set_are_said_to_be_and_move_nothing(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.scanned()
    desk.controller.set_method(0, ControlSetRef(method="random"))
    assert desk.panel.header.state.text() == "Shown: effects of Latent axes. Press Scan for those of Random."
    assert not desk.panel.curve._slider.isVisible()
    QTest.keyClick(desk.panel.curve, Qt.Key.Key_Right)
    assert desk.controller.scene.panes[0].edits == ()
    desk.controller.set_method(0, AXES)
    desk.panel.header.bases.setValue(16)
    assert "Press Scan to take these settings" in desk.panel.header.state.text()


def test_values_that_the_slider_does_not_show_are_no_line(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    made = report()
    causes = tuple(msgspec.structs.replace(cause, holds="value") for cause in made.causes)
    desk.scanned(msgspec.structs.replace(made, causes=causes))
    assert not desk.panel.curve._slider.isVisible()


def test_the_report_is_there_again_when_the_model_is(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    made = report(options=EffectOptions(bases=48))
    desk.panel.header.bases.setValue(48)
    desk.scanned(made)
    again = Desk(qtbot)
    assert again.dock.scanning.report(MODEL) == made
    assert again.panel.matrix.report == made
    assert again.panel.header.bases.value() == 48
    assert again.table["export_effects"].isEnabled()


def test_export_asks_for_a_file_and_the_engine_writes_it(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(qtbot)
    desk.scanned()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/a/effects", "SVG drawing (*.svg)"))
    desk.table["export_effects"].trigger()
    (request,) = [one for one in desk.client.sent if isinstance(one, requests.ExportEffects)]
    assert request.path == "/a/effects.svg"
    assert request.report == desk.dock.scanning.report(MODEL)


def test_the_dock_does_not_bring_plots_before_it_is_seen() -> None:
    code = "import sys, explorer.ui.effects.dock; sys.exit(bool({'pyqtgraph', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
