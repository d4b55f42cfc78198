"""Types into fields as a hand does: clicks, and every letter as a key event of its own, of whatever script."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QWidget

LOCALES = ("C", "en_US", "de_DE", "fa_IR", "ar_EG")
LEFT = Qt.MouseButton.LeftButton


def line_of(field: QWidget) -> QLineEdit:
    """The line that the mouse meets."""
    line = field.lineEdit() if isinstance(field, QAbstractSpinBox) else field
    assert isinstance(line, QLineEdit)
    return line


def click(field: QWidget) -> None:
    """A click in the middle of ``field``."""
    QTest.mouseClick(line_of(field), LEFT)


def double_click(field: QWidget) -> None:
    """Two clicks, as the window system sends them."""
    line = line_of(field)
    QTest.mouseClick(line, LEFT)
    QTest.mouseDClick(line, LEFT)


def type_text(field: QWidget, text: str) -> None:
    """Every letter of ``text`` as a key; QTest knows Latin-1 only."""
    for letter in text:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            key = ord(letter.upper()) if letter.isascii() else 0
            QApplication.sendEvent(field, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, letter))
