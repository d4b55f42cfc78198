"""Timeline, bookmarks, palette and export as parts of the whole window, reached by their shortcuts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from quiet import CARD
from test_main_window import Desk

from explorer.export.options import decode_options
from explorer.scene.cards import Badge, ControlCard
from explorer.scene.editing import edit_of, side_by_side
from explorer.scene.model import Blend, ControlSetRef, Seed, StoredLatent
from explorer.service.replies import Exported, JobProgress, SamplesDrawn
from explorer.service.requests import DrawSamples, ExportScene
from explorer.ui.controls.row import ControlRow
from explorer.ui.files.bookmarks import describe
from explorer.ui.files.export_dialog import ExportDialog
from explorer.ui.files.export_plan import KINDS, default_name

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: QApplication, qtbot: QtBot) -> Iterator[Desk]:
    made = Desk()
    made.begin()
    made.window.open_model(CARD.name)
    made.window.activateWindow()
    qtbot.waitUntil(lambda: made.window.isActiveWindow())
    yield made
    made.close()


def press(desk: Desk, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Type into the window, as the window system would."""
    QTest.keyClick(desk.window.windowHandle(), key, modifier)


def test_k_and_space_from_anywhere(desk: Desk) -> None:
    desk.controller.move_control(0, "azimuth", -1.0)
    press(desk, Qt.Key.Key_K)
    desk.window.timeline.go_to(4.0)
    desk.controller.move_control(0, "azimuth", 1.0)
    press(desk, Qt.Key.Key_K)
    assert [len(track.keys) for track in desk.controller.scene.timeline.amounts] == [2]
    desk.window.canvas.setFocus()
    press(desk, Qt.Key.Key_Space)
    assert desk.window.timeline.player.playing
    press(desk, Qt.Key.Key_Space)
    assert not desk.window.timeline.player.playing


def test_space_presses_the_button_that_has_the_focus(desk: Desk) -> None:
    desk.window.timeline.header.key.setFocus()
    press(desk, Qt.Key.Key_Space)
    assert desk.controller.scene.timeline.origin.keys  # the keyframe button did what a click does
    assert not desk.window.timeline.player.playing


def test_the_tool_bar_names_the_model_and_its_tip_says_what_it_is(desk: Desk) -> None:
    button = desk.window.bar.model
    assert button.text() == CARD.name
    assert f"{CARD.name} · VAE · 12×8" in button.toolTip()
    assert button.width() >= button.sizeHint().width(), "the name is cut short"


def test_the_seed_is_that_of_the_selected_row_everywhere(desk: Desk) -> None:
    controller = desk.controller
    sets = [controller.scene.panes[0].controls, ControlSetRef(method="random")]
    controller.apply(side_by_side(controller.scene, sets, (10, 20)), "Compare methods")
    assert desk.window.bar.seed.value() == 10
    controller.select_pane(3)
    assert desk.window.bar.seed.value() == 20
    desk.window.table["next_seed"].trigger()
    assert [controller.scene.origin_of(pane) for pane in range(4)] == [Seed(10), Seed(10), Seed(21), Seed(21)]
    assert desk.window.bar.seed.value() == 21
    desk.window.table["add_bookmark"].trigger()
    assert controller.scene.bookmarks[0].name == "Seeds 10, 21"
    assert "seeds 10, 21" in describe(controller.scene.bookmarks[0])
    picture = next(kind for kind in KINDS if kind.kind == "png")
    assert default_name(controller.scene, CARD, picture) == "toy.png"
    controller.set_seed(10)
    assert default_name(controller.scene, CARD, picture) == "toy-seed10.png"


def test_where_there_is_no_seed_none_is_shown_and_one_can_be_typed(desk: Desk) -> None:
    controller, field = desk.controller, desk.window.bar.seed
    controller.set_seed(5)
    for origin, text in (
        (StoredLatent("z", (4,), bytes(16)), "stored"),
        (Blend((Seed(1), Seed(2)), (0.5, 0.5)), "between"),
    ):
        controller.set_origin(origin, "Start elsewhere")
        assert field.text() == text
        field.setFocus()
        QTest.keyClicks(field, "7")
        QTest.keyClick(field, Qt.Key.Key_Escape)
        assert (controller.scene.origin, field.text()) == (origin, text)
        field.selectAll()
        QTest.keyClicks(field, "5")  # as it was before
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert controller.scene.origin == Seed(5)
        assert field.text() == "5"
        controller.undo()
        assert field.text() == text
        controller.undo()
        assert field.text() == "5"


