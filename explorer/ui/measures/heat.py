"""The heat map of how much each latent tells of each factor."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from explorer.scene.measures import MeasureReport
from explorer.ui.look import theme
from explorer.ui.look.matrix import shade
from explorer.ui.measures.columns import GAP, NAME_HEIGHT, LatentColumns

TALLEST, LOWEST = 34.0, 18.0  # pixels of a row
LONGEST_NAME = 140


class HeatMap(LatentColumns):
    """A row a factor, a column a latent; the cell is NMI = I(factor; latent) / H(factor), as a colour and a number."""

    def left(self) -> float:
        if self.report is None:
            return GAP
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in self.report.factors), default=0)
        return min(widest, LONGEST_NAME) + 2 * GAP

    def least_height(self) -> float:
        return NAME_HEIGHT + LOWEST * (len(self.report.factors) if self.report else 1) + 4

    def row_height(self) -> float:
        """Pixels of a row, all alike."""
        rows = max(1, len(self.report.factors) if self.report else 1)
        return min(TALLEST, max(LOWEST, (self.height() - NAME_HEIGHT - 4) / rows))

    def row_at(self, y: float) -> int:
        rows = len(self.report.factors) if self.report else 0
        found = int((y - NAME_HEIGHT) // self.row_height())
        return found if 0 <= found < rows else -1

    def describe(self, column: int, row: int) -> str:
        report = self.report
        assert report is not None
        factor, latent = report.factors[row], report.latents[column]
        lines = [
            f"{latent} tells {report.nmi[row][column]:.1%} of {factor}",
            f"NMI = I({factor}; {latent}) / H({factor}) = {report.nmi[row][column]:.3f}",
        ]
        if report.nmi_null:
            lines.append(f"chance {report.nmi_null[row][column]:.3f}")
        if report.estimator:
            lines.append(report.estimator)
        return "\n".join(lines)

    def paint_columns(self, painter: QPainter, report: MeasureReport) -> None:
        colors = theme.current()
        width, height, left = self.column_width(), self.row_height(), self.left()
        metrics = self.fontMetrics()
        for row, factor in enumerate(report.factors):
            top = NAME_HEIGHT + row * height
            painter.setPen(theme.color(colors.muted))
            label = metrics.elidedText(factor, Qt.TextElideMode.ElideRight, round(left - 2 * GAP))
            place = QRectF(0, top, left - GAP, height)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
            for column in range(len(report.latents)):
                value = report.nmi[row][column]
                cell = QRectF(left + column * width + 1, top + 1, width - 2, height - 2)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(shade(value))
                painter.drawRoundedRect(cell, 2, 2)
                if (column, row) == self._hovered:
                    painter.setPen(theme.color(colors.text))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(cell, 2, 2)
                by_chance = bool(report.nmi_null) and value <= report.nmi_null[row][column]
                ink = colors.on_accent if value > 0.55 else colors.muted if by_chance or value < 0.05 else colors.text
                painter.setPen(theme.color(ink))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, short(value))


def short(value: float) -> str:
    """``.77``; ``1.0`` and more with one decimal."""
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"
