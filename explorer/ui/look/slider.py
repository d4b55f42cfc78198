"""A slider for real numbers: filled from zero, marked at zero, reset by a double click, usable by keyboard alone."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.look import theme

RADIUS = 6.0
FINE = 0.1  # with Shift held the handle moves this much slower than the mouse
STEPS = 60  # arrow keys cross the range in this many steps


class FloatSlider(QWidget):
    """Chooses a number in ``low`` .. ``high``; ``origin`` is where the fill begins and where a double click goes.

    A value outside the range (typed elsewhere) is kept, and the handle stands at the end. Keys: arrows one step,
    Page Up / Page Down ten, Home or Delete to the origin. ``Shift`` makes the mouse finer.

    With ``detents`` (ascending) it has ticks there, and while it snaps it stops at these and at the origin only; a
    step is then the way to the next one. ``Alt`` or ``Shift`` moves between them, and so does a typed value. A line
    under it may show part of its range.
    """

    moved = Signal(float, bool)  # value, whether the drag goes on

    def __init__(
        self,
        low: float,
        high: float,
        origin: float = 0.0,
        fill_from: float | None = None,
        parent: QWidget | None = None,
        detents: tuple[float, ...] = (),
    ) -> None:
        super().__init__(parent)
        self._detents = detents
        self._snapping = True
        self._turned = 0.0  # of the wheel, notches that have not moved the handle yet
        self._fill_from = fill_from  # None: the origin
        self._low, self._high, self._origin = low, high, origin
        self._value = origin
        self._interval: tuple[float, float] | None = None
        self._underlined: tuple[float, float] | None = None
        self._grabbed = False
        self._last_x = 0.0
        self._hovered = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(56)

    @property
    def value(self) -> float:
        return self._value

    @property
    def step(self) -> float:
        """How far one arrow key moves."""
        return (self._high - self._low) / STEPS

    def set_snapping(self, snapping: bool) -> None:
        """Whether the hand stops at detents only. Without detents nothing changes."""
        self._snapping = snapping

    def set_range(self, low: float, high: float, detents: tuple[float, ...] = (), origin: float | None = None) -> None:
        """Reach from ``low`` to ``high``, with these detents, and if given from another origin; the value stays."""
        origin = self._origin if origin is None else origin
        if (low, high, detents, origin) != (self._low, self._high, self._detents, self._origin):
            self._low, self._high, self._detents, self._origin = low, high, detents, origin
            self.update()

    def set_value(self, value: float) -> None:
        """Show ``value`` without a signal."""
        if value != self._value:
            self._value = value
            self.update()

    def set_interval(self, interval: tuple[float, float] | None) -> None:
        """Between which numbers it lies, where it is no number: a band, and a handle that says that it only stands in
        the middle."""
        if interval != self._interval:
            self._interval = interval
            self.update()

    def set_underlined(self, stretch: tuple[float, float] | None) -> None:
        """Draw a line under the numbers of ``stretch``; None: under none."""
        if stretch != self._underlined:
            self._underlined = stretch
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 22)

    # --- events ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return super().mousePressEvent(event)
        self._grabbed = True
        self._last_x = event.position().x()
        # On the handle the value stays; beside it the handle jumps under the pointer.
        if abs(self._last_x - self._x_of(self._value)) > RADIUS + 3:
            self._choose(self._stopped(self._value_at(self._last_x), event.modifiers()), True)
        self.update()
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._grabbed:
            return
        x = event.position().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            change = (x - self._last_x) / self._span() * (self._high - self._low) * FINE
            self._choose(self._clamped(self._value + change), True)
        else:
            self._choose(self._stopped(self._value_at(x), event.modifiers()), True)
        self._last_x = x

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed and event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = False
            self.moved.emit(self._value, False)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._origin, False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Only with the focus: a wheel that scrolls the list must not move what it happens to pass.
        if not self.hasFocus():
            event.ignore()
            return
        notches = event.angleDelta().y() / 120
        if self._stops(event.modifiers()):  # a touch pad sends small shares of a notch, and a stop is a whole one
            self._turned += notches
            notches = int(self._turned)
            self._turned -= notches
        if notches:
            self._choose(self._stepped(notches, event.modifiers()), False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if steps is not None:
            # Held down it is a drag: one step of undo, interactive quality, ended by the release of the key.
            self._choose(self._stepped(steps, event.modifiers()), True)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._choose(self._origin, False)
        elif event.key() == Qt.Key.Key_End:
            self._choose(self._high, False)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        moves = (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_PageUp,
                 Qt.Key.Key_PageDown)  # fmt: skip
        if event.key() in moves and not event.isAutoRepeat():
            self.moved.emit(self._value, False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        if self._grabbed:
            self._grabbed = False
            self.moved.emit(self._value, False)
        super().focusOutEvent(event)

    def enterEvent(self, event: QEvent) -> None:
        self._hovered = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        left, right = self._x_of(self._low), self._x_of(self._high)
        zero, here = self._x_of(self._origin), self._x_of(self._value)
        start = zero if self._fill_from is None else self._x_of(self._fill_from)
        accent = colors.accent if self.isEnabled() else colors.muted
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(colors.track))
        painter.drawRoundedRect(QRectF(left, middle - 2, right - left, 4), 2, 2)
        if self._underlined is not None:
            first, last = (self._x_of(end) for end in self._underlined)
            painter.setBrush(theme.color(colors.green if self.isEnabled() else colors.muted))
            painter.drawRect(QRectF(first, middle + 8, max(1.0, last - first), 2))
        painter.setBrush(theme.color(colors.muted, 0.75))
        for detent in self._detents:
            painter.drawRect(QRectF(self._x_of(detent) - 0.5, middle - 5, 1, 10))
        if self._interval is None:
            painter.setBrush(theme.color(accent))
            painter.drawRoundedRect(QRectF(min(start, here), middle - 2, abs(here - start), 4), 2, 2)
        else:
            low, high = (self._x_of(end) for end in self._interval)
            painter.setBrush(theme.color(accent, 0.4))
            painter.drawRoundedRect(QRectF(low, middle - 4, max(2.0, high - low), 8), 3, 3)
        painter.setBrush(theme.color(colors.muted))
        painter.drawRect(QRectF(zero - 0.5, middle - 5, 1, 10))
        if self.hasFocus():
            painter.setBrush(theme.color(accent, 0.28))
            painter.drawEllipse(QPointF(here, middle), RADIUS + 4, RADIUS + 4)
        filled = self._grabbed or self._hovered
        painter.setBrush(theme.color(accent if filled and self.isEnabled() else colors.panel))
        unsure = self._interval is not None and not filled
        painter.setPen(QPen(theme.color(accent), 1.6, Qt.PenStyle.DotLine if unsure else Qt.PenStyle.SolidLine))
        painter.drawEllipse(QPointF(here, middle), RADIUS, RADIUS)

    # --- inside ---

    def _span(self) -> float:
        return max(1.0, self.width() - 2 * (RADIUS + 4))

    def _x_of(self, value: float) -> float:
        share = (self._clamped(value) - self._low) / ((self._high - self._low) or 1.0)
        return RADIUS + 4 + share * self._span()

    def _value_at(self, x: float) -> float:
        return self._clamped(self._low + (x - RADIUS - 4) / self._span() * (self._high - self._low))

    def _clamped(self, value: float) -> float:
        return min(max(value, self._low), self._high)

    def _stops(self, modifiers: Qt.KeyboardModifier) -> list[float]:
        """Where the hand may leave the handle now; empty: anywhere."""
        free = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier
        if not self._detents or not self._snapping or modifiers & free:
            return []
        return sorted({*self._detents, self._origin})

    def _stopped(self, value: float, modifiers: Qt.KeyboardModifier) -> float:
        """The stop nearest to ``value``; without stops the origin when the handle is within two pixels of it, so that
        it can be hit."""
        if stops := self._stops(modifiers):
            return min(stops, key=lambda stop: abs(stop - value))
        near = 2 / self._span() * (self._high - self._low)
        return self._origin if abs(value - self._origin) < near else value

    def _stepped(self, steps: float, modifiers: Qt.KeyboardModifier) -> float:
        """Where so many steps lead: stops are counted from the nearest one that way, else shares of the range."""
        if stops := self._stops(modifiers):
            if steps > 0:
                ahead = [stop for stop in stops if stop > self._value + 1e-4]
            else:
                ahead = [stop for stop in reversed(stops) if stop < self._value - 1e-4]
            count = min(len(ahead), max(1, round(abs(steps))))
            return ahead[count - 1] if count else self._value
        fine = FINE if modifiers & Qt.KeyboardModifier.ShiftModifier else 1.0
        return self._clamped(self._value + steps * self.step * fine)

    def _choose(self, value: float, dragging: bool) -> None:
        if value != self._origin:  # which is somebody else's number, to be given back as it is
            value = round(value, 4)
        if value == self._value and dragging:
            return
        self._value = value
        self.update()
        self.moved.emit(value, dragging)
