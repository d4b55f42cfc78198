"""Violins: how the codes of each latent are distributed, all on one scale."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from explorer.scene.measures import MeasureReport, Violin
from explorer.scene.number_text import number_text
from explorer.ui.look import theme
from explorer.ui.measures.columns import GAP, NAME_HEIGHT, LatentColumns

MARGIN = 6.0  # above the highest code and below the lowest


class Violins(LatentColumns):
    """One violin a latent, as wide as its own densest place; the bar spans the middle half, the dot is the median."""

    def left(self) -> float:
        return self.fontMetrics().horizontalAdvance("−10") + GAP

    def row_at(self, y: float) -> int:
        return 0 if y > NAME_HEIGHT else -1

    def describe(self, column: int, row: int) -> str:
        report = self.report
        assert report is not None
        violin = report.violins[column]
        low, middle, high = violin.quartiles
        return (
            f"{report.latents[column]}: median {number_text(middle, 2)}, half of the codes in {number_text(low, 2)} … "
            f"{number_text(high, 2)}, all in {number_text(violin.low, 2)} … {number_text(violin.high, 2)}"
        )

    def paint_columns(self, painter: QPainter, report: MeasureReport) -> None:
        if not report.violins:
            return
        low, high = min(one.low for one in report.violins), max(one.high for one in report.violins)
        self._paint_scale(painter, low, high)
        for column, violin in enumerate(report.violins):
            badge = report.badges[column] if column < len(report.badges) else ""
            self._paint_violin(painter, column, violin, badge, low, high)

    def _y(self, value: float, low: float, high: float) -> float:
        top, bottom = NAME_HEIGHT + MARGIN, self.height() - MARGIN
        return bottom - (value - low) / ((high - low) or 1.0) * (bottom - top)

    def _paint_scale(self, painter: QPainter, low: float, high: float) -> None:
        colors = theme.current()
        count = len(self.report.latents) if self.report else 0
        room = self.height() - NAME_HEIGHT - 2 * MARGIN
        right = self.column_left(count)
        for value in ticks(low, high, max(2, int(room / 28))):
            y = self._y(value, low, high)
            painter.setPen(QPen(theme.color(colors.line), 1))
            painter.drawLine(QPointF(self.left(), y), QPointF(right, y))
            painter.setPen(theme.color(colors.muted))
            place = QRectF(0, y - 8, self.left() - GAP / 2, 16)
            text = f"{value:g}".replace("-", "−")
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_violin(
        self, painter: QPainter, column: int, violin: Violin, badge: str, low: float, high: float
    ) -> None:
        colors = theme.current()
        tint = {"mixed": colors.amber, "passive": colors.muted}.get(badge, colors.accent)
        middle = self.column_left(column) + self.column_width() / 2
        half = self.column_width() / 2 - 4
        fullest = max(violin.density, default=0.0)
        if violin.high > violin.low and fullest > 0:
            step = (violin.high - violin.low) / len(violin.density)
            centres = [violin.low + (index + 0.5) * step for index in range(len(violin.density))]
            sides = [
                (half * density / fullest, self._y(centre, low, high))
                for centre, density in zip(centres, violin.density, strict=True)
            ]
            outline = [QPointF(middle, self._y(violin.low, low, high))]
            outline += [QPointF(middle + side, y) for side, y in sides]
            outline += [QPointF(middle, self._y(violin.high, low, high))]
            outline += [QPointF(middle - side, y) for side, y in reversed(sides)]
            painter.setPen(QPen(theme.color(tint), 1))
            painter.setBrush(theme.color(tint, 0.35))
            painter.drawPolygon(QPolygonF(outline))
        else:  # one value for every picture
            y = self._y(violin.low, low, high)
            painter.setPen(QPen(theme.color(tint), 2))
            painter.drawLine(QPointF(middle - half, y), QPointF(middle + half, y))
        lower, median, upper = (self._y(value, low, high) for value in violin.quartiles)
        painter.setPen(QPen(theme.color(colors.text, 0.85), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(middle, lower), QPointF(middle, upper))
        painter.setPen(QPen(theme.color(colors.text), 1))
        painter.setBrush(theme.color(colors.panel))
        painter.drawEllipse(QPointF(middle, median), 2.6, 2.6)


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` round numbers in ``low`` .. ``high``, evenly spaced."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(index * step, 10) for index in range(first, last + 1)]
