"""The tracks of the timeline: shows rows that it is given and says what the hand wants; it changes nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QMenu, QToolTip, QWidget

from explorer.scene.validate import AMOUNT_LIMIT
from explorer.ui.look import theme
from explorer.ui.look.number_field import NumberField
from explorer.ui.look.numbers import DecimalField, SeedBox
from explorer.ui.timeline.geometry import KEY_RADIUS, RULER_HEIGHT, TimelineGeometry, snapped
from explorer.ui.timeline.paint import (
    Key,
    Marks,
    StillPicture,
    key_centre,
    paint_playhead,
    paint_reading,
    reading,
)
from explorer.ui.timeline.rows import TimelineRow

_GRIP = KEY_RADIUS + 4  # pixels around a diamond that count as on it
_LOCK = 3  # pixels after which a drag has a direction
_AMOUNT_PIXELS = 160  # a vertical drag of this length crosses the slider's whole range, however low the track is


class TimelineView(QAbstractScrollArea):
    """Signals speak of rows and keys as they are shown; times are in seconds, already on a frame."""

    scrubbed = Signal(float)
    scrub_ended = Signal()
    stepped = Signal(int)  # frames, from the arrow keys
    jumped = Signal(int)  # to the previous (-1) or next (+1) key, or to the start (-2) or the end (+2)
    key_grabbed = Signal(int, int)  # row, key
    key_dragged = Signal(int, int, float, float)  # row, key, time, amount
    key_released = Signal(int, int)
    key_added = Signal(int, float)  # row, time
    key_typed = Signal(int, int, object)  # row, key, amount or seed
    key_removed = Signal(int, int)
    row_removed = Signal(int)
    interpolation_chosen = Signal(int, str)  # row, lerp | slerp | smooth

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline_view")
        self.setAccessibleName("Timeline tracks")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        self._rows: tuple[TimelineRow, ...] = ()
        self._duration, self._fps = 4.0, 24
        self._playhead = 0.0
        self._parked = False
        self._hovered: Key | None = None
        self._selected: Key | None = None
        self._scrubbing = False
        self._grabbed: Key | None = None
        self._pressed = QPointF()
        self._start = (0.0, 0.0)  # time and amount of the grabbed key
        self._direction = ""  # "time" or "amount" once the drag has one
        self._still = StillPicture()
        self._typed_key: Key | None = None
        self._seed = SeedBox(self.viewport())
        self._amount = DecimalField(-AMOUNT_LIMIT, AMOUNT_LIMIT, decimals=2, step=0.1, parent=self.viewport())
        self._fields: tuple[NumberField, ...] = (self._seed, self._amount)  # one of which lies beside a diamond
        for field in self._fields:
            field.setFixedWidth(100)
            field.setAlignment(Qt.AlignmentFlag.AlignRight)
            field.hide()
            field.valueChanged.connect(self._type)
            field.editingFinished.connect(self._close_field)
            field.installEventFilter(self)

    # --- what it shows ------------------------------------------------------------------------------------------------

    def set_content(self, rows: Sequence[TimelineRow], duration: float, fps: int) -> None:
        """Show these rows. A selected key that is gone is selected no longer."""
        self._rows, self._duration, self._fps = tuple(rows), duration, fps
        if self._selected is not None and not self._exists(self._selected):
            self._selected = None
        self._hovered = None
        self._set_scroll_range()
        self.viewport().update()

    def set_playhead(self, time: float, parked: bool = False) -> None:
        """Move the line; only the strips it leaves and enters are painted. ``parked``: the picture is of no time."""
        if (time, parked) == (self._playhead, self._parked):
            return
        geometry = self.geometry_now()
        for x in (geometry.x(self._playhead), geometry.x(time)):
            self.viewport().update(QRect(int(x) - 8, 0, 17, self.viewport().height()))
        self._playhead, self._parked = time, parked

    @property
    def rows(self) -> tuple[TimelineRow, ...]:
        return self._rows

    @property
    def is_scrubbing(self) -> bool:
        """Whether the hand holds the playhead."""
        return self._scrubbing

    @property
    def selected(self) -> Key | None:
        return self._selected

    def select(self, key: Key | None) -> None:
        """Mark a diamond as the one that Delete and Enter mean."""
        self._selected = key
        self.viewport().update()

    def geometry_now(self) -> TimelineGeometry:
        """Where everything stands at this moment."""
        size = self.viewport().size()
        scroll = self.verticalScrollBar().value()
        return TimelineGeometry(size.width(), size.height(), self._duration, len(self._rows), scroll)

    def sizeHint(self) -> QSize:
        return QSize(640, 130)

    def minimumSizeHint(self) -> QSize:
        return QSize(280, RULER_HEIGHT + 36)

    # --- painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        geometry, colors = self.geometry_now(), theme.current()
        dragged = self._grabbed if self._direction else None
        selected_row = self._selected[0] if self._selected and self.hasFocus() else -1
        marks = Marks(self._hovered or dragged, self._selected, selected_row)
        painter = QPainter(self.viewport())
        still = self._still.picture(geometry, colors, self.font(), self._rows, marks, self.devicePixelRatioF())
        painter.drawPixmap(0, 0, still)
        paint_playhead(painter, geometry, colors, self._playhead, self._parked)
        if dragged is not None and self._exists(dragged):
            row = self._rows[dragged[0]]
            centre = key_centre(geometry, dragged[0], row, dragged[1])
            paint_reading(painter, geometry, colors, self.font(), centre, reading(row, dragged[1]))
        if self.hasFocus():
            painter.setPen(theme.color(colors.accent, 0.8))
            painter.drawLine(0, 0, geometry.width, 0)
        painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._set_scroll_range()
        super().resizeEvent(event)

    def _set_scroll_range(self) -> None:
        geometry = self.geometry_now()
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, geometry.content_height - geometry.height))
        bar.setPageStep(max(1, geometry.height - RULER_HEIGHT))
        bar.setSingleStep(geometry.row_height)

    # --- the mouse ----------------------------------------------------------------------------------------------------

    def key_at(self, position: QPointF) -> Key | None:
        """The diamond under ``position`` (pixels of the viewport); of several the nearest."""
        geometry = self.geometry_now()
        if position.y() < RULER_HEIGHT:
            return None
        near: list[tuple[float, Key]] = []
        for number, row in enumerate(self._rows):
            for index, time in enumerate(row.times):
                if time <= self._duration:
                    apart = key_centre(geometry, number, row, index) - position
                    if abs(apart.x()) <= _GRIP and abs(apart.y()) <= _GRIP:
                        near.append((apart.manhattanLength(), (number, index)))
        return min(near)[1] if near else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._pressed = event.position()
        key = self.key_at(self._pressed)
        self.select(key)
        if key is None:
            self._scrubbing = True
            self._scrub(event.position())
            return
        row = self._rows[key[0]]
        self._grabbed, self._direction = key, ""
        self._start = (row.times[key[1]], row.amounts[key[1]])
        self.key_grabbed.emit(*key)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._scrubbing:
            self._scrub(event.position())
        elif self._grabbed is not None:
            self._drag(event.position(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            self._hover(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self._scrubbing:
            self._scrubbing = False
            self.scrub_ended.emit()
        if self._grabbed is not None:
            key, self._grabbed, self._direction = self._grabbed, None, ""
            self.key_released.emit(*key)
            self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._scrubbing = False
        key, geometry = self.key_at(event.position()), self.geometry_now()
        row = geometry.row_at(event.position().y())
        if key is not None:
            self.edit_key(key)
        elif row >= 0 and event.position().x() >= geometry.left - _GRIP:
            self.key_added.emit(row, self._time_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.viewport().update()

    def _scrub(self, position: QPointF) -> None:
        self.scrubbed.emit(self._time_at(position))

    def _drag(self, position: QPointF, fine: bool) -> None:
        """A drag goes along the axis in which it began: a change of time never changes the amount by accident."""
        assert self._grabbed is not None
        number, index = self._grabbed
        row, moved = self._rows[number], position - self._pressed
        if not self._direction:
            if max(abs(moved.x()), abs(moved.y())) < _LOCK:
                return
            upright = abs(moved.y()) > abs(moved.x()) and not row.is_origin
            self._direction = "amount" if upright else "time"
        time, amount = self._start
        if self._direction == "time":
            geometry = self.geometry_now()
            time = snapped(geometry.time(geometry.x(time) + moved.x()), self._fps, self._duration)
        else:
            step = 0.01 if fine else 0.05
            amount -= moved.y() * (row.high - row.low) / _AMOUNT_PIXELS * (0.2 if fine else 1.0)
            amount = round(round(amount / step) * step, 4)
        self.key_dragged.emit(number, index, time, amount)

    def _hover(self, position: QPointF) -> None:
        key = self.key_at(position)
        if key != self._hovered:
            self._hovered = key
            self.viewport().update()
        geometry = self.geometry_now()
        on_line = abs(position.x() - geometry.x(self._playhead)) <= 4 or position.y() < RULER_HEIGHT
        shape = Qt.CursorShape.PointingHandCursor if key else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(Qt.CursorShape.SplitHCursor if on_line and key is None else shape)

    def _time_at(self, position: QPointF) -> float:
        return snapped(self.geometry_now().time(position.x()), self._fps, self._duration)

    # --- typing, keys, menu -------------------------------------------------------------------------------------------

    def edit_key(self, key: Key) -> None:
        """Open a field beside the diamond, to type its amount or its seed."""
        number, index = key
        row, geometry = self._rows[number], self.geometry_now()
        if row.is_origin and not row.texts[index].isdigit():
            return  # a stored latent has no number to type
        self._typed_key = key
        self.select(key)
        centre = key_centre(geometry, number, row, index)
        field = self._seed if row.is_origin else self._amount
        with QSignalBlocker(field):
            field.setValue(int(row.texts[index]) if row.is_origin else row.amounts[index])
        field.setAccessibleName(f"{'Seed' if row.is_origin else row.label} at {row.times[index]:.2f} s")
        field.adjustSize()
        x = min(int(centre.x()) + 12, geometry.width - field.width() - 4)
        y = min(max(0, int(centre.y()) - field.height() // 2), geometry.height - field.height())
        field.move(x, y)
        field.show()
        field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _type(self, number: float) -> None:
        if self._typed_key is not None:
            self.key_typed.emit(*self._typed_key, number)

    def _close_field(self) -> None:
        self._typed_key = None
        for field in self._fields:
            if field.isVisible():
                field.hide()
                self.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(watched, NumberField) or not isinstance(event, QKeyEvent):
            return False
        if event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() == Qt.Key.Key_Escape:
            watched.restore()
            self._close_field()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):  # not the tracks', which open the field again
            if watched.settle():
                self._close_field()
        else:
            return False
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, jump = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        many = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            sign = 1 if key == Qt.Key.Key_Right else -1
            self.jumped.emit(sign) if jump else self.stepped.emit(sign * (10 if many else 1))
        elif key == Qt.Key.Key_Home:
            self.jumped.emit(-2)
        elif key == Qt.Key.Key_End:
            self.jumped.emit(2)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._rows:
            self._select_row((self._selected[0] if self._selected else -1) + (1 if key == Qt.Key.Key_Down else -1))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._selected is not None:
            self.key_removed.emit(*self._selected)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2) and self._selected is not None:
            self.edit_key(self._selected)
        else:
            super().keyPressEvent(event)

    def _select_row(self, number: int) -> None:
        """Select, in the row above or below, the key nearest to the playhead."""
        number = min(max(number, 0), len(self._rows) - 1)
        times = self._rows[number].times
        seen = [index for index, time in enumerate(times) if time <= self._duration]
        nearest = min(seen, key=lambda index: abs(times[index] - self._playhead), default=None)
        self.select(None if nearest is None else (number, nearest))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu_at(QPointF(event.pos()))
        if menu is not None:
            menu.exec(event.globalPos())
            menu.deleteLater()

    def menu_at(self, position: QPointF) -> QMenu | None:
        """What a right click offers there: for a key, for a track, or nothing."""
        key = self.key_at(position)
        number = key[0] if key else self.geometry_now().row_at(position.y())
        if number < 0:
            return None
        row, time = self._rows[number], self._time_at(position)
        menu = QMenu(self)
        if key is not None:
            self.select(key)
            menu.addAction("Type seed…" if row.is_origin else "Type amount…", lambda: self.edit_key(key))
            menu.addAction("Delete keyframe", lambda: self.key_removed.emit(*key))
        elif position.x() >= self.geometry_now().left - _GRIP:
            menu.addAction("Add keyframe here", lambda: self.key_added.emit(number, time))
        between = menu.addMenu("Between keyframes")
        kinds = {"lerp": "Straight (lerp)", "smooth": "Smooth"}
        if row.is_origin:
            kinds = {"slerp": "Around the sphere (slerp)", **kinds}
        for kind, text in kinds.items():
            action = QAction(text, between, checkable=True, checked=kind == row.interpolation)
            action.triggered.connect(lambda _=False, kind=kind: self.interpolation_chosen.emit(number, kind))
            between.addAction(action)
        menu.addSeparator()
        menu.addAction("Remove this track", lambda: self.row_removed.emit(number))
        return menu

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self.viewport())
            return True
        return super().viewportEvent(event)

    def _tip(self, position: QPointF) -> str:
        key = self.key_at(position)
        number = self.geometry_now().row_at(position.y())
        if key is not None:
            row = self._rows[key[0]]
            ways = "Drag sideways to move it in time" + ("" if row.is_origin else ", up or down to change the amount")
            return f"{row.label}: {reading(row, key[1])}\n{ways}. Double click types, Delete removes."
        if number >= 0:
            row = self._rows[number]
            name = f"{row.label} ({row.detail})" if row.detail else row.label
            return f"{name}\nDouble click adds a keyframe; right click for more."
        return "Drag to move the playhead; ← → step by a frame, Ctrl+← → from key to key."

    def _exists(self, key: Key) -> bool:
        return key[0] < len(self._rows) and key[1] < len(self._rows[key[0]].times)
