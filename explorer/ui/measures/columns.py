"""What drawings with a column for each latent share: names with badges, and the choice of two latents."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.scene.measure_text import OF_CODES, turned_formulas
from explorer.scene.measures import MeasureReport
from explorer.ui.controls.row import BADGES
from explorer.ui.look import theme

NAME_HEIGHT = 20.0
GAP = 8.0  # between what stands at the left and the first column
WIDEST, NARROWEST = 76.0, 30.0


class LatentColumns(QWidget):
    """Paints the columns' names; a click, or Space on the column that the arrow keys are at, chooses one."""

    picked = Signal(int)  # the column

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.report: MeasureReport | None = None
        self._chosen: tuple[int, ...] = ()
        self._at = 0  # where the keys are
        self._hovered: tuple[int, int] = (-1, -1)  # column, row
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_report(self, report: MeasureReport | None) -> None:
        """Show the latents of ``report``."""
        self.report = report
        count = len(report.latents) if report else 0
        self._at = min(self._at, max(0, count - 1))
        self.setMinimumSize(self.minimumSizeHint())
        self.updateGeometry()
        self.update()

    def set_chosen(self, columns: Sequence[int]) -> None:
        """Mark these columns."""
        self._chosen = tuple(columns)
        self.update()

    # --- what a drawing says --------------------------------------------------------------------------------------

    def left(self) -> float:
        """Where the first column begins."""
        return GAP

    def row_at(self, y: float) -> int:
        """The row under ``y``, or -1."""
        return -1

    def describe(self, column: int, row: int) -> str:
        """The tool tip there; of a drawing without rows, none."""
        return ""

    def paint_columns(self, painter: QPainter, report: MeasureReport) -> None:
        """Everything below the names; here nothing."""

    def least_height(self) -> float:
        """Below this nothing can be read."""
        return 80.0

    # --- geometry -------------------------------------------------------------------------------------------------

    def column_width(self) -> float:
        """Pixels of a column, all alike."""
        count = len(self.report.latents) if self.report else 1
        return min(WIDEST, max(NARROWEST, (self.width() - self.left() - 4) / max(1, count)))

    def column_at(self, x: float) -> int:
        """The column under ``x``, or -1."""
        count = len(self.report.latents) if self.report else 0
        found = int((x - self.left()) // self.column_width())
        return found if 0 <= found < count else -1

    def column_left(self, column: int) -> float:
        """Where ``column`` begins."""
        return self.left() + column * self.column_width()

    def minimumSizeHint(self) -> QSize:
        count = len(self.report.latents) if self.report else 0
        return QSize(round(self.left() + count * NARROWEST + 4), round(self.least_height()))

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    # --- events ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self.column_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and column >= 0:
            self._at = column
            self.picked.emit(column)
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        self._hover((self.column_at(place.x()), self.row_at(place.y())))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover((-1, -1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = len(self.report.latents) if self.report else 0
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step and count:
            self._at = min(max(self._at + step, 0), count - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and count:
            self.picked.emit(self._at)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._show_tip(event.pos(), event.globalPos())
            return True
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Space
        ):
            event.accept()  # Space chooses here; elsewhere it plays the timeline
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.report is None or not self.report.latents:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_columns(painter, self.report)
        for column in range(len(self.report.latents)):
            self._paint_name(painter, self.report, column)
        self._paint_marks(painter)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _hover(self, place: tuple[int, int]) -> None:
        if place != self._hovered:
            self._hovered = place
            self.setCursor(Qt.CursorShape.PointingHandCursor if place[0] >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def _show_tip(self, place: QPoint, screen: QPoint) -> None:
        column = self.column_at(place.x())
        if self.report is None or column < 0:
            QToolTip.hideText()
            return
        row = self.row_at(place.y())
        QToolTip.showText(screen, self.describe(column, row) if row >= 0 else self._about(column), self)

    def _about(self, column: int) -> str:
        """A latent in words."""
        assert self.report is not None
        name = self.report.latents[column]
        badge = self.report.badges[column] if column < len(self.report.badges) else ""
        lines = [name, BADGES.get(badge, "")]
        if rotation := self.report.rotation:
            formulas = dict(zip(rotation.names, turned_formulas(rotation), strict=True))
            lines[0] = f"{formulas[name]}, {OF_CODES}" if name in formulas else name
        if name in self.report.pruned:
            lines.append("Pruned: measures that leave out latents which hardly vary leave this one out")
        lines.append("Click two latents to turn them against each other")
        return "\n".join(line for line in lines if line)

    def _paint_name(self, painter: QPainter, report: MeasureReport, column: int) -> None:
        """``z4`` with the badge's letter; red and struck out where it was pruned."""
        colors = theme.current()
        name = report.latents[column]
        badge = report.badges[column] if column < len(report.badges) else ""
        pruned = name in report.pruned
        rect = QRectF(self.column_left(column), 0, self.column_width(), NAME_HEIGHT)
        font = QFont(self.font())
        font.setStrikeOut(pruned)
        font.setBold(column in self._chosen)
        painter.setFont(font)
        plain = colors.muted if badge == "passive" else colors.text
        painter.setPen(theme.color(colors.accent if column in self._chosen else colors.red if pruned else plain))
        room = rect.width() - 4
        letter = badge[:1].upper()
        needed = painter.fontMetrics().horizontalAdvance(name) + (15 if letter else 0)
        if needed > room:
            letter = ""
        wide = painter.fontMetrics().horizontalAdvance(name) + (15 if letter else 0)
        start = rect.left() + max(2.0, (rect.width() - wide) / 2)
        elided = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(start, 0, room, NAME_HEIGHT), Qt.AlignmentFlag.AlignVCenter, elided)
        if letter:
            tint = {"active": colors.accent, "mixed": colors.amber}.get(badge, colors.muted)
            font.setStrikeOut(False)
            font.setBold(True)
            font.setPixelSize(10)
            painter.setFont(font)
            painter.setPen(theme.color(tint))
            painter.drawText(QRectF(start + wide - 12, 0, 12, NAME_HEIGHT), Qt.AlignmentFlag.AlignCenter, letter)
        painter.setFont(self.font())

    def _paint_marks(self, painter: QPainter) -> None:
        """A frame around the chosen columns, and a dotted one where the keys are."""
        colors = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for column in self._chosen:
            painter.setPen(QPen(theme.color(colors.accent), 1.6))
            painter.drawRoundedRect(self._frame(column), 3, 3)
        if self.hasFocus():
            painter.setPen(QPen(theme.color(colors.text, 0.7), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(self._frame(self._at).adjusted(2, 2, -2, -2), 2, 2)

    def _frame(self, column: int) -> QRectF:
        return QRectF(self.column_left(column) + 1, 1, self.column_width() - 2, self.height() - 2)
