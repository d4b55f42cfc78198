"""Bookmarks: kept, gone to, renamed and deleted as single steps; their pictures come from the engine, once."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow
from pytestqt.qtbot import QtBot
from quiet import controller_on

from explorer.files import cache_folder
from explorer.scene.model import Quality, Seed
from explorer.scene.timeline import set_amount_key
from explorer.scene.validate import validate_scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.files.bookmarks import BookmarksPanel, picture_of

pytestmark = pytest.mark.gui


class Desk:
    """A panel on a toy model."""

    def __init__(self, qtbot: QtBot, panes: int = 1) -> None:
        self.controller, self.client = controller_on(panes)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        table = ActionTable(self.window)
        self.panel = BookmarksPanel(self.controller, table)
        self.window.setCentralWidget(self.panel)
        self.window.resize(240, 300)
        self.window.show()

    def add(self) -> None:
        self.panel.add()

    def names(self) -> list[str]:
        return [bookmark.name for bookmark in self.controller.scene.bookmarks]

    def color(self, row: int) -> int:
        item = self.panel.list.item(row)
        assert item is not None
        return item.icon().pixmap(58, 58).toImage().pixel(29, 29)


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_a_small_picture_that_is_a_draft_is_called_one(desk: Desk) -> None:
    desk.add()
    item = desk.panel.list.item(0)
    assert item is not None
    assert desk.client.shown[-1][1].quality == Quality(steps=4)
    assert item.toolTip().splitlines()[-1] == "small picture: draft · 4 of 50 steps"
    desk.controller.set_steps(4)
    desk.client.draw()
    item = desk.panel.list.item(0)
    assert item is not None
    assert "draft" not in item.toolTip()


def test_add_go_rename_delete_are_single_steps(desk: Desk) -> None:
    controller = desk.controller
    controller.set_seed(42)
    controller.move_control(0, "azimuth", 1.5)
    desk.panel.add()
    kept = controller.scene
    controller.set_seed(7)
    controller.reset_all()
    controller.set_truncation(0.2)
    desk.panel.add()
    assert desk.names() == ["Seed 42", "Seed 7"]
    steps = controller.undo_stack.count()
    desk.panel.go_to(0)
    assert controller.undo_stack.count() == steps + 1
    assert (controller.scene.origin, controller.scene.panes) == (kept.origin, kept.panes)
    assert controller.scene.truncation_psi == kept.truncation_psi
    assert len(controller.scene.bookmarks) == 2
    controller.undo()
    assert controller.scene.origin == Seed(7)
    desk.panel.rename(0, "  the smile ")
    desk.panel.remove(1)
    assert desk.names() == ["the smile"]
    controller.undo()
    controller.undo()
    assert desk.names() == ["Seed 42", "Seed 7"]


def test_the_same_seed_twice_gets_another_name(desk: Desk) -> None:
    for _ in range(3):
        desk.panel.add()
    assert desk.names() == ["Seed 3", "Seed 3 (2)", "Seed 3 (3)"]


def test_pictures_come_from_the_engine_once_and_in_turn(desk: Desk) -> None:
    desk.client.draw()
    asked = len(desk.client.shown)
    empty = None
    for seed in (10, 20, 30):
        desk.controller.set_seed(seed)
        desk.panel.add()
        empty = empty or desk.color(0)
    shown = [view for _, view in desk.client.shown[asked:]]
    thumbs = [view for view in shown if view.quality.steps == 4]
    assert len(thumbs) == 1  # one at a time: the canvas goes first
    while desk.client.draw():
        pass
    colors = {desk.color(row) for row in range(3)}
    assert len(colors) == 3
    assert empty not in colors
    asked = len(desk.client.shown)
    desk.controller.undo()
    desk.controller.redo()
    other = BookmarksPanel(desk.controller, ActionTable(desk.window))
    assert desk.client.draw() == 0  # from memory, or from disk
    assert other.list.count() == 3
    other.deleteLater()
    assert len(list((cache_folder() / "thumbnails").glob("*.kept"))) == 3


def test_a_damaged_picture_on_disk_is_rendered_again(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.add()
    while desk.client.draw():
        pass
    (kept,) = (cache_folder() / "thumbnails").glob("*.kept")
    kept.write_bytes(b"not a picture")
    again = Desk(qtbot)
    again.panel.add()
    assert again.client.draw() == 2  # the pane and the thumbnail
    assert picture_of(again.controller.scene.bookmarks[0]) == picture_of(desk.controller.scene.bookmarks[0])


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", "/proc/no-such-place")
    before = desk.color(0) if desk.panel.list.count() else 0
    desk.panel.add()
    while desk.client.draw():
        pass
    assert desk.color(0) != before


def test_keyboard(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.add()
    desk.controller.set_seed(9)
    desk.panel.add()
    view = desk.panel.list
    view.setFocus()
    view.setCurrentRow(0)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert desk.controller.scene.origin == Seed(3)
    QTest.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    assert editor is not None
    QTest.keyClicks(editor, "start")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.names()[0] == "start")
    view.setCurrentRow(0)
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert desk.names() == ["Seed 9"]


def test_going_to_fewer_panes_leaves_a_valid_scene(qtbot: QtBot) -> None:
    desk = Desk(qtbot, panes=1)
    desk.panel.add()
    desk.controller.add_pane()
    scene = set_amount_key(desk.controller.scene, 1, "random azimuth", 1.0, 1.0)
    scene = set_amount_key(scene, 0, "azimuth", 1.0, 1.0)
    desk.controller.apply(scene, "keys")
    desk.panel.go_to(0)
    validate_scene(desk.controller.scene)
    assert [track.pane for track in desk.controller.scene.timeline.amounts] == [0]


def test_empty_says_what_to_do(desk: Desk) -> None:
    assert desk.panel._hint.isVisible()
    desk.panel.add()
    assert not desk.panel._hint.isVisible()


def test_a_closed_panel_is_freed(qtbot: QtBot, tmp_path: Path) -> None:
    controller, _ = controller_on()
    window = QMainWindow()
    qtbot.addWidget(window)
    table = ActionTable(window)
    panel = BookmarksPanel(controller, table)
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None


def test_the_picture_of_the_chosen_bookmark_keeps_its_colours(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.add()
    icon = desk.panel.list.item(0).icon()
    plain, chosen = (icon.pixmap(QSize(40, 40), mode).toImage() for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected))
    assert chosen == plain
