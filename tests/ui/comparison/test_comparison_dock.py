"""Comparing methods on a client without an engine: the dialog, the panes, the table, what is asked and exported."""

from __future__ import annotations

import math

import msgspec
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QFileDialog, QMainWindow
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, controller_on

from explorer.scene.cards import MethodCard, SettingCard
from explorer.scene.comparison import (
    Column,
    CompareOptions,
    CompareReport,
    Direction,
    Figure,
    MethodResult,
    usual_nulls,
)
from explorer.scene.model import ControlSetRef, Seed
from explorer.service import replies, requests
from explorer.ui.actions.actions import ActionTable
from explorer.ui.comparison import text
from explorer.ui.comparison.dialog import CompareDialog
from explorer.ui.comparison.dock import ComparisonDock
from explorer.ui.look.matrix import NARROWEST, SLANT, WIDEST
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
TOY = msgspec.structs.replace(
    CARD,
    methods=("latent_axes", "voynov", "random_orthogonal"),
    refusals={"sefa": "SeFa reads the affine layer of a GAN; 'toy' has none."},
)


def method(name: str, title: str, **more: bool | str) -> MethodCard:
    return MethodCard(name=name, title=title, spaces=(), trained=False, paper="", **more)  # type: ignore[arg-type]


METHODS = (
    method("latent_axes", "Latent axes"),
    method("random_orthogonal", "Random directions", role="chance"),
    method("sefa", "SeFa"),
    method("voynov", "Voynov", expensive=True),
)
COLUMNS = (
    Column(name="modularity", title="Modularity", better="higher", meaning="One attribute a direction."),
    Column(name="additivity", title="Additivity", better="lower", meaning="How far two edits fail to add up."),
    Column(name="mcc", title="MCC", better="higher", meaning="Where the truth is known."),
)


def row(name: str, title: str, modularity: float | None, additivity: float, **more: object) -> MethodResult:
    columns = {
        "modularity": Figure(value=modularity, low=(modularity or 0) - 0.05, high=(modularity or 0) + 0.05, null=0.2),
        "additivity": Figure(value=additivity, low=additivity - 0.01, high=additivity + 0.01, null=0.6),
        "mcc": Figure(value=None, note="The truth is not known here."),
    }
    directions = (
        Direction(name=f"{title} 1", alpha=1.5, effects=(0.9, 0.05, None), signed=(-0.9, 0.0, None), match=0),
        Direction(name=f"{title} 2", alpha=None, match=1),
    )
    made = MethodResult(
        method=name, title=title, role="method", controls=ControlSetRef(method=name, k=2, units="effect"),
        columns=columns, directions=directions, seconds=1.5, evaluations=2000,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


REPORT = CompareReport(
    model=MODEL,
    name="toy",
    options=CompareOptions(methods=("latent_axes", "voynov"), k=2),
    space="z",
    attributes=("smile", "age", "glasses"),
    varying=(True, True, False),
    columns=COLUMNS,
    methods=(
        row("latent_axes", "Latent axes", 0.71, 0.4),
        row("voynov", "Voynov", 0.22, 0.3),
        row("random_orthogonal", "Random directions", 0.2, 0.6, role="chance"),
        row("attribute_regression", "Attribute regression", 0.9, 0.35, role="ceiling", labels=5000),
        row("pca", "PCA", None, 0.0, columns={}, directions=(), problem="It has no components."),
    ),
    contract=("Every direction changes pictures equally.", "Random directions are chance."),
    seconds=95,
)


class Desk:
    """The dock in a window, with the table of actions that it needs."""

    def __init__(self, qtbot: QtBot) -> None:
        self.controller, self.client = controller_on(card=TOY)
        self.client.reply(replies.MethodList(request_id=2, methods=METHODS))
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.actions = ActionTable(self.window)
        self.dock = ComparisonDock(self.controller, self.actions, Settings(), self.window)
        self.window.setCentralWidget(self.dock)
        self.window.resize(1300, 320)
        self.window.show()
        self.dock.panel.refresh()

    def compared(self, report: CompareReport = REPORT) -> None:
        self.dock.compare(report.options)
        asked = self.client.sent[-1]
        assert isinstance(asked, requests.CompareMethods)
        self.client.reply(replies.Compared(request_id=asked.request_id, model=MODEL, report=report))


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def dialog_on(desk: Desk, qtbot: QtBot) -> CompareDialog:
    desk.controller.catalogue.methods = {card.name: card for card in METHODS}
    made = CompareDialog(desk.controller)
    qtbot.addWidget(made)
    return made


def ticked(dialog: CompareDialog, *names: str) -> None:
    for index in range(dialog.methods.count()):
        item = dialog.methods.item(index)
        if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            wanted = item.data(Qt.ItemDataRole.UserRole) in names
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)


