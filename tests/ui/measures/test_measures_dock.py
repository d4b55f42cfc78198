"""The Measures dock on a client without an engine: what it invites to, shows, asks for again, turns, exports."""

from __future__ import annotations

import math
import subprocess
import sys

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMainWindow
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, controller_on, tell_method

from explorer import __version__
from explorer.files import state_folder
from explorer.scene.cards import ModelCard
from explorer.scene.measures import MeasureOptions, MeasureReport, Rotation, Score, Violin
from explorer.scene.model import ControlSetRef, ModelRef
from explorer.service import replies, requests
from explorer.ui.actions.actions import ActionTable
from explorer.ui.jobs.jobs_panel import JobsPanel
from explorer.ui.look.matrix import shade
from explorer.ui.measures.dock import MeasuresDock
from explorer.ui.measures.table import AFTER, BEFORE, CHANCE, MEASURE
from explorer.ui.measures.violins import ticks
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
VAE = msgspec.structs.replace(
    CARD, capabilities=("encode", "posterior"), worlds=("shapes", "sprites"), methods=("latent_axes", "rotated_axes")
)
MIG = Score(
    value=0.143, null=0.002, null_high=0.004, title="MIG", paper="Chen et al. 2018", estimator="20 bins", n=5000,
    parts={"x": 0.02, "y": 0.27},
)  # fmt: skip
SCORES = {
    "mig": MIG,
    "modularity": Score(value=0.64, null=0.65, null_high=0.7, title="Modularity"),
    "sap": Score(value=None, title="SAP", note="every factor has one level"),
    "total_correlation": Score(value=12.5, null=0.1, null_high=0.2, title="TC", better="lower", group="latents"),
}


def report(rotation: Rotation | None = None, latents: int = 4, **scores: float) -> MeasureReport:
    """x and y lie in z0 and z2, in equal parts; z1 is pruned, z3 passive."""
    names = tuple(f"z{index}" for index in range(latents))
    if rotation:
        names = tuple(f"{one}'" if one in (rotation.first, rotation.second) else one for one in names)
    half = (0.8, 0.0, 0.02, 0.0) if rotation else (0.4, 0.0, 0.41, 0.0)
    other = (0.01, 0.0, 0.79, 0.0) if rotation else (0.39, 0.0, 0.4, 0.0)
    return MeasureReport(
        model="toy",
        fingerprint="f00d",
        world="shapes",
        n=5000,
        rotation=rotation,
        latents=names,
        pruned=("z1",),
        badges=("active", "mixed", "active", "passive")[:latents],
        violins=tuple(
            Violin(low=-2.0 - i, high=2.0, density=(0.1, 0.5, 0.3, 0.1), quartiles=(-0.6, 0.1, 0.7))
            for i in range(latents)
        ),
        factors=("x", "y"),
        nmi=(half[:latents], other[:latents]),
        nmi_null=((0.01,) * latents, (0.01,) * latents),
        estimator="Ross, 10 neighbours",
        metrics={name: msgspec.structs.replace(one, value=scores.get(name, one.value)) for name, one in SCORES.items()},
        seconds=38.0,
    )


