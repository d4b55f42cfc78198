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
from quiet import MODEL, controller_on

from explorer.errors import ExportError, SceneError
from explorer.export import embed, replay
from explorer.scene.landscape import FieldOnPlane, Landscape, Plane
from explorer.service import replies, requests
from explorer.ui.actions.actions import ActionTable
from explorer.ui.files.files import Files
from explorer.ui.landscape import curves, text
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
    def asked(self) -> list[requests.DrawLandscape]:
        return [one for one in self.client.sent if isinstance(one, requests.DrawLandscape)]

    def answer(self, on: FieldOnPlane | None = None, ends: dict[str, str] | None = None) -> None:
        last = self.asked[-1]
        drawn = landscape(last.control, on, ends)
        self.client.reply(replies.LandscapeDrawn(request_id=last.request_id, landscape=drawn))


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
    assert stage.asked[-1].start.origin.seed == 6  # type: ignore[union-attr]
    stage.answer()
    assert len(stage.asked) == 2


def test_a_refusal_is_said_and_the_next_question_asked(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.client.reply(replies.Refused(request_id=stage.asked[-1].request_id, sentence="It moves no point."))
    assert stage.dock.panel.hint.text() == "It moves no point."
    stage.controller.set_seed(9)
    assert len(stage.asked) == 2


def test_the_colours_have_a_scale_with_a_unit(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    scale = stage.dock.panel.plot.scale
    assert scale.isVisible()
    assert scale.label == "potential (z² / σ)"
    assert scale.range == pytest.approx((-1.0 + 1 / 121, 2.0))  # x² + y on the grid: 0 is between two points
    assert scale.getAxis("right").range == pytest.approx(list(scale.range))
    name, bar = scale.getAxis("left"), scale.getViewBox()
    qtbot.waitUntil(lambda: bar.geometry().width() > 0)
    assert name.geometry().right() <= bar.geometry().left() + 1  # the label is beside the colours, not on them
    assert name.label.boundingRect().height() <= name.geometry().width() + 6
    seen = [tuple(colour) for colour in scale._bar.lut]
    assert seen == [tuple(colour) for colour in stage.dock.panel.plot._image.lut]
    turning = msgspec.structs.replace(field(potential=False), curl=field().potential)
    stage.controller.set_seed(1)
    stage.answer(turning)
    assert scale.label == "curl (1 / σ)"
    stage.controller.set_seed(2)
    stage.answer(msgspec.structs.replace(turning, unit_speed=True))
    assert scale.label == "curl (own unit)"
    room = scale.geometry().width()
    for number, plain in enumerate((field(potential=False), None)):  # one colour, or none
        stage.controller.set_seed(3 + number)
        stage.answer(plain)
        assert scale.label == ""
        qtbot.waitUntil(lambda: not scale.isVisible() and scale.geometry().width() < room / 4)


def test_what_it_says_of_colours() -> None:
    ones = np.ones((SIZE, SIZE), "<f4")
    plain = field(potential=False)
    assert "The field does not turn here." in text.sentence(landscape("hue", plain))
    turning = msgspec.structs.replace(plain, curl=(-2 * ones).tobytes())
    assert "The curl is −2.00 all over" in text.sentence(landscape("hue", turning))
    flat = msgspec.structs.replace(field(), potential=(3 * ones).tobytes())
    assert "The potential is flat here." in text.sentence(landscape("hue", flat))
    assert "Colours: the potential" in text.sentence(landscape("hue", field()))
    assert "whose slope the field is." in text.sentence(landscape("hue", field()))
    part = msgspec.structs.replace(field(), is_gradient=False)
    assert "whose slope is a part of the field." in text.sentence(landscape("hue", part))
    assert "Colours" not in text.sentence(landscape("hue"))


def test_the_names_of_low_curves_do_not_lie_on_each_other(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.window.resize(900, 250)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    plots = stage.dock.panel.curves
    assert [name.toPlainText() for name in plots.names] == ["speed", "curvature", "log prior"]
    qtbot.waitUntil(lambda: plots.height() < 200)
    marks = [[text for _, text in plot.getAxis("left")._tickLevels[0]] for plot in plots._plots]
    assert marks == [["1"], ["0.5"], ["−5"]]  # of curves that are level
    stage.controller.set_seed(7)
    rising = msgspec.structs.replace(
        landscape("hue", field()),
        speed=tuple(np.linspace(0.25, 2.0, 61)),
        log_prior=tuple(np.linspace(-9.5, -1.25, 61)),
    )
    number = stage.asked[-1].request_id
    stage.client.reply(replies.LandscapeDrawn(request_id=number, landscape=rising))
    marks = [[text for _, text in plot.getAxis("left")._tickLevels[0]] for plot in plots._plots]
    assert marks == [["0.25", "2"], ["0.5"], ["−9.5", "−1.25"]]
    places = [name.mapRectToScene(name.boundingRect()) for name in plots.names]
    assert places[0].bottom() <= places[1].top() + 6
    assert places[1].bottom() <= places[2].top() + 6
    for name, plot in zip(plots.names, plots._plots, strict=True):
        room = plot.getViewBox().sceneBoundingRect()
        assert room.left() <= name.mapRectToScene(name.boundingRect()).left() <= room.right()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.584, 0.0567, 0.00321, 1.234e-7, -10.25, -123.4, -98765.0, 0.1005])
def test_every_number_beside_a_curve_has_room(qtbot: QtBot, value: float) -> None:
    stage = Stage(qtbot)
    metrics = stage.window.fontMetrics()
    assert metrics.horizontalAdvance(curves.number(value)) + 12 <= curves.NUMBERS
    assert float(curves.number(value).replace("−", "-")) == pytest.approx(value, rel=0.05)


def test_the_other_edits_are_named_those_of_the_landscape_that_is_drawn(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    assert "Also moved" not in stage.dock.panel.sentence.text()
    assert "Dashed: the straight line that fits best." in stage.dock.panel.sentence.text()
    stage.controller.move_control(0, "size", -1.25)  # whose landscape is not there yet
    stage.dock.panel._draw()
    assert "Also moved" not in stage.dock.panel.sentence.text()
    stage.answer(field())
    assert "Also moved: hue +1.00." in stage.dock.panel.sentence.text()
    assert "Also moved: hue +1.00" in stage.dock.panel.caption()


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
    scene, _, provenance = embed.read(path)
    assert scene == stage.controller.scene
    assert provenance is not None
    assert [record.path for record in provenance.generators] == [MODEL.path]
    with pytest.raises(ExportError, match=r"landscape of 'hue', and has no frames to render again; open it"):
        replay.read(path)
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


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_window_opens_the_scene_of_a_figure(qtbot: QtBot, tmp_path: Path, suffix: str) -> None:
    stage = Stage(qtbot)
    controller = stage.controller
    controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    path = tmp_path / f"figure.{suffix}"
    stage.dock.panel.export(path)
    drawn = controller.scene
    controller.reset_all()
    files = Files(controller, Settings(), stage.window)
    films: list[bool] = []
    files.film_opened.connect(lambda: films.append(True))
    files.open(path)
    assert (controller.scene.panes, controller.scene.origin) == (drawn.panes, drawn.origin)
    assert controller.document.path is None  # what is saved next does not write over the figure
    assert films == []


@pytest.mark.parametrize(
    "data",
    [
        b"<svg></svg>",
        b'<?xml version="1.0"?><svg><metadata id="latent_explorer">{',
        b"%PDF-1.4 none",
        b"%PDF\n7 0 obj\nstream\nno zlib\n/EF <</F 7 0 R>>\n/Type/Filespec",
        b"%PDF\n/EF <</F 7 0 R>>\n/Type/Filespec",
    ],
)
def test_drawings_of_others_and_damaged_ones_carry_no_scene(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(SceneError, match="carries no scene"):
        embed.read(tmp_path / "other")


def test_lines_of_a_picture_are_as_thick_as_on_the_screen(qtbot: QtBot, tmp_path: Path) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0)
    stage.answer(field())
    panel = stage.dock.panel
    pens: list[float] = []
    widths = lambda: (panel.plot._path.opts["pen"].widthF(), panel.curves._lines[0].opts["pen"].widthF())  # noqa: E731
    before, paint = widths(), panel.plot.paint
    panel.plot.paint = lambda *ratio: (paint(*ratio), pens.append(widths()[0]))  # type: ignore[method-assign]
    for suffix, ratio in (("png", 2.0), ("svg", 1.0), ("pdf", 1.0)):
        pens.clear()
        panel.export(tmp_path / f"figure.{suffix}")
        assert pens == pytest.approx([2.6 * ratio, before[0]])
        assert widths() == before


def test_a_caption_takes_the_lines_that_it_needs(qtbot: QtBot, tmp_path: Path) -> None:
    stage = Stage(qtbot)
    for name in ("azimuth", "size", "shape", "hue"):
        stage.controller.move_control(0, name, 1.0)
        stage.answer(field())
    panel = stage.dock.panel
    below = []
    for width in (1300, 460):
        stage.window.resize(width, 460)
        qtbot.waitUntil(lambda width=width: abs(panel.plots.width() - width) < 40)
        panel.export(tmp_path / "figure.png")
        below.append(QImage(str(tmp_path / "figure.png")).height() // 2 - panel.plots.height())
    line = panel.plots.fontMetrics().height()
    assert below[1] >= below[0] + line
    assert panel.caption().endswith("whose slope the field is")


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
