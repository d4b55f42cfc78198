"""The command palette: typing finds, Enter runs, Escape leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from explorer.ui.actions.palette import ROWS, CommandPalette, PaletteEntry

pytestmark = pytest.mark.gui


class Desk:
    """A window with a field that has the focus, and a palette whose entries note that they ran."""

    def __init__(self, qtbot: QtBot) -> None:
        self.ran: list[str] = []
        self.window = QWidget()
        self.window.resize(900, 600)
        self.field = QLineEdit(self.window)
        qtbot.addWidget(self.window)
        self.names = ["Open model…", "Open scene…", "Add keyframe", "Undo", *(f"Move z{n}" for n in range(30))]
        self.palette = CommandPalette(self.window, self.collect)
        self.window.show()
        self.window.activateWindow()
        self.field.setFocus()
        qtbot.waitUntil(lambda: self.window.isActiveWindow())

    def collect(self) -> list[PaletteEntry]:
        return [PaletteEntry(name, lambda name=name: self.ran.append(name)) for name in self.names]  # type: ignore[misc]

    def texts(self) -> list[str]:
        found = [self.palette.list.item(row) for row in range(self.palette.list.count())]
        return [item.text() for item in found if item is not None]


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    made.palette.close_again()


def test_letters_filter_and_enter_runs(desk: Desk) -> None:
    desk.palette.open()
    assert desk.palette.field.hasFocus()
    QTest.keyClicks(desk.palette.field, "akf")
    assert desk.texts()[0] == "Add keyframe"
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Return)
    assert desk.ran == ["Add keyframe"]
    assert not desk.palette.isVisible()
    assert desk.field.hasFocus()  # back where it was


def test_arrows_choose_and_wrap(desk: Desk) -> None:
    desk.palette.open()
    QTest.keyClicks(desk.palette.field, "open")
    assert desk.texts() == ["Open model…", "Open scene…"]
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Down)
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Down)
    assert desk.palette.list.currentRow() == 0
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Up)
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Return)
    assert desk.ran == ["Open scene…"]


def test_escape_and_a_click_elsewhere_close_it(desk: Desk) -> None:
    desk.palette.open()
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Escape)
    assert not desk.palette.isVisible()
    desk.palette.open()
    desk.field.setFocus()
    assert not desk.palette.isVisible()
    assert desk.ran == []


def test_nothing_found_says_so(desk: Desk) -> None:
    desk.palette.open("qqq")
    assert desk.palette.nothing.isVisible()
    QTest.keyClick(desk.palette.field, Qt.Key.Key_Return)
    assert desk.palette.isVisible()


def test_a_click_runs(desk: Desk) -> None:
    desk.palette.open("undo")
    item = desk.palette.list.item(0)
    assert item is not None
    where = desk.palette.list.visualItemRect(item).center()
    QTest.mouseClick(desk.palette.list.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert desk.ran == ["Undo"]


def test_a_long_list_scrolls_inside_the_window(desk: Desk) -> None:
    desk.palette.open()
    assert len(desk.texts()) == 34
    assert desk.palette.geometry().bottom() < desk.window.height()
    assert desk.palette.list.height() <= ROWS * desk.palette.list.sizeHintForRow(0) + 2
    desk.window.resize(320, 300)
    assert desk.window.rect().contains(desk.palette.geometry())


def test_entries_are_those_of_the_moment(desk: Desk) -> None:
    desk.palette.open()
    desk.palette.close_again()
    desk.names = ["Something new"]
    desk.palette.open()
    assert desk.texts() == ["Something new"]