def test_the_dialog_offers_what_fits_and_says_why_the_rest_does_not(desk: Desk, qtbot: QtBot) -> None:
    dialog = dialog_on(desk, qtbot)
    items = {dialog.methods.item(i).data(Qt.ItemDataRole.UserRole): dialog.methods.item(i) for i in range(4)}
    assert dialog.chosen() == ["latent_axes", "random_orthogonal"]  # neither what is slow nor what does not fit
    assert not items["sefa"].flags() & Qt.ItemFlag.ItemIsEnabled
    assert items["sefa"].toolTip() == TOY.refusals["sefa"]
    assert "takes minutes" in items["voynov"].text()
    assert dialog.k.maximum() == 4  # the width of the space


def test_panes_are_calibrated_and_matched_to_the_first(desk: Desk, qtbot: QtBot) -> None:
    dialog = dialog_on(desk, qtbot)
    ticked(dialog, "latent_axes", "voynov", "random_orthogonal")
    dialog.seeds.setText("4, 7")
    dialog.k.setValue(3)
    dialog.side_by_side.connect(desk.dock.show_side_by_side)
    dialog.accept()
    scene = desk.controller.scene
    assert scene.columns == 3
    assert [(pane.controls.method, pane.origin) for pane in scene.panes] == [
        (name, Seed(seed)) for seed in (4, 7) for name in ("latent_axes", "voynov", "random_orthogonal")
    ]
    first = scene.panes[0].controls
    assert (first.units, first.k, first.like) == ("effect", 3, None)
    assert all(pane.controls.like == first for pane in scene.panes if pane.controls.method != "latent_axes")
    assert not any(isinstance(asked, requests.CompareMethods) for asked in desk.client.sent)
    desk.controller.undo()
    assert len(desk.controller.scene.panes) == 1


def test_units_along_the_path_are_those_of_panes_table_and_what_is_used(desk: Desk, qtbot: QtBot) -> None:
    dialog = dialog_on(desk, qtbot)
    ticked(dialog, "latent_axes", "random_orthogonal")
    assert list(dialog.units.buttons) == ["effect", "arc", "native"]
    assert dialog.options().calibration == "chord"
    straight = dialog._of.text()
    dialog.units.buttons["arc"].click()
    assert dialog._form.isRowVisible(dialog._change)
    assert dialog._of.text() not in ("", straight)
    dialog.tau.setValue(0.1)
    dialog.measure.setChecked(True)
    dialog.side_by_side.connect(desk.dock.show_side_by_side)
    dialog.table.connect(desk.dock.compare)
    dialog.accept()
    assert [(pane.controls.units, pane.controls.tau) for pane in desk.controller.scene.panes] == [("arc", 0.1)] * 2
    asked = desk.client.sent[-1]
    assert isinstance(asked, requests.CompareMethods)
    assert (asked.options.calibration, asked.options.tau) == ("arc", 0.1)
    native = tuple(
        msgspec.structs.replace(row, controls=ControlSetRef(method=row.method, k=2)) for row in REPORT.methods
    )
    report = msgspec.structs.replace(REPORT, options=asked.options, methods=native)
    desk.client.reply(replies.Compared(request_id=asked.request_id, model=MODEL, report=report))
    assert "τ = 0.1 along the path" in desk.dock.panel.state.text()
    desk.dock.panel.table.setCurrentItem(desk.dock.panel.table.topLevelItem(2))
    desk.actions["use_compared"].trigger()
    used = desk.controller.scene.panes[desk.controller.scene.selected].controls
    assert (used.method, used.units, used.tau) == (desk.dock.panel.table.method(), "arc", 0.1)


def test_the_dialog_is_no_taller_than_what_it_says(desk: Desk, qtbot: QtBot) -> None:
    dialog = dialog_on(desk, qtbot)
    for measured in (False, True):
        dialog.measure.setChecked(measured)
        dialog.show()
        layout = dialog.layout()
        assert layout is not None
        qtbot.waitUntil(lambda: dialog.minimumSizeHint().height() < 560)
        qtbot.waitUntil(lambda: dialog.height() <= max(dialog.sizeHint().height(), dialog.minimumSizeHint().height()))
        assert dialog.message.height() <= 3 * dialog.fontMetrics().lineSpacing()
        dialog.hide()


