"""What is said below the graph: what is done and what follows, how that is spread, and what a check has told. It is as
high as the panel allows, whatever it says, so that the graph stands still; what is longer scrolls.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from explorer.ui.causes.badges import BadgeRow
from explorer.ui.look.pages import scrolled
from explorer.ui.look.widgets import WrappedLabel

LEAST_LINES, MOST_LINES = 2, 5
LOW_PANEL, LINE_FOR = 320, 30
"""Pixels of a panel that has room for the fewest lines, and for each one more."""


class Words(QWidget):
    """``badges`` are its last line, and their button stands beside all of it."""

    def __init__(self, badges: BadgeRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence, self.spreads = WrappedLabel(), WrappedLabel()
        self.spreads.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        lines = QWidget()
        column = QVBoxLayout(lines)
        column.setContentsMargins(10, 0, 4, 4)
        column.setSpacing(4)
        for part in (self.sentence, self.spreads, badges):
            column.addWidget(part)
        column.addStretch(1)
        self.area = scrolled(lines)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 10, 4)
        row.addWidget(self.area, 1)
        row.addWidget(badges.button, 0, Qt.AlignmentFlag.AlignTop)
        policy = badges.button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        badges.button.setSizePolicy(policy)
        self.say("", "")
        self.fit(LOW_PANEL)

    def say(self, sentence: str, spreads: str) -> None:
        """Show both; nothing for what is empty."""
        for label, text in ((self.sentence, sentence), (self.spreads, spreads)):
            label.setText(text)
            label.setVisible(bool(text))

    def fit(self, height: int) -> None:
        """Take the height that a panel of ``height`` pixels has for it."""
        lines = LEAST_LINES + max(0, height - LOW_PANEL) // LINE_FOR
        self.setFixedHeight(min(lines, MOST_LINES) * self.fontMetrics().lineSpacing() + 12)
