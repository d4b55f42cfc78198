"""The curve of what the probe has right over the number of labels, beside chance."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.service.replies import ProbeTrained
from explorer.ui.labels.text import beside, figure
from explorer.ui.look import theme
from explorer.ui.state.label_set import count_of

GAP = 6.0
CHANCE = "chance"
FEWEST_SHOWN = 20  # labels that the axis has room for at least


class LabellingCurve(QWidget):
    """The line is the share right, the band its 95 % interval, the dashes what chance has right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[ProbeTrained] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 40)
        self.setAccessibleName("Share of labels that the probe has right, over the number of labels")

    def sizeHint(self) -> QSize:
        return QSize(260, 96)

    def show_points(self, points: list[ProbeTrained]) -> None:
        """Draw these, in the ascending order of their labels."""
        self._points = list(points)
        self.update()

    @property
    def least(self) -> float:
        """The share at the lower end of the axis, a whole tenth."""
        lowest = min((min(one.low, one.chance) for one in self._points), default=0.5)
        return max(0.0, math.floor(min(lowest, 0.5) * 10 + 1e-9) / 10)

    def place(self, count: int, share: float) -> QPointF:
        """Where a probe of ``count`` labels with ``share`` right is drawn."""
        most = max(FEWEST_SHOWN, count_of(self._points[-1]) if self._points else 0)
        area = self._area()
        upward = (share - self.least) / (1 - self.least)
        return QPointF(area.left() + area.width() * count / most, area.bottom() - area.height() * upward)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._points:
            x = event.pos().x()
            nearest = min(self._points, key=lambda one: abs(self.place(count_of(one), 1.0).x() - x))
            QToolTip.showText(event.globalPos(), f"{figure(nearest)}\n{beside(nearest)}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._points:
            return
        colors, area = theme.current(), self._area()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for share in (self.least, 1.0):
            y = self.place(0, share).y()
            painter.setPen(QPen(theme.color(colors.line), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.color(colors.muted))
            label = QRectF(0, y - 9, area.left() - GAP, 18)
            painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{share:.0%}")
        counts = [count_of(one) for one in self._points]
        upper = [self.place(count, one.high) for count, one in zip(counts, self._points, strict=True)]
        lower = [self.place(count, one.low) for count, one in zip(counts, self._points, strict=True)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(colors.accent, 0.18))
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color(colors.amber), 1.4, Qt.PenStyle.DashLine))
        painter.drawPolyline([self.place(count, one.chance) for count, one in zip(counts, self._points, strict=True)])
        line = [self.place(count, one.accuracy) for count, one in zip(counts, self._points, strict=True)]
        painter.setPen(QPen(theme.color(colors.accent), 1.8))
        painter.drawPolyline(line)
        painter.drawLine(upper[-1], lower[-1])
        painter.setBrush(theme.color(colors.accent))
        painter.drawEllipse(line[-1], 3.2, 3.2)
        painter.setPen(theme.color(colors.amber))
        end = self.place(counts[-1], self._points[-1].chance)
        label = QRectF(end.x() + GAP, end.y() - 9, self.width() - end.x() - GAP, 18)
        painter.drawText(label, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, CHANCE)

    def _area(self) -> QRectF:
        left = self.fontMetrics().horizontalAdvance("100%") + 2 * GAP
        right = self.fontMetrics().horizontalAdvance(CHANCE) + 2 * GAP
        return QRectF(left, 9, max(1.0, self.width() - left - right), max(1.0, self.height() - 18))