def test_letters_typed_into_a_field_are_letters(desk: Desk) -> None:
    desk.window.controls.filter.setFocus()
    press(desk, Qt.Key.Key_K)
    press(desk, Qt.Key.Key_T)
    assert desk.window.controls.filter.text() == "kt"
    assert not desk.controller.scene.timeline.origin.keys


def test_a_bookmark_is_seen_as_it_was_kept(desk: Desk) -> None:
    desk.controller.move_control(0, "azimuth", -1.0)
    press(desk, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    press(desk, Qt.Key.Key_K)
    desk.window.timeline.go_to(4.0)
    desk.controller.move_control(0, "azimuth", 1.0)
    press(desk, Qt.Key.Key_K)
    desk.window.bookmarks.go_to(0)
    desk.window.timeline.go_to(4.0)
    assert edit_of(desk.controller.shown_scene.panes[0], "azimuth").amount == 1.0
    desk.window.bookmarks.go_to(0)
    assert edit_of(desk.controller.shown_scene.panes[0], "azimuth").amount == -1.0


def test_the_palette_opens_a_slider(desk: Desk) -> None:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(desk, Qt.Key.Key_P, both)
    assert desk.window.palette_box.isVisible()
    press(desk, Qt.Key.Key_Escape)
    press(desk, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    field = desk.window.palette_box.field
    assert field.hasFocus()
    QTest.keyClicks(field, "hue")
    press(desk, Qt.Key.Key_Return)
    row = next(row for row in desk.window.controls.rows() if row.card.name == "hue")
    assert row.slider.hasFocus()


@pytest.mark.parametrize("pixels", [False, True])
def test_an_export_from_the_shortcut_to_the_folder(
    desk: Desk, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: bool
) -> None:
    if desk.window.table["pixels"].isChecked() != pixels:
        press(desk, Qt.Key.Key_P)

    def fill_in() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, ExportDialog):
            return  # not open yet
        timer.stop()
        dialog.path.setText(str(tmp_path / "still.png"))
        dialog.accept()

    timer = QTimer()
    timer.timeout.connect(fill_in)
    timer.start(5)
    press(desk, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    (request,) = [one for one in desk.client.sent if isinstance(one, ExportScene)]
    assert request.path == str(tmp_path / "still.png")
    assert decode_options(request.options).scaling == ("pixels" if pixels else "smooth")  # as the canvas shows it
    desk.client.reply(JobProgress(request_id=request.request_id, title="Export still.png", share=0.5, remaining=3.0))
    desk.client.reply(Exported(request_id=request.request_id, path=request.path, seconds=1.0))
    assert any("still.png" in sentence for sentence in desk.window.toasts.sentences())
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    desk.window.table["show_export"].trigger()
    assert [Path(url.toLocalFile()) for url in opened] == [tmp_path]
    assert desk.window.settings.export_folder == str(tmp_path)


def test_the_keys_of_labelling_are_the_windows_again_elsewhere(desk: Desk) -> None:
    desk.controller.duplicate_pane()
    desk.window.table["label_samples"].trigger()
    panel = desk.window.labelling.panel
    for key in (Qt.Key.Key_S, Qt.Key.Key_Z, Qt.Key.Key_Return):
        press(desk, key)
    assert desk.controller.labelling.attributes() == ["sz"], "letters in a name are letters"
    asked = desk.client.sent[-1]
    assert isinstance(asked, DrawSamples)
    desk.client.reply(
        SamplesDrawn(
            request_id=asked.request_id,
            model=asked.model,
            seeds=asked.seeds,
            width=2,
            height=2,
            pictures=tuple(bytes(12) for _ in asked.seeds),
        )
    )
    zoom, labelling = desk.window.table["zoom_pane"], desk.controller.labelling
    assert QApplication.focusWidget() is panel.sample
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_Z):
        press(desk, key)
    assert labelling.current is not None
    assert (labelling.current.count, labelling.current.skipped) == (1, set())
    assert not desk.window.timeline.player.playing
    assert not zoom.isChecked()
    desk.window.canvas.setFocus()
    press(desk, Qt.Key.Key_Z)
    assert zoom.isChecked()
    assert labelling.current.count == 1


@pytest.mark.parametrize("badge", ["", "active"])
def test_a_row_of_a_slider_opens_no_window_of_its_own(desk: Desk, badge: Badge) -> None:
    opened: list[QWidget] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
                opened.append(watched)
            return False

    watch = Watch()
    QApplication.instance().installEventFilter(watch)  # type: ignore[union-attr]
    row = ControlRow(ControlCard(name="z1", space="z", low=-1, high=1, figure="99%", badge=badge), 40)
    QApplication.instance().removeEventFilter(watch)  # type: ignore[union-attr]
    assert not opened, "a window that flashes up takes the keys away"
    row.deleteLater()
