"""Drawing a region: a sheet over the canvas on which a rectangle is dragged over the selected pane's picture."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
)  # fmt: skip
from PySide6.QtWidgets import QWidget

from explorer.scene.region import Region, write_region
from explorer.ui.look import theme

HINT = "Drag over the part of the picture that is to change · Esc cancels"
TOO_SMALL = "That is too small a region; drag a rectangle over the part of the picture that is to change."
EVERYTHING = "That is the whole picture; leave something outside, which is to stay as it is."
SMALLEST = 6  # pixels of the screen that a drag must go, either way: less is a click
DIM = QColor(0, 0, 0, 130)


class RegionTool(QWidget):
    """Lies over ``canvas`` while a region is drawn, and hides itself when that has ended, one way or the other."""

    drawn = Signal(str)  # the region, as settings write it
    cancelled = Signal()

    def __init__(self, canvas: QWidget, place: Callable[[], QRect | None]) -> None:
        """``place``: where the picture lies on ``canvas`` now; None when it is gone."""
        super().__init__(canvas)
        self._canvas = canvas
        self._place = place
        self._pixels = QSize(1, 1)
        self._from: QPointF | None = None
        self._to = QPointF()
        self.sentence = HINT
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Drawing a region")
        canvas.installEventFilter(self)
        self.hide()

    def begin(self, pixels: QSize) -> None:
        """Let the user drag; edges of the region lie between the ``pixels`` of the picture (width, height)."""
        self._pixels, self._from, self.sentence = pixels, None, HINT
        self.setGeometry(self._canvas.rect())
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def cancel(self) -> None:
        """End without a region; nothing, while none is being drawn."""
        if not self.isHidden():
            self.hide()
            self.cancelled.emit()

    def region(self) -> Region | None:
        """What is marked now, whole pixels of the picture; None while nothing is."""
        place = self._place()
        if self._from is None or place is None:
            return None
        columns, rows = self._pixels.width(), self._pixels.height()
        left, right = sorted((point.x() - place.left()) / place.width() for point in (self._from, self._to))
        top, bottom = sorted((point.y() - place.top()) / place.height() for point in (self._from, self._to))
        return (
            round(left * columns) / columns,
            round(top * rows) / rows,
            round(right * columns) / columns,
            round(bottom * rows) / rows,
        )

    # --- events ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = self._to = self._clipped(event.position())
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self._to = self._clipped(event.position())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self._to = self._clipped(event.position())
        way, region = self._to - self._from, self.region()
        self._from = None
        if region is None or min(abs(way.x()), abs(way.y())) < SMALLEST or not _has_area(region):
            self._refuse(TOO_SMALL)
        elif region == (0.0, 0.0, 1.0, 1.0):
            self._refuse(EVERYTHING)
        else:
            self.hide()
            self.drawn.emit(write_region(region))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()  # the canvas' menu acts on panes, and would open below the sheet

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        place, region = self._place(), self.region()
        if place is None:
            return
        colors, painter = theme.current(), QPainter(self)
        marked = QRectF(place) if region is None else on_screen(region, place)
        painter.setClipRegion(QRegion(self.rect()).subtracted(QRegion(marked.toAlignedRect())))
        painter.fillRect(self.rect(), DIM)
        painter.setClipping(False)
        self._paint_hint(painter, colors, region)
        if region is not None:
            painter.setPen(QPen(QColor(0, 0, 0, 150), 4, j=Qt.PenJoinStyle.MiterJoin))
            painter.drawRect(marked)
            painter.setPen(QPen(theme.color(colors.accent), 2, j=Qt.PenJoinStyle.MiterJoin))
            painter.drawRect(marked)

    def _paint_hint(self, painter: QPainter, colors: theme.Theme, region: Region | None) -> None:
        text = self.sentence
        if region is not None:
            columns, rows = self._pixels.width(), self._pixels.height()
            size = f"{round((region[2] - region[0]) * columns)} × {round((region[3] - region[1]) * rows)} pixels"
            text = f"{size} · {write_region(region)} · Esc cancels"
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        most = self.rect().adjusted(24, 8, -24, 0)
        box = painter.fontMetrics().boundingRect(most, flags, text)
        box = QRect(0, 0, box.width() + 28, box.height() + 14)
        box.moveCenter(QPoint(self.width() // 2, most.top() + box.height() // 2))
        refused = region is None and self.sentence != HINT
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color(colors.amber if refused else colors.accent), 1))
        painter.setBrush(theme.color(colors.panel))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.color(colors.amber if refused else colors.text))
        painter.drawText(box, flags, text)

    # --- inside ---

    def _clipped(self, point: QPointF) -> QPointF:
        place = self._place()
        if place is None:
            return point
        x = min(max(point.x(), place.left()), place.left() + place.width())
        y = min(max(point.y(), place.top()), place.top() + place.height())
        return QPointF(x, y)

    def _refuse(self, sentence: str) -> None:
        self.sentence = sentence
        self.update()


def on_screen(region: Region, place: QRect) -> QRectF:
    """Where ``region`` of the picture at ``place`` lies."""
    left, top, right, bottom = region
    return QRectF(
        place.left() + left * place.width(),
        place.top() + top * place.height(),
        (right - left) * place.width(),
        (bottom - top) * place.height(),
    )


def paint_outline(painter: QPainter, colors: theme.Theme, region: Region, place: QRect) -> None:
    """A thin line around ``region`` of the picture at ``place``: what its controls were found for."""
    box = on_screen(region, place)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 120), 3, j=Qt.PenJoinStyle.MiterJoin))
    painter.drawRect(box)
    painter.setPen(QPen(theme.color(colors.accent), 1, j=Qt.PenJoinStyle.MiterJoin))
    painter.drawRect(box)


def _has_area(region: Region) -> bool:
    return region[0] < region[2] and region[1] < region[3]
