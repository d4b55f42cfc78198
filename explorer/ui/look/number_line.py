"""The line into which numbers are typed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLineEdit


class NumberLine(QLineEdit):
    """A line for numbers: a click selects all of it, unless something is being typed."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and not self.hasSelectedText() and not self.isModified():
            self.selectAll()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.selectAll()  # a word of a number is no number
        else:
            super().mouseDoubleClickEvent(event)