class Desk:
    """The dock in a window, with the table of actions that it needs."""

    def __init__(self, qtbot: QtBot, card: ModelCard = VAE) -> None:
        self.controller, self.client = controller_on(card=card)
        tell_method(self.controller, "rotated_axes", "turned pair")
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.table = ActionTable(self.window)
        self.dock = MeasuresDock(self.controller, self.table, Settings())
        self.window.setCentralWidget(self.dock)
        self.window.resize(1300, 330)
        self.window.show()

    @property
    def panel(self):  # type: ignore[no-untyped-def]
        return self.dock.panel

    def asked(self) -> list[requests.MeasureModel]:
        return [one for one in self.client.sent if isinstance(one, requests.MeasureModel)]

    def answer(self, made: MeasureReport) -> None:
        number = self.asked()[-1].request_id
        self.client.reply(replies.Measured(request_id=number, model=MODEL, report=made))

    def measured(self) -> None:
        self.table["measure"].trigger()
        self.answer(report())

    def tip(self, title: str) -> str:
        tree = self.panel.table
        items = (tree.topLevelItem(index) for index in range(tree.topLevelItemCount()))
        return next(item.toolTip(MEASURE) for item in items if item.text(MEASURE) == title)

    def click(self, column: int) -> None:
        heat = self.panel.heat
        place = QPoint(round(heat.column_left(column) + heat.column_width() / 2), 40)
        QTest.mouseClick(heat, Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


# --- before -----------------------------------------------------------------------------------------------------------


def test_it_invites_to_measure(desk: Desk) -> None:
    assert "separate the factors" in desk.panel.title.text()
    assert "'shapes'" in desk.panel.sentence.text()
    assert [desk.panel.header.world.itemText(index) for index in range(2)] == ["shapes", "sprites"]
    assert desk.panel.header.button.isVisible()
    assert not desk.table["export_measures"].isEnabled()
    assert not desk.table["rotate_pair"].isEnabled()


def test_a_model_without_an_encoder_says_what_can_be_measured(qtbot: QtBot) -> None:
    desk = Desk(qtbot, msgspec.structs.replace(CARD, worlds=("shapes",)))
    assert "no encoder" in desk.panel.sentence.text()
    assert "samples" in desk.panel.sentence.text()
    assert not desk.panel.header.selection.isEnabled()
    assert "no posterior variance" in desk.panel.header.selection.buttons["active"].toolTip()
    assert not desk.panel.header.causal.isEnabled()  # pictures are encoded by nobody, whatever their factors
    assert desk.table["measure"].isEnabled()


def test_a_model_that_no_world_fits_says_so(qtbot: QtBot) -> None:
    desk = Desk(qtbot, msgspec.structs.replace(VAE, worlds=()))
    assert "12 × 8" in desk.panel.sentence.text()
    assert not desk.table["measure"].isEnabled()
    desk.panel.measure()
    assert desk.asked() == []


# --- a report ---------------------------------------------------------------------------------------------------------


def test_measuring_asks_for_what_the_header_says_and_shows_the_report(desk: Desk) -> None:
    desk.panel.header.world.setCurrentIndex(1)
    desk.panel.header.n.setValue(2000)
    desk.panel.header.quick.click()
    desk.panel.header.causal.click()
    desk.table["measure"].trigger()
    (asked,) = desk.asked()
    assert asked.model == MODEL
    assert asked.options == MeasureOptions(world="sprites", n=2000, quick=True, sampling="causal")
    desk.client.reply(replies.JobProgress(request_id=asked.request_id, title="Measuring", share=0.25, remaining=42))
    assert desk.panel.header.progress.left.text() == "25%, 42 s left"
    assert desk.panel.header.progress.cancel.isVisible()
    assert not desk.panel.header.button.isVisible()
    assert not desk.panel.table.isVisible()
    desk.answer(report())
    assert desk.panel.header.button.isVisible()
    assert desk.panel.table.rows() == {
        "mig": ("MIG ↑", "0.143", "", "0.002, 0.004"),
        "modularity": ("Modularity ↑", "0.640", "", "0.650, 0.700"),
        "sap": ("SAP ↑", "–", "", ""),
        "total_correlation": ("TC ↓", "12.500", "", "0.100, 0.200"),
    }
    assert desk.panel.header.state.text() == "world shapes · 5000 pictures · seed 0 · 4 latents · 38 s"
    assert desk.table["export_measures"].isEnabled()
    assert desk.table["rotate_pair"].isEnabled()


def test_what_a_number_is_held_against_is_under_it(desk: Desk) -> None:
    tree = desk.panel.table
    tree.show_reports(report())
    assert (tree.indentation(), tree.rootIsDecorated()) == (0, False)
    held = Score(
        value=0.042,
        null=1.4,
        baselines={"propagate with noise 0": 0.066, "truth": None},
        title="do(angle): error of length",
        better="lower",
        group="counterfactuals",
    )
    quality = Score(value=3.0, null=0.5, null_high=0.6, title="Fréchet", better="lower", group="quality")
    desk.table["measure"].trigger()
    desk.answer(msgspec.structs.replace(report(), metrics={"mig": MIG, "length": held, "frechet": quality}))
    assert tree.rows()["length"] == ("do(angle): error of length ↓", "0.042", "", "1.400")
    assert tree.rows()["frechet"][3] == "data 0.500, 0.600"
    assert "propagate with noise 0: 0.066" in desk.tip("do(angle): error of length ↓")
    titles = [tree.topLevelItem(index).text(MEASURE) for index in range(tree.topLevelItemCount())]
    assert titles.index("Counterfactuals") > titles.index("Quality of samples") > 0
    row = tree.topLevelItem(titles.index("do(angle): error of length ↓"))
    assert not row.isExpanded()
    tree.setCurrentItem(row)
    QTest.keyClick(tree, Qt.Key.Key_Right)
    assert row.isExpanded()
    below = [row.child(index) for index in range(row.childCount())]
    assert [(one.text(MEASURE), one.data(BEFORE, Qt.ItemDataRole.AccessibleTextRole)) for one in below] == [
        ("propagate with noise 0", "0.066"),
        ("truth", "–"),
    ]
    shown = tree.grab()
    tree.show_reports(*tree._shown)  # as when the colours change
    assert tree.topLevelItem(titles.index("do(angle): error of length ↓")).isExpanded()
    assert tree.grab().toImage() == shown.toImage()


def test_counterfactuals_are_asked_for_where_a_model_imagines(qtbot: QtBot) -> None:
    plain = Desk(qtbot).panel.header
    assert not plain.counterfactuals.isVisible()
    imagines = msgspec.structs.replace(VAE, capabilities=("encode", "posterior", "causes"), worlds=("pendulum",))
    desk = Desk(qtbot, imagines)
    header = desk.panel.header
    assert header.counterfactuals.isVisible()
    header.n.setValue(600)
    QTest.mouseClick(header.counterfactuals, Qt.MouseButton.LeftButton)
    assert not header.quick.isVisible()  # nor the rest that is about codes
    assert not header.causal.isVisible()
    desk.table["measure"].trigger()
    (asked,) = desk.asked()
    assert asked.options == MeasureOptions(world="pendulum", n=600, measures=("counterfactuals",))
    held = Score(value=0.04, null=1.4, title="do(angle): error of length", better="lower", group="counterfactuals")
    desk.answer(MeasureReport(model="toy", fingerprint="f00d", world="pendulum", n=600, metrics={"length": held}))
    assert list(desk.panel.table.rows()) == ["length"]
    QTest.mouseClick(header.counterfactuals, Qt.MouseButton.LeftButton)
    assert header.quick.isVisible()
    assert header.wanted().measures == ()
    header.show_options(asked.options)
    assert header.wanted() == asked.options
    header.show_model(VAE)  # which imagines nothing
    assert header.wanted().measures == ()


def test_what_is_at_chance_or_undefined_is_weak_and_says_why(desk: Desk) -> None:
    desk.measured()
    tips, weak = {}, {}
    muted = desk.panel.table.palette().brush(QPalette.ColorRole.PlaceholderText)
    for index in range(desk.panel.table.topLevelItemCount()):
        item = desk.panel.table.topLevelItem(index)
        tips[item.text(MEASURE)] = item.toolTip(MEASURE)
        weak[item.text(MEASURE)] = item.foreground(MEASURE) == muted
    assert weak["Modularity ↑"]
    assert weak["SAP ↑"]
    assert not weak["MIG ↑"]
    assert not weak["TC ↓"]
    assert "Below chance: permuted data" in tips["Modularity ↑"]
    assert "every factor has one level" in tips["SAP ↑"]
    for part in ("Chen et al. 2018", "20 bins", "By chance: 0.002, 95 % 0.004", "n = 5000", "y: 0.270"):
        assert part in tips["MIG ↑"]


def test_a_narrow_table_keeps_the_names_readable(desk: Desk) -> None:
    table = desk.panel.table
    desk.measured()
    table.setParent(None)
    table.show()
    names = {}
    for width in (700, 420, 300):
        table.resize(width, 200)
        names[width] = table.columnWidth(MEASURE)
    assert names[700] > names[420] > 100
    assert not table.isColumnHidden(CHANCE)
    desk.panel.table.show_reports(report(), report(Rotation(first="z0", second="z2")))
    assert table.isColumnHidden(CHANCE)
    assert table.columnWidth(MEASURE) > 100
    title = table.headerItem().text(AFTER)
    assert table.columnWidth(AFTER) > table.fontMetrics().horizontalAdvance(title)
    table.deleteLater()


def test_the_heat_map_says_what_is_under_the_mouse(desk: Desk) -> None:
    desk.measured()
    heat = desk.panel.heat
    assert heat.describe(2, 0).splitlines()[0] == "z2 tells 41.0% of x"
    assert "chance 0.010" in heat.describe(2, 0)
    assert heat.column_at(heat.column_left(3) + 1) == 3
    assert heat.column_at(heat.column_left(4) + 1) == -1
    assert heat.row_at(heat.height()) in (-1, 1)
    drawn = heat.grab().toImage()
    for column, value in ((0, 0.4), (1, 0.0), (2, 0.41)):
        assert drawn.pixelColor(QPoint(round(heat.column_left(column) + 4), 26)) == shade(value)
    assert "median 0.10" in desk.panel.violins.describe(0, 0)


def test_drawings_survive_extremes(desk: Desk) -> None:
    """One latent, all codes equal, no badges, no null, no violins."""
    desk.table["measure"].trigger()
    flat = Violin(low=0.5, high=0.5, density=(), quartiles=(0.5, 0.5, 0.5))
    one = msgspec.structs.replace(report(latents=1), badges=(), nmi_null=(), violins=(flat,), pruned=("z0",))
    desk.answer(one)
    desk.panel.grab()
    desk.panel.heat.set_report(msgspec.structs.replace(one, violins=()))
    desk.panel.violins.set_report(msgspec.structs.replace(one, violins=()))
    desk.panel.grab()


def test_samples_alone_have_no_drawings(qtbot: QtBot) -> None:
    desk = Desk(qtbot, msgspec.structs.replace(CARD, worlds=("shapes",)))
    desk.table["measure"].trigger()
    quality = {"fid": Score(value=7.25, title="Fréchet distance", better="lower", group="quality")}
    desk.answer(MeasureReport(model="toy", fingerprint="f00d", world="shapes", n=5000, metrics=quality))
    assert list(desk.panel.table.rows()) == ["fid"]
    assert not desk.panel.heat.isVisible()
    assert not desk.panel.violins.isVisible()
    assert not desk.table["rotate_pair"].isEnabled()


# --- asking again -----------------------------------------------------------------------------------------------------


def test_the_switch_of_latents_measures_again_once(desk: Desk) -> None:
    desk.panel.header.selection.buttons["active"].click()
    assert desk.asked() == []  # nothing was measured yet
    desk.panel.header.selection.buttons["all"].click()
    desk.measured()
    desk.panel.header.selection.buttons["active"].click()
    assert [one.options.selection for one in desk.asked()] == ["all", "active"]
    desk.answer(msgspec.structs.replace(report(mig=0.3), selection="active"))
    assert desk.panel.table.rows()["mig"][1] == "0.300"
    assert "active latents" in desk.panel.header.state.text()
    desk.panel.header.selection.buttons["all"].click()  # known
    assert desk.panel.table.rows()["mig"][1] == "0.143"
    assert len(desk.asked()) == 2


def test_other_settings_mark_the_report_as_stale(desk: Desk) -> None:
    desk.measured()
    desk.panel.header.n.setValue(1000)
    assert "Press Measure" in desk.panel.header.state.text()
    assert len(desk.asked()) == 1
    desk.panel.header.n.setValue(5000)
    assert "Press Measure" not in desk.panel.header.state.text()


def test_how_far_it_is_can_be_read_and_does_not_widen_the_window(desk: Desk, qtbot: QtBot) -> None:
    QTest.qWait(1)
    narrow = desk.panel.header.minimumSizeHint().width()
    desk.table["measure"].trigger()
    number = desk.asked()[-1].request_id
    desk.client.reply(replies.JobProgress(request_id=number, title="Measuring", share=0.4, remaining=100))
    QTest.qWait(1)
    assert desk.panel.header.minimumSizeHint().width() <= narrow + 100
    line = desk.panel.header.progress.left
    assert line.text() == line.toolTip() == "40%, 1 min 40 s left"
    qtbot.waitUntil(lambda: line.width() >= line.fontMetrics().horizontalAdvance(line.text()))


def test_cancel_keeps_what_was_shown(desk: Desk) -> None:
    jobs = JobsPanel(desk.controller)
    desk.measured()
    desk.panel.header.n.setValue(9000)
    desk.table["measure"].trigger()
    number = desk.asked()[-1].request_id
    assert jobs._rows[number].title.text() == "Measure toy"
    desk.panel.header.progress.cancel.click()
    assert desk.client.sent[-1] == requests.Cancel(request_id=number)
    desk.client.reply(replies.Stopped(request_id=number))
    assert jobs._rows[number].state.text().startswith("Cancelled")
    assert desk.panel.header.button.isVisible()
    assert desk.panel.table.rows()["mig"][1] == "0.143"
    jobs.deleteLater()


def test_a_refusal_is_one_sentence(desk: Desk) -> None:
    desk.table["measure"].trigger()
    sentence = "'dci' needs at least 500 pictures, not 100; raise n."
    desk.client.reply(replies.Refused(request_id=desk.asked()[0].request_id, sentence=sentence))
    assert desk.panel.header.state.text() == sentence
    assert desk.panel.header.button.isVisible()
    desk.measured()
    assert sentence not in desk.panel.header.state.text()


def test_a_lost_engine_ends_the_job(desk: Desk) -> None:
    desk.table["measure"].trigger()
    number = desk.asked()[0].request_id
    desk.client.reply(replies.EngineLost(sentence="The engine stopped.", restarting=True))
    desk.client.reply(replies.Refused(request_id=number, sentence="The engine stopped.", kind="internal"))
    assert [job.state for job in desk.controller.jobs.jobs()] == ["failed"]
    assert desk.panel.header.state.text() == "The engine stopped."
    assert desk.panel.header.button.isVisible()


def test_another_model_has_its_own_report(desk: Desk) -> None:
    desk.measured()
    other = ModelRef(path="other", fingerprint="beef")
    desk.client.card = msgspec.structs.replace(VAE, fingerprint="beef")
    scene = desk.controller.scene
    desk.controller.load(msgspec.structs.replace(scene, model=other))
    assert not desk.panel.table.isVisible()
    assert not desk.table["export_measures"].isEnabled()
    desk.controller.load(scene)
    assert desk.panel.table.isVisible()
    assert len(desk.asked()) == 1


def test_a_model_whose_files_changed_is_measured_anew(desk: Desk) -> None:
    desk.measured()
    desk.client.card = msgspec.structs.replace(VAE, fingerprint="beef")
    desk.controller.catalogue.open_model(MODEL)
    assert not desk.panel.table.isVisible()
    desk.table["measure"].trigger()
    assert len(desk.asked()) == 2


def test_what_was_measured_is_there_after_a_restart(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.header.n.setValue(3000)
    desk.measured()
    desk.click(0)
    desk.click(2)
    desk.panel.rotation.usual.click()
    desk.answer(report(Rotation(first="z0", second="z2"), mig=0.8))
    again = Desk(qtbot)
    assert again.asked() == []
    assert again.panel.table.isVisible()
    found = again.controller.measuring.report(MODEL)
    assert found == report()
    assert list(found.metrics) == list(report().metrics)  # the rows stand in the same order
    assert again.controller.measuring.turned(MODEL) == report(Rotation(first="z0", second="z2"), mig=0.8)
    # What is shown was asked with these settings, and so the header says them.
    assert again.panel.header.wanted() == again.controller.measuring.options(MODEL)
    assert again.panel.header.wanted().n == 3000
    again.table["measure"].trigger()
    assert again.asked() == []  # it is known
    other = Desk(qtbot, msgspec.structs.replace(VAE, fingerprint="beef"))
    assert not other.panel.table.isVisible()
    other.client.card = VAE  # its files are the measured ones after all
    other.controller.catalogue.open_model(MODEL)
    assert other.panel.table.isVisible()
    assert other.panel.header.wanted().n == 3000


@pytest.mark.parametrize("damage", ["cut", "noise", "older", "other type"])
def test_a_kept_report_that_is_damaged_or_means_something_else_is_thrown_away(
    desk: Desk, qtbot: QtBot, damage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.measured()
    (path,) = (state_folder() / "reports").iterdir()
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "noise":
        path.write_bytes(b"\xff" * 500)
    elif damage == "older":
        monkeypatch.setattr("explorer.ui.state.kept_reports.VERSION", 2)
    else:
        path.write_bytes(msgspec.msgpack.encode((1, __version__, "f00d", "options", "report")))
    again = Desk(qtbot)
    assert not again.panel.table.isVisible()
    assert not path.exists()
    assert ("thrown away" in caplog.text) == (damage != "older")


def test_numbers_that_are_not_finite_are_kept(desk: Desk, qtbot: QtBot) -> None:
    desk.table["measure"].trigger()
    desk.answer(report(mig=math.inf))
    found = Desk(qtbot).controller.measuring.report(MODEL)
    assert found is not None
    assert found.metrics["mig"].value == math.inf


def test_a_place_that_cannot_be_written_costs_nothing_but_the_report(
    desk: Desk, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    state_folder().mkdir(parents=True, exist_ok=True)
    (state_folder() / "reports").write_text("no folder")
    desk.measured()
    assert desk.panel.table.isVisible()
    assert "nothing is kept there" in caplog.text
    assert not Desk(qtbot).panel.table.isVisible()


# --- a pair -----------------------------------------------------------------------------------------------------------


def test_a_pair_is_turned_measured_and_shown_beside(desk: Desk) -> None:
    desk.measured()
    assert "Click two latents" in desk.panel.rotation.label.text()
    desk.click(0)
    assert not desk.table["use_rotation"].isEnabled()
    desk.click(2)
    assert desk.panel.rotation.label.text() == "Turn z0 and z2"
    assert not desk.table["use_rotation"].isEnabled()  # not turned yet
    desk.table["rotate_pair"].trigger()
    rotation = Rotation(first="z0", second="z2", degrees=45.0)
    assert desk.asked()[-1].options == MeasureOptions(world="shapes", rotation=rotation)
    desk.answer(report(rotation, mig=0.378))
    assert desk.panel.table.rows()["mig"] == ("MIG ↑", "0.143", "0.378", "0.002, 0.004")
    assert desk.panel.table.headerItem().text(2) == "After 45°"
    assert desk.panel.when.value == "after"
    assert desk.panel.heat.report.nmi[0][0] == 0.8
    assert "z0' = 0.71 · z0 + 0.71 · z2, of codes scaled to unit variance" in desk.panel.heat._about(0)
    assert desk.panel.heat._about(1).startswith("z1\n")
    desk.panel.when.buttons["before"].click()
    assert desk.panel.heat.report.nmi[0][0] == 0.4
    desk.panel.rotation.box.setValue(0.0)
    assert desk.panel.table.rows()["mig"][2] == ""
    desk.panel.rotation.usual.click()  # known
    assert desk.panel.table.rows()["mig"][2] == "0.378"
    assert len(desk.asked()) == 2
    desk.click(3)  # another pair: the turn of the old one goes
    assert desk.panel.rotation.label.text() == "Turn z2 and z3"
    assert desk.panel.table.rows()["mig"][2] == ""
    desk.panel.rotation.end.click()
    assert desk.panel.pair() is None


def test_the_angle_is_measured_when_the_hand_lets_go(desk: Desk) -> None:
    desk.measured()
    desk.click(0)
    desk.click(2)
    slider = desk.panel.rotation.slider
    for degrees in (10.0, 20.3, 30.1):
        slider.moved.emit(degrees, True)
    assert len(desk.asked()) == 1
    slider.moved.emit(30.1, False)
    assert [one.options.rotation.degrees for one in desk.asked()[1:] if one.options.rotation] == [30.0]
    first = desk.asked()[-1].request_id
    slider.moved.emit(-60.0, False)  # a newer angle replaces the question
    assert requests.Cancel(request_id=first) in desk.client.sent
    desk.client.reply(replies.Stopped(request_id=first))
    assert desk.panel.header.progress.cancel.isVisible()


def test_the_best_angle_is_found_by_the_engine(desk: Desk) -> None:
    desk.measured()
    desk.click(0)
    desk.click(2)
    desk.panel.rotation.seek.click()
    asked = desk.asked()[-1].options
    assert asked.best_rotation
    assert asked.rotation is not None
    assert (asked.rotation.first, asked.rotation.second) == ("z0", "z2")
    desk.answer(report(Rotation(first="z0", second="z2", degrees=43.5), mig=0.38))
    assert desk.panel.table.rows()["mig"][2] == "0.380"
    assert desk.panel.rotation.degrees == 43.5
    assert desk.table["use_rotation"].isEnabled()
    assert desk.panel.rotation.box.value() == 43.5
    desk.panel.rotation.usual.click()  # another angle is another question
    assert desk.asked()[-1].options.rotation == Rotation(first="z0", second="z2", degrees=45.0)
    assert not desk.asked()[-1].options.best_rotation


def test_the_turned_pair_becomes_sliders(desk: Desk) -> None:
    desk.measured()
    desk.click(2)
    desk.click(0)
    desk.panel.rotation.box.setValue(-30.0)
    desk.table["use_rotation"].trigger()
    assert desk.controller.scene.panes[0].controls == ControlSetRef(
        method="rotated_axes", k=4, settings=(("angle", -30.0), ("first", 2), ("second", 0))
    )
    desk.controller.undo()
    assert desk.controller.scene.panes[0].controls.method == "latent_axes"


def test_without_a_pair_it_says_how_to_choose_one(desk: Desk) -> None:
    desk.measured()
    said: list[str] = []
    desk.controller.noticed.connect(lambda notice: said.append(notice.sentence))
    desk.table["rotate_pair"].trigger()
    assert said == ["Click two latents in the heat map, then turn them against each other."]


def test_latents_are_chosen_by_keyboard(desk: Desk) -> None:
    desk.measured()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Space):
        QTest.keyClick(desk.panel.heat, key)
    assert desk.panel.pair() == ("z0", "z2", 0.0)
    QTest.keyClick(desk.panel.heat, Qt.Key.Key_Return)
    assert desk.panel.pair() is None


def test_a_pair_that_a_selection_leaves_out_is_let_go(desk: Desk) -> None:
    desk.measured()
    desk.click(0)
    desk.click(3)
    desk.panel.header.selection.buttons["active"].click()
    desk.answer(msgspec.structs.replace(report(latents=2), selection="active"))
    assert desk.panel.pair() is None


# --- export -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kind", "written"),
    [
        ("/out/a.tex", "CSV table (*.csv)", "/out/a.tex"),
        ("/out/a", "LaTeX table (*.tex)", "/out/a.tex"),
        ("/out/a.b", "PDF page (*.pdf)", "/out/a.b.pdf"),
        ("/out/a", "", "/out/a.csv"),
    ],
)
def test_export_writes_before_and_after(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, kind: str, written: str
) -> None:
    desk.measured()
    desk.click(0)
    desk.click(2)
    desk.panel.rotation.usual.click()
    desk.answer(report(Rotation(first="z0", second="z2")))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (typed, kind))
    desk.table["export_measures"].trigger()
    asked = desk.client.sent[-1]
    assert isinstance(asked, requests.ExportReports)
    assert asked.path == written
    assert [one.rotation is not None for one in asked.reports] == [False, True]
    assert [job.path for job in desk.controller.jobs.running()] == [written]
    assert Settings().export_folder == "/out"


def test_an_export_that_is_called_off_asks_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.measured()
    sent = len(desk.client.sent)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: ("", ""))
    desk.table["export_measures"].trigger()
    assert len(desk.client.sent) == sent


# --- the start of the window ------------------------------------------------------------------------------------------


def test_the_panel_is_made_when_it_is_looked_at(qtbot: QtBot) -> None:
    code = (
        "import sys, explorer.ui.window.main_window, explorer.ui.measures.dock\n"
        "print('explorer.ui.measures.panel' in sys.modules, 'explorer.ui.measures.heat' in sys.modules)\n"
        "import explorer.ui.measures.panel\n"
        "print([name for name in ('torch', 'numpy', 'scipy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["False False", "[]"]


@pytest.mark.parametrize(
    ("low", "high", "most", "wanted"),
    [(-2.2, 3.1, 6, [-2, -1, 0, 1, 2, 3]), (-0.4, 0.5, 5, [-0.4, -0.2, 0, 0.2, 0.4]), (1.0, 1.0, 4, [1.0])],
)
def test_ticks_are_round_numbers(low: float, high: float, most: int, wanted: list[float]) -> None:
    assert ticks(low, high, most) == wanted
