"""The matrix "which latent causes what": a row a cause, a column an outcome, signs as colours."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from explorer.scene.effect_text import range_text, sentence, strongest
from explorer.scene.effects import EffectReport
from explorer.ui.look import theme
from explorer.ui.look.matrix import Cell, Matrix

PALEST = 0.15  # share of the full colour: an effect that is told from none is seen to be, however small it is
STEPS = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}


class EffectMatrix(Matrix):
    """Cells are effects in deviations of the outcome; one that is not told from none has no colour. A cell is chosen by
    a click or by the arrow keys."""

    picked = Signal(int, int)  # cause, outcome
    narrowest = 40.0
    widest = 62.0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Effects of each cause on each outcome; the arrow keys choose one", parent)
        self.report: EffectReport | None = None
        self._full = 1.0
        self._chosen = (0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def chosen(self) -> tuple[int, int]:
        """The numbers of the cause and the outcome whose cell is chosen."""
        return self._chosen

    def show_report(self, report: EffectReport | None) -> None:
        """Show ``report``; the chosen cell stays if it is there."""
        self.report = report
        if report is None:
            self.set_names((), ())
            return
        self._full = strongest(report)
        row, column = self._chosen
        self._chosen = (min(row, len(report.causes) - 1), min(column, len(report.outcomes) - 1))
        grey = [index for index, outcome in enumerate(report.outcomes) if outcome.deviation is None]
        self.set_names([cause.name for cause in report.causes], [outcome.name for outcome in report.outcomes], (), grey)

    def choose(self, row: int, column: int) -> None:
        """Choose a cell, as a click does."""
        self._chosen = (row, column)
        self.update()
        self.picked.emit(row, column)

    def cell(self, row: int, column: int) -> Cell | None:
        if self.report is None:
            return None
        effect = self.report.effect(row, column)
        if effect.standardised is None:
            return Cell("–", is_faint=True)
        text = f"{effect.standardised:+.2f}".replace("-", "−")
        if float(f"{effect.standardised:.2f}") == 0:
            text = "0.00"
        share = effect.standardised / self._full
        return Cell(text, math.copysign(max(abs(share), PALEST), share), not effect.is_clear)

    def tip(self, row: int, column: int) -> str:
        if self.report is None:
            return ""
        cause = self.report.causes[row]
        if column < 0:
            return f"{cause.name}: effects are of moving it from {range_text(cause)}"
        return sentence(self.report.effect(row, column), cause, self.report.outcomes[column])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        where = self.at(QPointF(event.position()))
        if event.button() == Qt.MouseButton.LeftButton and where is not None and where[1] >= 0:
            self.choose(*where)
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = STEPS.get(Qt.Key(event.key()))
        if self.report is None or step is None:
            super().keyPressEvent(event)
            return
        row, column = self._chosen[0] + step[0], self._chosen[1] + step[1]
        if 0 <= row < len(self.report.causes) and 0 <= column < len(self.report.outcomes):
            self.choose(row, column)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.report is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color(theme.current().text))
        painter.drawRoundedRect(self.place_of(*self._chosen), 2, 2)
