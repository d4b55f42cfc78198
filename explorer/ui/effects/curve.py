"""One dose–response curve: the mean change of an outcome over the levels of a cause, with its interval."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from explorer.scene.effect_text import read_as, shaded
from explorer.scene.effects import Cause, Effect, EffectOutcome
from explorer.ui.look import theme

KEY_STEPS = 60  # of the arrow keys, over the slider


class EffectCurve(pg.PlotWidget):  # type: ignore[misc]
    """Grey ground: outside the data. Dashed lines: the cause's own range. The line of the slider may be dragged, or
    moved by the arrow keys: :attr:`moved` says how far it goes."""

    moved = Signal(float, bool)  # level, whether the drag goes on

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Cause, Effect, EffectOutcome] | None = None
        self._bounds: tuple[float, float] | None = None
        self._setting = False
        self._grounds: list[pg.LinearRegionItem] = []
        self.hideButtons()
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Change of the outcome over the levels of the cause; the arrow keys move the slider")
        self._low, self._high = pg.PlotDataItem(), pg.PlotDataItem()
        self._band = pg.FillBetweenItem(self._low, self._high)
        self._line = pg.PlotDataItem(antialias=True)
        self._zero = pg.InfiniteLine(0.0, angle=0)
        self._ends = [pg.InfiniteLine(0.0, angle=90) for _ in range(2)]
        self._slider = pg.InfiniteLine(0.0, angle=90, movable=True)
        for item in (self._low, self._high, self._band, self._zero, *self._ends, self._line, self._slider):
            self.addItem(item)
        self._slider.sigDragged.connect(self._dragged)
        self._slider.sigPositionChangeFinished.connect(self._released)
        self._slider.setVisible(False)
        self.paint()

    def paint(self) -> None:
        """In the colours of the moment."""
        colors = theme.current()
        self.setBackground(colors.panel)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setPen(colors.line)
            axis.setTextPen(colors.muted)
        self._zero.setPen(pg.mkPen(colors.line, width=1))
        for end in self._ends:
            end.setPen(pg.mkPen(colors.muted, width=1, style=Qt.PenStyle.DotLine))
        self._slider.setPen(pg.mkPen(colors.amber, width=2))
        self._slider.setHoverPen(pg.mkPen(colors.amber, width=4))
        if self._shown is not None:
            self.show_effect(*self._shown)

    def show_effect(self, cause: Cause, effect: Effect, outcome: EffectOutcome) -> None:
        """Draw the curve of ``effect``."""
        self._shown = cause, effect, outcome
        colors = theme.current()
        rows = zip(cause.levels, effect.curve, effect.curve_low, effect.curve_high, strict=True)
        read = [row for row in rows if None not in row]
        levels = [row[0] for row in read]
        colour = colors.accent if effect.is_clear else colors.muted
        self._line.setData(levels, [row[1] for row in read])
        self._line.setPen(pg.mkPen(colour, width=2.2))
        for item, column in ((self._low, 2), (self._high, 3)):
            item.setData(levels, [row[column] for row in read])
            item.setPen(pg.mkPen(theme.color(colour, 0.5), width=1))
        self._band.setBrush(pg.mkBrush(theme.color(colour, 0.22)))
        for item, at in zip(self._ends, (cause.start, cause.end), strict=True):
            item.setValue(at)
        self._draw_ground(cause, effect)
        unit = f" in {cause.unit}" if cause.unit else ""
        self.setLabel("bottom", f"{cause.name}, {cause.holds}{unit}")
        # A heading, because an axis cuts off what is longer than it is.
        self.setTitle(f"Change of {read_as(outcome)}", color=colors.text, size="9pt")
        self.setLabel("left", outcome.unit or None)
        self.setXRange(cause.levels[0], cause.levels[-1], padding=0.02)
        numbers = [0.0, *(row[2] for row in read), *(row[3] for row in read)]
        low, high = min(number or 0.0 for number in numbers), max(number or 0.0 for number in numbers)
        room = (high - low) * 0.08 or 1.0
        self.setYRange(low - room, high + room, padding=0)

    def show_level(self, level: float | None, bounds: tuple[float, float] = (0.0, 0.0)) -> None:
        """Where the slider is, between ``bounds``; None where the curve is not of a slider of the selected pane."""
        self._bounds = None if level is None else bounds
        self._slider.setVisible(level is not None)
        if level is None:
            return
        self._setting = True
        self._slider.setBounds(bounds)
        self._slider.setValue(level)
        self._setting = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageDown: -10, Qt.Key.Key_PageUp: 10}
        step = steps.get(Qt.Key(event.key()))
        if self._bounds is None or step is None:
            super().keyPressEvent(event)
            return
        low, high = self._bounds
        level = self._slider.value() + step * (high - low) / KEY_STEPS
        self.moved.emit(min(max(level, low), high), False)

    def _draw_ground(self, cause: Cause, effect: Effect) -> None:
        for item in self._grounds:
            self.removeItem(item)
        brush = pg.mkBrush(theme.color(theme.current().muted, 0.18))
        self._grounds = [
            pg.LinearRegionItem(span, movable=False, brush=brush, pen=pg.mkPen(None)) for span in shaded(cause, effect)
        ]
        for item in self._grounds:
            item.setZValue(-10)
            self.addItem(item)

    def _dragged(self, line: pg.InfiniteLine) -> None:
        if not self._setting:
            self.moved.emit(float(line.value()), True)

    def _released(self, line: pg.InfiniteLine) -> None:
        if not self._setting:
            self.moved.emit(float(line.value()), False)
