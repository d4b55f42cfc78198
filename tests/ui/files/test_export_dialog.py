"""The export dialog: says before it starts what will come out, or in one sentence what is in the way."""

from __future__ import annotations

import gc
import weakref
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QImage, QPainter, QStandardItemModel
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on, controls

from explorer.export.options import ExportOptions, SheetOptions, decode_options
from explorer.export.ranges import RANGES
from explorer.scene import editing
from explorer.scene.model import ControlSetRef
from explorer.scene.timeline import set_amount_key
from explorer.service.replies import ControlsPreview, Stopped
from explorer.service.requests import ExportScene, FindControls
from explorer.ui.canvas.pane_paint import paint_image
from explorer.ui.files.export_dialog import TALLEST, ExportDialog
from explorer.ui.files.export_plan import KINDS, default_name, even_amounts, free_path, with_suffix
from explorer.ui.state.controller import Controller

pytestmark = pytest.mark.gui


class Desk:
    """A dialog on a toy scene with a moving control."""

    def __init__(self, qtbot: QtBot, folder: Path, panes: int = 1, moving: bool = True) -> None:
        self.controller: Controller
        self.client: QuietClient
        self.controller, self.client = controller_on(panes)
        if moving:
            for time, amount in ((0.0, -1.0), (4.0, 1.0)):
                self.controller.apply(set_amount_key(self.controller.scene, 0, "azimuth", time, amount), "key")
        self.dialog = ExportDialog(self.controller, str(folder))
        qtbot.addWidget(self.dialog)
        self.dialog.show()

    def choose(self, kind: str) -> None:
        self.dialog.kind.setCurrentIndex([one.kind for one in KINDS].index(kind))  # type: ignore[arg-type]

    def sent(self) -> ExportScene:
        (request,) = [request for request in self.client.sent if isinstance(request, ExportScene)]
        return request

    @property
    def can_start(self) -> bool:
        return self.dialog._go.isEnabled()


