"""The matrix of one method: a row a direction, a column an attribute, how much the one changes the other."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.scene.comparison import CompareReport, Direction, MethodResult
from explorer.ui.look import theme
from explorer.ui.measures.heat import shade

ROW, GAP = 20.0, 6.0
NARROWEST, WIDEST = 23.0, 40.0  # of a column: from two digits to what the eye still reads across
LONGEST_NAME, LONGEST_HEADING = 150, 92
STRONG = 0.95  # share of all methods' cells that are not of full colour
SLANT = 60  # degrees of the headings


class EffectHeat(QWidget):
    """Cells are mean |change| in deviations of the attribute (or shares of its entropy), as a colour and a number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: CompareReport | None = None
        self._row: MethodResult | None = None
        self._kind = "effects"
        self._full = 1.0  # what fills a cell with colour, the same for every method, so that they compare
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Effects of each direction on each attribute")

    def show_method(self, report: CompareReport | None, row: MethodResult | None, kind: str = "effects") -> None:
        """Show ``effects`` (interventional) or ``information`` (observational) of ``row``."""
        self._report, self._row, self._kind = report, row, kind
        rows = report.methods if report else ()
        cells = [value for one in rows for direction in one.directions for value in getattr(direction, kind)]
        ranked = sorted(value for value in cells if value is not None)
        self._full = ranked[round(STRONG * (len(ranked) - 1))] or 1.0 if ranked else 1.0
        self.updateGeometry()
        self.setMinimumSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        if self._report is None or self._row is None:
            return QSize(200, 100)
        width = self._left() + len(self._report.attributes) * NARROWEST + self._overhang()
        return QSize(round(width), round(self._top() + len(self._row.directions) * ROW + GAP))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._report is None or self._row is None:
            return
        colors, painter, metrics = theme.current(), QPainter(self), self.fontMetrics()
        left, top = self._left(), self._top()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for column, name in enumerate(self._report.attributes):
            painter.save()
            painter.translate(QPointF(left + (column + 0.5) * self._column() + 4, top - 5))
            painter.rotate(-SLANT)
            painter.setPen(theme.color(colors.text if self._report.varying[column] else colors.muted))
            painter.drawText(0, 0, metrics.elidedText(name, Qt.TextElideMode.ElideRight, LONGEST_HEADING))
            painter.restore()
        for index, direction in enumerate(self._row.directions):
            self._paint_row(painter, colors, index, direction)

    def _paint_row(self, painter: QPainter, colors: theme.Theme, index: int, direction: Direction) -> None:
        left, y = self._left(), self._top() + index * ROW
        painter.setPen(theme.color(colors.text if direction.alpha is not None else colors.muted))
        name = self.fontMetrics().elidedText(direction.name, Qt.TextElideMode.ElideRight, LONGEST_NAME)
        place = QRectF(0, y, left - GAP, ROW)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
        values = getattr(direction, self._kind)
        for column, value in enumerate(values):
            cell = QRectF(left + column * self._column() + 1, y + 1, self._column() - 2, ROW - 2)
            painter.setPen(Qt.PenStyle.NoPen)
            share = (value or 0.0) / self._full
            painter.setBrush(shade(share))
            painter.drawRoundedRect(cell, 2, 2)
            weak, strong = share < 0.1, share > 0.7
            painter.setPen(theme.color(colors.on_accent if strong else colors.muted if weak else colors.text))
            shown = "–" if value is None else f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, shown)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def _tip(self, point: QPointF) -> str:
        """What stands behind the cell or the name at ``point``."""
        if self._report is None or self._row is None:
            return ""
        row, column = int((point.y() - self._top()) // ROW), int((point.x() - self._left()) // self._column())
        if not 0 <= row < len(self._row.directions):
            return ""
        direction = self._row.directions[row]
        step = (
            "no visible effect" if direction.alpha is None else f"1 unit of change = {direction.alpha:.3g} of its own"
        )
        if not 0 <= column < len(self._report.attributes):
            return f"{direction.name}\n{step}"
        attribute, values = self._report.attributes[column], getattr(direction, self._kind)
        value = values[column] if column < len(values) else None
        if not self._report.varying[column]:
            return f"'{attribute}' is the same in all of the model's pictures, so nothing can change it here."
        if value is None:
            return f"{direction.name}: {attribute} is not defined here."
        if self._kind == "information":
            return f"{direction.name} tells {value:.1%} of {attribute} over the model's own pictures."
        signed = direction.signed[column] if column < len(direction.signed) else None
        mean = "" if signed is None else f"\nmean change {signed:+.2f}".replace("-", "−")
        return f"{direction.name} changes {attribute} by {value:.2f} of its deviation{mean}\n{step}"

    def _column(self) -> float:
        """The width of a column: as wide as there is room for."""
        count = len(self._report.attributes) if self._report else 0
        room = self.width() - self._left() - self._overhang()
        return min(WIDEST, max(NARROWEST, room / max(1, count)))

    def _overhang(self) -> float:
        """How far the slanting heading of the last column reaches beyond it."""
        return max(0.0, self._longest() * math.cos(math.radians(SLANT)) - NARROWEST / 2) + GAP

    def _longest(self) -> float:
        names = self._report.attributes if self._report else ()
        longest = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0)
        return min(LONGEST_HEADING, longest)

    def _left(self) -> float:
        names = [direction.name for direction in self._row.directions] if self._row else []
        return (
            min(LONGEST_NAME, max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0)) + 2 * GAP
        )

    def _top(self) -> float:
        return self._longest() * math.sin(math.radians(SLANT)) + 14
