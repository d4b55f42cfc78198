"""Parts of the panels of tables: what stands there before there is one, what is scrolled, and the small print."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics, QPalette
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

WIDTH = 560
"""Of a sentence that is read and not scanned."""


def invitation_page(title: QLabel, sentence: QLabel) -> QWidget:
    """A page with a large ``title`` and a quiet ``sentence`` below it, in the upper half."""
    font = QFont(title.font())
    font.setPointSizeF(font.pointSizeF() * 1.2)
    font.setBold(True)
    title.setFont(font)
    sentence.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    sentence.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    sentence.setFixedWidth(WIDTH)
    page = QWidget()
    column = QVBoxLayout(page)
    column.addStretch(1)
    for label in (title, sentence):
        column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
    column.addStretch(2)
    return page


def scrolled(widget: QWidget) -> QScrollArea:
    """``widget`` in a frameless area that scrolls where there is no room."""
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setWidget(widget)
    return area


def small_print(label: QLabel, lines: int) -> QScrollArea:
    """``label`` small and quiet, of which ``lines`` are seen at once."""
    font = QFont(label.font())
    font.setPointSizeF(font.pointSizeF() * 0.9)
    label.setFont(font)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    area = scrolled(label)
    area.setFixedHeight(lines * QFontMetrics(font).lineSpacing() + 2)
    return area