def test_a_video_starts_with_what_the_form_says(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    dialog = desk.dialog
    assert dialog.chosen.kind == "mp4"
    assert dialog.path.text() == str(tmp_path / "toy-azimuth.mp4")
    assert dialog.height_box.value() == 512
    # 96 frames there, 96 back; 12 x 8 pixels at 512 are 768 wide, with margins and captions.
    assert dialog.summary.text().startswith("192 frames · 8.0 s at 24 fps · ")
    dialog.labels.setChecked(False)
    assert dialog.summary.text() == "192 frames · 8.0 s at 24 fps · 768 × 512 pixels"
    dialog.quality.setCurrentIndex(2)
    started: list[int] = []
    dialog.started.connect(started.append)
    dialog.accept()
    request = desk.sent()
    assert started == [request.request_id]
    assert request.path == str(tmp_path / "toy-azimuth.mp4")
    assert request.scene == desk.controller.scene
    assert decode_options(request.options) == ExportOptions(
        kind="mp4", height=512, scaling="smooth", labels=False, crf=28
    )
    (job,) = desk.controller.jobs.running()
    assert job.path == request.path


@pytest.mark.parametrize("pixels", [False, True])
def test_pictures_are_enlarged_as_the_canvas_shows_them(qtbot: QtBot, tmp_path: Path, pixels: bool) -> None:
    import numpy as np

    from explorer.export.compose import scaled

    controller, _ = controller_on()
    dialog = ExportDialog(controller, str(tmp_path), pixels=pixels)
    qtbot.addWidget(dialog)
    small = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    made = scaled(small, 96, dialog.options().scaling)
    canvas = QImage(144, 96, QImage.Format.Format_RGB32)
    painter = QPainter(canvas)
    bgrx = np.concatenate([small[..., ::-1], np.full((8, 12, 1), 255, np.uint8)], axis=2).tobytes()
    image = QImage(bgrx, 12, 8, 48, QImage.Format.Format_RGB32)
    paint_image(painter, image, canvas.rect(), 1.0, pixels)
    painter.end()
    seen = np.frombuffer(canvas.constBits(), np.uint8).reshape(96, 144, 4)[..., 2::-1]
    # Qt rounds the weights of its bilinear mixture to a few bits.
    assert np.abs(made.astype(int) - seen).max() <= (0 if pixels else 4)
    dialog.scaling.setCurrentIndex(1 - dialog.scaling.currentIndex())
    other = scaled(small, 96, dialog.options().scaling)
    assert np.abs(other.astype(int) - seen).max() > 50


def test_what_a_cancelled_search_moved_is_not_exported(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path, panes=2, moving=False)
    controller, client = desk.controller, desk.client
    client.answers_models = False
    slow = ControlSetRef(method="slow")
    controller.set_method(1, slow)
    asked = next(one for one in reversed(client.sent) if isinstance(one, FindControls))
    client.reply(ControlsPreview(request_id=asked.request_id, model=asked.model, controls=slow, card=controls(slow)))
    desk.choose("png")
    for moved, cancelled in ((False, False), (False, True), (True, True)):
        if moved:
            controller.move_control(1, "slow hue", 1.0)
        if cancelled and not moved:
            client.reply(Stopped(request_id=asked.request_id))
        desk.dialog._refresh()
        assert desk.dialog._go.isEnabled() != moved  # what stands at 0 is exported as it is seen
    assert desk.dialog.problem.text().startswith("The search for the sliders of Slow was cancelled")
    desk.dialog.panes.setCurrentIndex(1)  # the other pane alone
    assert desk.dialog._go.isEnabled()


def test_what_is_said_is_what_comes_out(qtbot: QtBot, tmp_path: Path) -> None:
    import numpy as np

    from explorer.export.compose import Caption, compose

    desk = Desk(qtbot, tmp_path, panes=5)
    desk.choose("png")
    for height, labels in ((0, True), (100, True), (64, False), (512, True)):
        desk.dialog.height_box.setValue(height)
        desk.dialog.labels.setChecked(labels)
        pictures = [np.zeros((8, 12, 3), np.uint8)] * 5
        frame = compose(pictures, [Caption("name")] * 5 if labels else None, height)
        assert desk.dialog.summary.text() == f"{frame.shape[1]} × {frame.shape[0]} pixels"


def test_what_is_said_of_a_table_is_what_comes_out(qtbot: QtBot, tmp_path: Path) -> None:
    import numpy as np

    from explorer.export.compose import Caption, compose

    desk = Desk(qtbot, tmp_path)
    sets = (ControlSetRef(method="latent_axes"), ControlSetRef(method="random"), ControlSetRef(method="sefa"))
    desk.controller.apply(editing.side_by_side(desk.controller.scene, sets, (4, 5)), "Compare")
    desk.dialog = ExportDialog(desk.controller, str(tmp_path))
    qtbot.addWidget(desk.dialog)
    desk.choose("png")
    for labels in (True, False):
        desk.dialog.labels.setChecked(labels)
        captions = [Caption("name")] * 6 if labels else None
        frame = compose([np.zeros((8, 12, 3), np.uint8)] * 6, captions, 0, 3, ["a", "b", "c"])
        desk.dialog.height_box.setValue(0)
        assert desk.dialog.summary.text() == f"{frame.shape[1]} × {frame.shape[0]} pixels"


def test_a_still_shows_what_the_canvas_shows(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    seen = desk.controller.scene
    desk.choose("png")
    desk.controller.set_preview(Desk(qtbot, tmp_path, moving=False).controller.scene)
    assert desk.dialog.scene() == desk.controller.shown_scene != seen
    desk.choose("gif")
    assert desk.dialog.scene() == seen


def test_panes(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path, panes=3)
    desk.controller.select_pane(2)
    assert desk.dialog.options().pane == -1
    desk.dialog.panes.setCurrentIndex(1)
    assert desk.dialog.options().pane == 2
    assert not Desk(qtbot, tmp_path).dialog.panes.isVisible()


def test_nothing_moves(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path, moving=False)
    assert desk.dialog.chosen.kind == "png"
    assert desk.can_start
    desk.choose("mp4")
    assert "Nothing moves yet" in desk.dialog.problem.text()
    assert not desk.can_start
    desk.dialog.accept()
    assert not desk.controller.jobs.jobs()
    assert desk.dialog.isVisible()


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("mp4", "", "Choose where"),
        ("mp4", "a.png", "end in .mp4"),
        ("png", "a.jpg", "end in .png"),
        ("mp4", "/dev/null/a.mp4", "not a folder"),
        ("mp4", "{here}", "end in .mp4"),
        ("png_sequence", "{here}/full", "holds other files"),
        ("png_sequence", "{here}/file", "is a file"),
        ("png_sequence", "{here}/a.png", "without an extension"),
        ("mp4", "{here}/folder.mp4", "is a folder"),
    ],
)
def test_a_bad_path_is_told_in_one_sentence(qtbot: QtBot, tmp_path: Path, kind: str, path: str, words: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("precious")
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.mp4").mkdir()
    desk = Desk(qtbot, tmp_path)
    desk.choose(kind)
    desk.dialog.path.setText(path.format(here=tmp_path))
    assert words in desk.dialog.problem.text()
    assert not desk.can_start


def test_an_existing_file_is_warned_of_and_not_proposed(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "toy-azimuth.mp4").write_bytes(b"")
    desk = Desk(qtbot, tmp_path)
    assert desk.dialog.path.text() == str(tmp_path / "toy-azimuth-2.mp4")
    desk.dialog.path.setText(str(tmp_path / "toy-azimuth.mp4"))
    assert "will be replaced" in desk.dialog.problem.text()
    assert desk.can_start


def test_a_typed_path_keeps_its_stem_when_the_kind_changes(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    desk.dialog.path.setText(str(tmp_path / "my.clip.mp4"))
    desk.choose("gif")
    assert desk.dialog.path.text() == str(tmp_path / "my.clip.gif")
    desk.choose("png_sequence")
    assert desk.dialog.path.text() == str(tmp_path / "my.clip")


def test_contact_sheets(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    desk.controller.move_control(0, "hue", 1.0)
    desk = Desk(qtbot, tmp_path)
    desk.choose("sheet_pdf")
    sheet = desk.dialog.sheet
    assert desk.dialog.summary.text() == "4 rows × 7 columns · each 24 × 16 pixels"
    assert desk.dialog.options().sheet.amounts[0] == -2.0  # the slider's own range
    sheet.rows.setCurrentIndex(1)
    sheet.seeds.setText("0-2, 9")
    sheet.columns.setValue(3)
    assert desk.dialog.options().sheet == SheetOptions(
        rows="seeds", controls=("azimuth",), seeds=(0, 1, 2, 9), amounts=(-2.0, 0.0, 2.0)
    )
    assert desk.dialog.summary.text().startswith("4 rows × 3 columns")
    sheet.seeds.setText("0-2, x")
    assert desk.dialog.problem.text() == "'x' is no list of seeds; write one such as 0-4, 7, 42."
    assert not desk.can_start


def test_a_sheet_may_have_a_range_of_the_literature(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    desk.choose("sheet_png")
    sheet = desk.dialog.sheet
    items = sheet.range.model()
    assert isinstance(items, QStandardItemModel)
    usable = {one.name: items.item(index).isEnabled() for index, one in enumerate(RANGES)}
    # The toy has a normal prior, but neither an encoder nor a codebook.
    assert [name for name, can in usable.items() if can] == ["amounts", "std_gaussian", "fixed_interval"]
    why = sheet.range.itemData(sheet.range.findData("minmax"), Qt.ItemDataRole.ToolTipRole)
    assert "has no encoder" in why
    sheet.range.setCurrentIndex(sheet.range.findData("std_gaussian"))
    sheet.columns.setValue(5)
    sheet.base.click()
    assert desk.dialog.options().sheet == SheetOptions(range="std_gaussian", columns=5, base=True)
    assert desk.dialog.summary.text().startswith("4 rows × 6 columns")
    assert sheet.low.isHidden()
    sheet.range.setCurrentIndex(0)
    assert not sheet.low.isHidden()
    assert desk.dialog.options().sheet.range == "amounts"


def test_a_codebook_fills_as_many_columns_as_it_has_values(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    key, card = next(iter(desk.controller.catalogue._sets.items()))
    steps = tuple(float(step) for step in range(-2, 3))
    stepped = tuple(msgspec.structs.replace(one, detents=steps) for one in card.controls)
    desk.controller.catalogue._sets[key] = msgspec.structs.replace(card, controls=stepped)
    dialog = ExportDialog(desk.controller, str(tmp_path))
    qtbot.addWidget(dialog)
    dialog.kind.setCurrentIndex([one.kind for one in KINDS].index("sheet_png"))
    assert dialog.sheet.options() == SheetOptions(range="codebook")  # offered first: amounts would go past its ends
    assert dialog.sheet.columns.isHidden()
    assert dialog.summary.text().startswith("4 rows × 3 columns")


def test_a_closed_dialog_is_freed(qtbot: QtBot, tmp_path: Path) -> None:
    controller, _ = controller_on()
    dialog = ExportDialog(controller, str(tmp_path))
    gone = weakref.ref(dialog)
    dialog.deleteLater()
    del dialog
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None


@given(st.floats(-50, 50), st.floats(-50, 50), st.integers(1, 41))
def test_amounts_are_even(low: float, high: float, count: int) -> None:
    amounts = even_amounts(low, high, count)
    assert len(amounts) == count
    if count > 1:
        assert (amounts[0], amounts[-1]) == (round(low, 6), round(high, 6))
        steps = [b - a for a, b in pairwise(amounts)]
        assert max(steps) - min(steps) < 1e-5


def test_names_are_safe(tmp_path: Path) -> None:
    controller, _ = controller_on()
    scene = set_amount_key(controller.scene, 0, "hair/colour: blond?", 1.0, 1.0)
    name = default_name(scene, CARD, KINDS[0])
    assert name == "toy-hair-colour-blond.mp4"
    (tmp_path / name).write_text("")
    assert free_path(tmp_path, name).name == "toy-hair-colour-blond-2.mp4"
    assert with_suffix("", KINDS[0]) == ""


def test_the_tallest_is_the_exporters() -> None:
    from explorer.export.run import TALLEST as OF_THE_EXPORTER

    assert TALLEST == OF_THE_EXPORTER
