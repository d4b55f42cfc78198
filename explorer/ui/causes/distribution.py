"""The distribution of a variable in its node: bars, and marks where this picture stands."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from explorer.scene.causes import Distribution, VariableOutcome
from explorer.ui.look import theme

LEAST_BAR = 1.0
"""Pixels of a bar that has any row."""
TIP = 3.5
"""Half the width of the triangle on the mark of what do() or a cause has made of a value."""


@dataclass(frozen=True)
class Bars:
    """Where a distribution is drawn. ``box``: in pixels."""

    box: QRectF
    distribution: Distribution

    def across(self, value: float) -> float:
        """Where ``value`` stands, in pixels; at an end where it lies beyond."""
        low, high = self.distribution.low, self.distribution.high
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return self.box.left() + share * self.box.width()

    def bars(self) -> list[QRectF]:
        """One a share, the highest as high as the box; none where there are no rows."""
        shares = self.distribution.shares
        width, highest = self.box.width() / len(shares), max(*shares, 1e-300)
        made = []
        for place, share in enumerate(shares):
            height = max(share / highest * self.box.height(), LEAST_BAR) if share > 0 else 0.0
            made.append(QRectF(self.box.left() + place * width, self.box.bottom() - height, width, height))
        return made


def paint(painter: QPainter, bars: Bars, outcome: VariableOutcome | None, color: str, has_levels: bool) -> None:
    """The bars; a line where the factual value stands; and where it has changed, a coloured one with a tip: by do(), or
    by a cause, whose interval is shaded where it is open. ``color``: of that line."""
    colors = theme.current()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(colors.muted, 0.45))
    gap = 1.5 if has_levels else 0.0
    for bar in bars.bars():
        painter.drawRect(bar.adjusted(gap, 0, -gap, 0))
    painter.setPen(QPen(theme.color(colors.line), 1.0))
    painter.drawLine(bars.box.bottomLeft(), bars.box.bottomRight())
    if outcome is None:
        return
    changed = theme.color(color)
    if outcome.is_open:
        left, right = bars.across(outcome.low), bars.across(outcome.high)
        band = QRectF(left, bars.box.top(), max(right - left, 2.0), bars.box.height())
        painter.fillRect(band, theme.color(colors.accent, 0.3))
    _line(painter, bars, outcome.factual, theme.color(colors.text), 1.5)
    if outcome.is_set or outcome.is_open or outcome.value != outcome.factual:
        _line(painter, bars, outcome.value, changed, 2.0)
        x, top = bars.across(outcome.value), bars.box.top()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(changed)
        tip = [QPointF(x - TIP, top - TIP), QPointF(x + TIP, top - TIP), QPointF(x, top + TIP)]
        painter.drawPolygon(QPolygonF(tip))


def _line(painter: QPainter, bars: Bars, value: float, color: QColor, width: float) -> None:
    x = bars.across(value)
    painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.drawLine(QPointF(x, bars.box.top()), QPointF(x, bars.box.bottom()))
