"""A sentence beside a field that says why what was typed there was not taken. It goes by itself."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QWidget

from explorer.ui.look import theme

STAYS_MS = 10_000
WIDEST = 330  # pixels
_EDGE = 4  # pixels that it keeps from the field and from the edges of the window


class Remark(QLabel):
    """Lies over the window of its field, below it or, where there is no room, above. Nothing is moved by it, and it
    takes no click and no focus."""

    gone = Signal()

    def __init__(self, field: QWidget, sentence: str) -> None:
        super().__init__(sentence, field.window())
        self.setObjectName("remark")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setContentsMargins(9, 6, 9, 6)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._place(field)
        self.show()
        self.raise_()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self._timer.start(STAYS_MS)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.gone.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color(colors.red), 1.2))
        painter.setBrush(theme.color(colors.panel))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 5, 5)
        painter.end()
        super().paintEvent(event)

    def _place(self, field: QWidget) -> None:
        over = field.window()
        margins = self.contentsMargins()
        natural = self.fontMetrics().horizontalAdvance(self.text()) + margins.left() + margins.right() + 2
        width = min(WIDEST, over.width() - 2 * _EDGE, natural)
        height = self.heightForWidth(width)
        at = QRect(field.mapTo(over, QPoint(0, 0)), field.size())
        left = min(max(_EDGE, at.left()), over.width() - width - _EDGE)
        top = at.bottom() + _EDGE
        if top + height > over.height() - _EDGE:
            top = max(_EDGE, at.top() - height - _EDGE)
        self.setGeometry(left, top, width, height)
