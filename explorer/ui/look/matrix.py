"""A matrix of numbers: a row a thing, a column another, the cell a colour and a number; headings slant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.look import theme

ROW, GAP = 20.0, 6.0
NARROWEST, WIDEST = 23.0, 40.0  # of a column: from two digits to what the eye still reads across
LONGEST_NAME, LONGEST_HEADING = 150, 92
SLANT = 60  # degrees of the headings


@dataclass(frozen=True)
class Cell:
    """``share`` of the full colour, -1..1, below 0 in another colour; ``is_faint``: without any, and grey."""

    text: str
    share: float = 0.0
    is_faint: bool = False


class Matrix(QWidget):
    """A subclass says what is in a cell and what its tool tip says; rows and columns may be greyed."""

    narrowest = NARROWEST
    widest = WIDEST

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """``name``: what a reader of the screen is told."""
        super().__init__(parent)
        self._rows: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._grey_rows: frozenset[int] = frozenset()
        self._grey_columns: frozenset[int] = frozenset()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)

    def cell(self, row: int, column: int) -> Cell | None:
        """What stands there; None: nothing."""
        raise TypeError(f"{type(self).__name__} does not say what is in its cells")

    def tip(self, row: int, column: int) -> str:
        """The tool tip of a cell; ``column`` is -1 over the name of the row."""
        raise TypeError(f"{type(self).__name__} does not say what its cells mean")

    def set_names(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        grey_rows: Sequence[int] = (),
        grey_columns: Sequence[int] = (),
    ) -> None:
        """Show so many rows and columns; what is in them is asked for when it is painted."""
        self._rows, self._columns = tuple(rows), tuple(columns)
        self._grey_rows, self._grey_columns = frozenset(grey_rows), frozenset(grey_columns)
        self.updateGeometry()
        self.setMinimumSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        if not self._rows:
            return QSize(200, 100)
        width = self._left() + len(self._columns) * self.narrowest + self._overhang()
        return QSize(round(width), round(self._top() + len(self._rows) * ROW + GAP))

    def place_of(self, row: int, column: int) -> QRectF:
        """Where a cell is."""
        return QRectF(
            self._left() + column * self._column() + 1, self._top() + row * ROW + 1, self._column() - 2, ROW - 2
        )

    def at(self, point: QPointF) -> tuple[int, int] | None:
        """The row and the column at ``point``; the column is -1 over the name of a row. None where there is no row."""
        row, column = int((point.y() - self._top()) // ROW), int((point.x() - self._left()) // self._column())
        if not 0 <= row < len(self._rows):
            return None
        return row, column if 0 <= column < len(self._columns) else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._rows:
            return
        colors, painter, metrics = theme.current(), QPainter(self), self.fontMetrics()
        left, top = self._left(), self._top()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for column, name in enumerate(self._columns):
            painter.save()
            painter.translate(QPointF(left + (column + 0.5) * self._column() + 4, top - 5))
            painter.rotate(-SLANT)
            painter.setPen(theme.color(colors.muted if column in self._grey_columns else colors.text))
            painter.drawText(0, 0, metrics.elidedText(name, Qt.TextElideMode.ElideRight, LONGEST_HEADING))
            painter.restore()
        for row in range(len(self._rows)):
            self._paint_row(painter, colors, row)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def _paint_row(self, painter: QPainter, colors: theme.Theme, row: int) -> None:
        left, y = self._left(), self._top() + row * ROW
        painter.setPen(theme.color(colors.muted if row in self._grey_rows else colors.text))
        name = self.fontMetrics().elidedText(self._rows[row], Qt.TextElideMode.ElideRight, LONGEST_NAME)
        place = QRectF(0, y, left - GAP, ROW)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
        for column in range(len(self._columns)):
            shown = self.cell(row, column)
            if shown is None:
                continue
            rectangle = self.place_of(row, column)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade(0.0 if shown.is_faint else shown.share))
            painter.drawRoundedRect(rectangle, 2, 2)
            strong = not shown.is_faint and abs(shown.share) > 0.7
            painter.setPen(theme.color(colors.on_accent if strong else colors.muted if shown.is_faint else colors.text))
            painter.drawText(rectangle, Qt.AlignmentFlag.AlignCenter, shown.text)

    def _tip(self, point: QPointF) -> str:
        """What stands behind the cell or the name at ``point``."""
        where = self.at(point)
        return "" if where is None else self.tip(*where)

    def _column(self) -> float:
        """The width of a column: as wide as there is room for."""
        room = self.width() - self._left() - self._overhang()
        return min(self.widest, max(self.narrowest, room / max(1, len(self._columns))))

    def _overhang(self) -> float:
        """How far the slanting heading of the last column reaches beyond it."""
        return max(0.0, self._longest() * math.cos(math.radians(SLANT)) - self.narrowest / 2) + GAP

    def _longest(self) -> float:
        longest = max((self.fontMetrics().horizontalAdvance(name) for name in self._columns), default=0)
        return min(LONGEST_HEADING, longest)

    def _left(self) -> float:
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in self._rows), default=0)
        return min(LONGEST_NAME, widest) + 2 * GAP

    def _top(self) -> float:
        return self._longest() * math.sin(math.radians(SLANT)) + 14


def shade(value: float) -> QColor:
    """From the field's own colour at 0 to the accent at 1, and to the amber at -1."""
    colors = theme.current()
    ground, full = theme.color(colors.hover), theme.color(colors.accent if value >= 0 else colors.amber)
    share = min(abs(value), 1.0)
    pairs = ((ground.red(), full.red()), (ground.green(), full.green()), (ground.blue(), full.blue()))
    return QColor(*(round(low + (high - low) * share) for low, high in pairs))
