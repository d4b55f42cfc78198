"""How the timeline looks: ruler, bands, curves, diamonds, playhead. Functions on a painter and plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap, QPolygonF

from explorer.scene.model import AmountTrack
from explorer.ui.look.theme import Theme, color
from explorer.ui.timeline.geometry import (
    KEY_RADIUS,
    LABEL_WIDTH,
    RULER_HEIGHT,
    TimelineGeometry,
    tick_label,
    tick_step,
    ticks,
)
from explorer.ui.timeline.rows import TimelineRow, curve, seconds

Key = tuple[int, int]
"""(row, key): a diamond of the view."""

EMPTY = (
    "Move a slider and press K: the timeline keeps its amount at the playhead.\n"
    "Move the playhead, move the slider, press K again. Space plays it."
)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Marks:
    """What is marked: the key under the mouse, the selected key, the row that has the keyboard."""

    hovered: Key | None = None
    selected: Key | None = None
    selected_row: int = -1


@dataclass
class CurveCache:
    """Curves in (seconds, amount), so that moving the playhead does not evaluate a spline again."""

    _curves: dict[tuple[AmountTrack, float], tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def points(self, track: AmountTrack, duration: float) -> tuple[tuple[float, float], ...]:
        key = (track, duration)
        if key not in self._curves:
            if len(self._curves) > 256:  # a drag makes a new track with each step
                self._curves.clear()
            self._curves[key] = curve(track, duration)
        return self._curves[key]


class StillPicture:
    """Everything but the playhead, kept as pixels: while it plays, a frame costs one blit and one line."""

    def __init__(self) -> None:
        self._key: object = None
        self._pixmap = QPixmap()
        self._curves = CurveCache()

    def picture(
        self,
        geometry: TimelineGeometry,
        theme: Theme,
        font: QFont,
        rows: tuple[TimelineRow, ...],
        marks: Marks,
        ratio: float,
    ) -> QPixmap:
        """The tracks, drawn anew only where something that they show has changed. ``ratio``: pixels of the device."""
        key = (geometry, theme, font.key(), rows, marks, ratio)
        if key != self._key:
            self._key = key
            self._pixmap = QPixmap(round(geometry.width * ratio), round(geometry.height * ratio))
            self._pixmap.setDevicePixelRatio(ratio)
            self._pixmap.fill(color(theme.panel))
            painter = QPainter(self._pixmap)
            for number, row in enumerate(rows):
                paint_row(painter, geometry, theme, font, number, row, marks, self._curves)
            paint_grid(painter, geometry, theme)
            paint_ruler(painter, geometry, theme, font)
            if not rows:
                painter.setFont(font)
                painter.setPen(color(theme.muted))
                area = QRect(16, RULER_HEIGHT, geometry.width - 32, geometry.height - RULER_HEIGHT)
                painter.drawText(area, _CENTRE | Qt.TextFlag.TextWordWrap, EMPTY)
            painter.end()
        return self._pixmap


def paint_ruler(painter: QPainter, geometry: TimelineGeometry, theme: Theme, font: QFont) -> None:
    """Labelled ticks along the top, and their quiet lines down through the tracks."""
    pixels = geometry.right - geometry.left
    step = tick_step(geometry.duration, pixels)
    painter.fillRect(0, 0, geometry.width, RULER_HEIGHT, color(theme.panel))
    painter.setFont(font)
    for time in ticks(geometry.duration, pixels):
        x = round(geometry.x(time))
        painter.setPen(color(theme.muted))
        painter.drawText(QRect(x - 40, 0, 80, RULER_HEIGHT - 9), _CENTRE, tick_label(time, step))
        painter.setPen(color(theme.line))
        painter.drawLine(x, RULER_HEIGHT - 4, x, RULER_HEIGHT - 1)
    painter.drawLine(0, RULER_HEIGHT - 1, geometry.width, RULER_HEIGHT - 1)


def paint_grid(painter: QPainter, geometry: TimelineGeometry, theme: Theme) -> None:
    """The tick lines through the tracks."""
    painter.setPen(color(theme.line, 0.55))
    bottom = min(geometry.height, geometry.content_height - geometry.scroll)
    for time in ticks(geometry.duration, geometry.right - geometry.left):
        x = round(geometry.x(time))
        painter.drawLine(x, RULER_HEIGHT, x, bottom)


def paint_row(
    painter: QPainter,
    geometry: TimelineGeometry,
    theme: Theme,
    font: QFont,
    number: int,
    row: TimelineRow,
    marks: Marks,
    cache: CurveCache,
) -> None:
    """One track: its name, its zero line where that is in its band, its curve and its diamonds."""
    top = geometry.row_top(number)
    if number == marks.selected_row:
        painter.fillRect(QRect(0, top, geometry.width, geometry.row_height), color(theme.hover, 0.7))
    _paint_label(painter, QRect(10, top, LABEL_WIDTH - 26, geometry.row_height), theme, font, row)
    painter.setPen(color(theme.line))
    painter.drawLine(0, top + geometry.row_height - 1, geometry.width, top + geometry.row_height - 1)
    if row.low <= 0.0 <= row.high:  # values may lie all on one side of it
        painter.setPen(QPen(color(theme.muted, 0.35), 1, Qt.PenStyle.DotLine))
        zero = round(geometry.y(number, 0.0, row.low, row.high))
        painter.drawLine(geometry.left, zero, geometry.right, zero)

    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    accent = color(theme.accent)
    points = [
        QPointF(geometry.x(time), geometry.y(number, amount, row.low, row.high))
        for time, amount in _line(row, geometry.duration, cache)
    ]
    if len(points) > 1:
        painter.setPen(QPen(accent, 1.6))
        painter.drawPolyline(QPolygonF(points))
    if points and not row.is_origin:  # it stands still before its first and after its last key
        painter.setPen(QPen(color(theme.accent, 0.45), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(geometry.left, points[0].y()), points[0])
        painter.drawLine(points[-1], QPointF(geometry.right, points[-1].y()))
    later = 0
    for index, time in enumerate(row.times):
        if time > geometry.duration + 1e-9:
            later += 1
            continue
        _paint_key(painter, key_centre(geometry, number, row, index), theme, (number, index), marks)
        if row.is_origin or (number, index) == marks.selected:
            _paint_key_text(painter, geometry, number, row, index, theme, font)
    if later:
        painter.setFont(font)
        painter.setPen(color(theme.amber))
        painter.drawText(
            QRect(geometry.right - 90, top, 90 + 16, geometry.row_height), _RIGHT, f"{later} after the end"
        )
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def key_centre(geometry: TimelineGeometry, number: int, row: TimelineRow, index: int) -> QPointF:
    """The middle of a diamond, in pixels of the view."""
    return QPointF(geometry.x(row.times[index]), geometry.y(number, row.amounts[index], row.low, row.high))


def paint_playhead(
    painter: QPainter, geometry: TimelineGeometry, theme: Theme, playhead: float, parked: bool = False
) -> None:
    """The amber line with its handle in the ruler; it does not cross the words of an empty timeline. One that is
    ``parked``, for the picture is of no time, is an empty handle without a line."""
    x = round(geometry.x(playhead)) + 0.5
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    amber = color(theme.amber)
    painter.setPen(QPen(amber, 1.4))
    if parked:
        painter.setBrush(Qt.BrushStyle.NoBrush)
    else:
        painter.drawLine(QPointF(x, RULER_HEIGHT - 6), QPointF(x, geometry.height if geometry.rows else RULER_HEIGHT))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(amber)
    y = RULER_HEIGHT - 10
    painter.drawPolygon([QPointF(x - 5.5, y), QPointF(x + 5.5, y), QPointF(x, y + 9)])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_reading(
    painter: QPainter, geometry: TimelineGeometry, theme: Theme, font: QFont, at: QPointF, text: str
) -> None:
    """A small sign beside a key that is being dragged: its time and amount."""
    metrics = QFontMetrics(font)
    width, height = metrics.horizontalAdvance(text) + 16, metrics.height() + 6
    x = at.x() + 14 if at.x() + 14 + width < geometry.width else at.x() - 14 - width
    y = min(max(at.y() - height - 6, 2.0), geometry.height - height - 2.0)
    box = QRectF(x, y, width, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color(theme.accent), 1))
    painter.setBrush(color(theme.panel))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(color(theme.text))
    painter.setFont(font)
    painter.drawText(box, _CENTRE, text)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def reading(row: TimelineRow, index: int) -> str:
    """``1.20 s · +1.30 σ``, ``1.20 s · 110°``, or ``1.20 s · seed 42``."""
    what = f"seed {row.texts[index]}" if row.is_origin else f"{row.texts[index]} {row.unit}".strip()
    return f"{seconds(row.times[index])} · {what}"


def _line(row: TimelineRow, duration: float, cache: CurveCache) -> tuple[tuple[float, float], ...]:
    if row.track is not None:
        return cache.points(row.track, duration) if row.times[0] <= duration else ()
    return tuple((time, 0.0) for time in row.times if time <= duration)


def _paint_label(painter: QPainter, area: QRect, theme: Theme, font: QFont, row: TimelineRow) -> None:
    painter.setFont(font)
    metrics = QFontMetrics(font)
    if row.detail and area.height() >= 2 * metrics.height() - 2:
        upper = QRect(area.left(), area.top(), area.width(), area.height() // 2 + 2)
        lower = QRect(area.left(), area.top() + area.height() // 2 - 2, area.width(), area.height() // 2)
        painter.setPen(color(theme.muted))
        painter.drawText(lower, _LEFT, metrics.elidedText(row.detail, Qt.TextElideMode.ElideRight, area.width()))
        area = upper
    painter.setPen(color(theme.text))
    painter.drawText(area, _LEFT, metrics.elidedText(row.label, Qt.TextElideMode.ElideRight, area.width()))


def _paint_key(painter: QPainter, centre: QPointF, theme: Theme, key: Key, marks: Marks) -> None:
    chosen = key == marks.selected
    radius = KEY_RADIUS + (1 if chosen or key == marks.hovered else 0)
    across, down = QPointF(radius, 0), QPointF(0, radius)
    diamond = [centre - down, centre + across, centre + down, centre - across]
    edge = QColor(theme.text if chosen else theme.panel)
    painter.setPen(QPen(edge, 1.8 if chosen else 1.0))
    painter.setBrush(color(theme.accent))
    painter.drawPolygon(diamond)


def _paint_key_text(
    painter: QPainter, geometry: TimelineGeometry, number: int, row: TimelineRow, index: int, theme: Theme, font: QFont
) -> None:
    """The seed beside its diamond, where the next diamond leaves room."""
    centre = key_centre(geometry, number, row, index)
    following = geometry.x(row.times[index + 1]) if index + 1 < len(row.times) else geometry.width + KEY_RADIUS
    metrics = QFontMetrics(font)
    room = int(following - centre.x()) - 3 * KEY_RADIUS
    text = row.texts[index]
    width = metrics.horizontalAdvance(text)
    painter.setFont(font)
    painter.setPen(color(theme.muted))
    top = geometry.row_top(number)
    height = geometry.row_height // 2
    if width <= room:
        area = QRectF(centre.x() + KEY_RADIUS + 3, top, room, height + 2)
        painter.drawText(area, _LEFT, text)
    elif index == len(row.times) - 1:  # the last one stands at the edge: its text goes to the left
        painter.drawText(QRectF(centre.x() - width - KEY_RADIUS - 3, top, width, height + 2), _RIGHT, text)
