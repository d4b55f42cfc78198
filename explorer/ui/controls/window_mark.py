"""The mark of a slider that acts in some steps of the sampler alone."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from explorer.scene.model import StepWindow
from explorer.ui.look import theme

WIDTH = 26


class WindowMark(QWidget):
    """All steps as a bar, from noise at the left to the picture at the right, and in it those in which it acts. It is
    seen only where these are not all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._window: StepWindow | None = None
        self.setFixedSize(WIDTH, 18)
        self.hide()

    def show_window(self, window: StepWindow | None, tip: str) -> None:
        """Show ``window``, which ``tip`` says in words; None: nothing."""
        self._window = window
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setVisible(window is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._window is None:
            return
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(colors.track))
        painter.drawRoundedRect(QRectF(1, 6, WIDTH - 2, 6), 2, 2)
        painter.setBrush(theme.color(colors.accent))
        left, right = (1 + (1 - noise) * (WIDTH - 2) for noise in (self._window.high, self._window.low))
        painter.drawRoundedRect(QRectF(left, 4, max(2.0, right - left), 10), 2, 2)
