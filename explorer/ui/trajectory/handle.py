"""One end of the window of steps: dragged, and moved by keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer.ui.look import theme

WIDTH = 15
PAGE = 5  # steps of Page Up and Page Down
KEYS = {
    Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1,
    Qt.Key.Key_PageUp: PAGE, Qt.Key.Key_PageDown: -PAGE,
}  # fmt: skip


class Handle(QWidget):
    """Stands at an edge between two steps. It says where the hand wants it, and is put there by whoever shows it."""

    dragged = Signal(float)  # to this place, in pixels of the parent
    stepped = Signal(int)  # by so many steps, while a key is held
    jumped = Signal(bool)  # as far as it goes: towards the end, else towards the beginning
    released = Signal()
    reached = Signal()  # by the keyboard

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._grip: float | None = None  # where the hand holds it, from its middle
        self.setAccessibleName(name)
        self.setToolTip(f"{name} in which the slider acts. Drag, or arrows: one step, Page Up / Page Down: {PAGE}, "
                        "Home / End: as far as it goes")  # fmt: skip
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)

    @property
    def is_held(self) -> bool:
        """Whether the mouse holds it."""
        return self._grip is not None

    def place(self, x: float, height: int) -> None:
        """Stand with its middle at ``x``, as high as ``height``."""
        self.setGeometry(round(x - WIDTH / 2), 0, WIDTH, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position().x() - WIDTH / 2
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            self.dragged.emit(self.mapToParent(event.position()).x() - self._grip)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._let_go()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in KEYS:
            self.stepped.emit(KEYS[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.jumped.emit(key == Qt.Key.Key_End)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if Qt.Key(event.key()) in KEYS and not event.isAutoRepeat():
            self.released.emit()
        else:
            super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.reached.emit()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._let_go()
        super().focusOutEvent(event)
        self.update()

    def _let_go(self) -> None:
        if self._grip is not None:
            self._grip = None
            self.released.emit()
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors, middle, height = theme.current(), WIDTH / 2, self.height()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = theme.color(colors.accent if self.isEnabled() else colors.muted)
        painter.setPen(QPen(accent, 2))
        painter.drawLine(QPointF(middle, 0), QPointF(middle, height))
        grip = QRectF(middle - 4, height / 2 - 13, 8, 26)
        if self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(colors.accent, 0.3))
            painter.drawRoundedRect(grip.adjusted(-3, -3, 3, 3), 6, 6)
        painter.setPen(QPen(accent, 1.6))
        painter.setBrush(accent if self.is_held or self.underMouse() else theme.color(colors.panel))
        painter.drawRoundedRect(grip, 4, 4)