def test_the_dialog_refuses_with_a_sentence(desk: Desk, qtbot: QtBot) -> None:
    dialog = dialog_on(desk, qtbot)
    ticked(dialog)
    assert "at least one" in dialog.message.text()
    assert not dialog._go.isEnabled()
    ticked(dialog, "latent_axes")
    dialog.seeds.setText("four")
    assert "'four' is no list of seeds" in dialog.message.text()
    dialog.seeds.setText(",".join(map(str, range(60))))
    assert "60 pictures at once" in dialog.message.text()
    dialog.accept()
    assert len(desk.controller.scene.panes) == 1


def test_the_table_is_asked_for_with_what_the_dialog_says(desk: Desk, qtbot: QtBot) -> None:
    dialog = dialog_on(desk, qtbot)
    ticked(dialog, "latent_axes", "voynov", "random_orthogonal")
    dialog.measure.setChecked(True)
    dialog.trials.setValue(3)
    assert dialog.nulls.text() == f"{usual_nulls(dialog.k.value())}, as usual"
    dialog.k.setValue(2)
    assert dialog.nulls.text() == "16, as usual"
    assert dialog.options().nulls == 0
    dialog.nulls.setValue(5)
    dialog.attributes.setText("faces")
    dialog.table.connect(desk.dock.compare)
    dialog.accept()
    asked = desk.client.sent[-1]
    assert isinstance(asked, requests.CompareMethods)
    assert asked.options.methods == ("latent_axes", "voynov")  # chance is always there
    assert (asked.options.seeds, asked.options.attributes) == ((0, 1, 2), "faces")
    assert (asked.options.k, asked.options.nulls) == (2, 5)
    desk.client.reply(
        replies.JobProgress(request_id=asked.request_id, title="Comparing Voynov", share=0.5, remaining=60)
    )
    assert "50%" in desk.dock.panel.progress.left.text()
    desk.dock.panel.progress.cancel.click()
    assert isinstance(desk.client.sent[-1], requests.Cancel)
    desk.client.reply(replies.Stopped(request_id=asked.request_id))
    assert desk.controller.comparing.under_way(MODEL) is None


def test_a_table_is_there_after_a_restart_and_not_for_other_files(desk: Desk, qtbot: QtBot) -> None:
    desk.compared()
    newer = msgspec.structs.replace(REPORT, options=msgspec.structs.replace(REPORT.options, k=3), seconds=7)
    desk.compared(newer)
    again = Desk(qtbot)
    assert again.controller.comparing.report(MODEL) == newer
    assert again.actions["export_comparison"].isEnabled()
    again.client.card = msgspec.structs.replace(TOY, fingerprint="beef")
    again.controller.catalogue.open_model(MODEL)
    assert again.controller.comparing.report(MODEL) is None


def test_the_table_says_what_is_best_and_what_is_chance(desk: Desk) -> None:
    desk.compared()
    table = desk.dock.panel.table
    titles = [table.headerItem().text(column) for column in range(table.columnCount())]
    assert titles == ["Method", "Modularity ↑", "Additivity ↓", "Labels ↓", "Pictures ↓", "Seconds ↓"]  # MCC: nowhere
    assert table.rows()[2][:3] == ["Latent axes", "0.71", "0.40"]
    assert table.rows()[4][1] == "–"
    assert table.rows()[0][0].endswith("chance")
    assert table.rows()[1][0].endswith("ceiling")  # both stand on top until the table is sorted
    assert text.best(REPORT, COLUMNS[0]) == {"latent_axes"}
    assert text.best(REPORT, COLUMNS[1]) == {"voynov"}
    assert text.is_weak(COLUMNS[0], REPORT.methods[1])  # its interval holds what random directions score
    assert not text.is_weak(COLUMNS[0], REPORT.methods[0])
    assert "no components" in text.cell_tip(COLUMNS[0], REPORT.methods[4])
    assert "1 of 2 directions have no visible effect" in text.row_tip(REPORT.methods[0])
    assert desk.dock.panel.contract.text().splitlines() == list(REPORT.contract)
    assert desk.dock.panel.table.method() == "latent_axes"  # a method is chosen first, neither chance nor ceiling


def test_sorting_leaves_rows_without_a_number_at_the_end(desk: Desk) -> None:
    desk.compared()
    table = desk.dock.panel.table
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [one[0].split("  ")[0] for one in table.rows()] == [
        "Attribute regression", "Latent axes", "Voynov", "Random directions", "PCA",
    ]  # fmt: skip
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert [one[0].split("  ")[0] for one in table.rows()] == [
        "Random directions", "Voynov", "Latent axes", "Attribute regression", "PCA",
    ]  # fmt: skip


