"""The lines between nodes: arrows, and bows with two heads for hidden causes; where they run, how they are drawn."""

from __future__ import annotations

import math
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

HEAD = 8.0
BOW = 0.16
"""How far the bow of a hidden common cause bends, in its length."""
STEPS = 16


def on_rim(box: QRectF, towards: QPointF) -> QPointF:
    """Where the line from the middle of ``box`` to ``towards`` leaves it."""
    middle = box.center()
    way = towards - middle
    shares = [
        half / abs(part) for half, part in ((box.width() / 2, way.x()), (box.height() / 2, way.y())) if abs(part) > 1e-6
    ]
    return middle + way * min([1.0, *shares])


def straight(first: QRectF, last: QRectF) -> list[QPointF]:
    """From rim to rim of two nodes."""
    return [on_rim(first, last.center()), on_rim(last, first.center())]


def bowed(first: QRectF, last: QRectF) -> list[QPointF]:
    """From rim to rim in a bow, beside a straight arrow between the same nodes."""
    begin, end = first.center(), last.center()
    way = end - begin
    bend = (begin + end) / 2 + QPointF(-way.y(), way.x()) * (2 * BOW)
    start, stop = on_rim(first, bend), on_rim(last, bend)
    shares = [step / STEPS for step in range(STEPS + 1)]
    return [start * (1 - t) ** 2 + bend * (2 * t * (1 - t)) + stop * t**2 for t in shares]


def distance(point: QPointF, line: list[QPointF]) -> float:
    """From ``point`` to the nearest of ``line``."""
    return min(_to_piece(point, first, last) for first, last in pairwise(line))


def draw(
    painter: QPainter,
    line: list[QPointF],
    color: QColor,
    style: Qt.PenStyle = Qt.PenStyle.SolidLine,
    wide: bool = False,
    heads: int = 1,
) -> None:
    """``line`` with ``heads`` heads: at its end, and at its start."""
    painter.setPen(QPen(color, 2.5 if wide else 1.6, style))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath(line[0])
    for point in line[1:]:
        path.lineTo(point)
    painter.drawPath(path)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    for before, end in ((line[-2], line[-1]), (line[1], line[0]))[:heads]:
        angle = math.atan2(end.y() - before.y(), end.x() - before.x())
        head = QPainterPath(end)
        for turn in (-0.42, 0.42):
            head.lineTo(end - QPointF(HEAD * math.cos(angle + turn), HEAD * math.sin(angle + turn)))
        head.closeSubpath()
        painter.drawPath(head)


def length(vector: QPointF) -> float:
    """Of ``vector``."""
    return math.hypot(vector.x(), vector.y())


def _to_piece(point: QPointF, first: QPointF, last: QPointF) -> float:
    way = last - first
    square = way.x() ** 2 + way.y() ** 2
    along = QPointF.dotProduct(point - first, way) / square if square > 0 else 0.0
    return length(point - first - way * min(1.0, max(0.0, along)))