def test_the_matrix_follows_the_chosen_row(desk: Desk) -> None:
    desk.compared()
    panel = desk.dock.panel
    panel.table.setCurrentItem(panel.table.topLevelItem(3))
    assert panel.chosen().method == "voynov"  # type: ignore[union-attr]
    heat = panel.heat
    inside = QPointF(heat._left() + 5, heat._top() + 5)
    assert "Voynov 1 changes smile by 0.90" in heat._tip(inside)
    assert "mean change −0.90" in heat._tip(inside)
    assert "the same in all" in heat._tip(QPointF(heat._left() + 2 * heat._column() + 5, heat._top() + 5))
    assert "no visible effect" in heat._tip(QPointF(2, heat._top() + 25))
    assert not heat.grab().toImage().isNull()


def test_a_method_that_needs_a_file_waits_for_it(desk: Desk) -> None:
    file = SettingCard(name="other", title="Other checkpoint", default="", kind="file")
    needy = msgspec.structs.replace(METHODS[0], settings=(file,))
    desk.controller.catalogue.methods["latent_axes"] = needy
    before = CompareDialog(desk.controller)
    item = before.methods.item(0)
    assert "needs a file" in item.text()
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    assert "latent_axes" not in before.chosen()
    chosen = ControlSetRef(method="latent_axes", settings=(("other", "b.safetensors"),))
    desk.controller.set_method(0, chosen)
    after = CompareDialog(desk.controller)
    assert after.methods.item(0).flags() & Qt.ItemFlag.ItemIsEnabled


def test_a_matrix_of_many_attributes_takes_the_room_there_is(desk: Desk) -> None:
    names = tuple(f"attribute number {index}" for index in range(20))
    wide = msgspec.structs.replace(REPORT, attributes=names, varying=(True,) * 20)
    heat = desk.dock.panel.heat
    heat.show_method(wide, wide.methods[0])
    for width in (heat.sizeHint().width(), 900, 1400):
        heat.resize(width, 200)
        end = heat._left() + len(names) * heat._column() + heat._longest() * math.cos(math.radians(SLANT))
        assert end <= width + heat._column(), "the last heading ends inside"
        assert NARROWEST <= heat._column() <= WIDEST


def test_the_chosen_method_is_used_in_the_pane(desk: Desk) -> None:
    desk.compared()
    panel = desk.dock.panel
    panel.table.setCurrentItem(panel.table.topLevelItem(3))
    desk.actions["use_compared"].trigger()
    assert desk.controller.scene.panes[0].controls == REPORT.methods[1].controls


def test_a_refusal_is_read_where_it_is_looked_for(desk: Desk) -> None:
    desk.dock.compare(REPORT.options)
    asked = desk.client.sent[-1]
    desk.client.reply(replies.Refused(request_id=asked.request_id, sentence="No world fits 'toy'; name one."))  # type: ignore[union-attr]
    assert desk.dock.panel.state.text() == "No world fits 'toy'; name one."
    assert not desk.actions["export_comparison"].isEnabled()


def test_a_newer_question_replaces_the_older(desk: Desk) -> None:
    desk.dock.compare(REPORT.options)
    first = desk.client.sent[-1]
    desk.dock.compare(msgspec.structs.replace(REPORT.options, k=3))
    assert any(isinstance(one, requests.Cancel) and one.request_id == first.request_id for one in desk.client.sent)  # type: ignore[union-attr]
    desk.client.reply(replies.Compared(request_id=first.request_id, model=MODEL, report=REPORT))  # type: ignore[union-attr]
    assert desk.controller.comparing.report(MODEL) is None


def test_the_table_is_exported_where_the_user_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.compared()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/tables/faces", "LaTeX table (*.tex)"))
    desk.actions["export_comparison"].trigger()
    asked = desk.client.sent[-1]
    assert isinstance(asked, requests.ExportComparison)
    assert (asked.path, asked.report) == ("/tables/faces.tex", REPORT)


def test_what_is_0_by_construction_is_neither_grey_nor_best() -> None:
    def made(name: str, value: float, spread: float) -> MethodResult:
        figure = Figure(value=value, low=value - spread, high=value + spread, null=0.0)
        return msgspec.structs.replace(row(name, name, 0.5, 0.5), columns={"returns": figure})

    column = Column(name="returns", title="Round-trip error", better="lower", meaning="How far from its start it ends.")
    straight, curved = made("straight", 0.0, 0.0), made("curved", 0.02, 0.01)
    report = msgspec.structs.replace(REPORT, columns=(column,), methods=(straight, curved))
    assert not text.is_weak(column, straight)
    assert text.is_weak(column, curved)
    assert text.best(report, column) == set()
    assert "0 by construction, and so it is for random directions." in text.cell_tip(column, straight)
    assert "by construction" not in text.cell_tip(column, curved)
