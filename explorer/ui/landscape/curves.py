"""What changes along the path, over the amount: speed, curvature, the prior's log-density."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from explorer.scene.edit_text import minus
from explorer.scene.landscape import Landscape
from explorer.ui.look import theme

APART = 0.35
"""Two numbers at the side of a plot lie on each other where they are nearer than this share of its height."""

NUMBERS = 60
"""Pixels of width for these: a plot leaves out what does not fit."""


def number(value: float) -> str:
    """``value`` in few enough letters to stand beside a plot."""
    size = abs(value)
    if size >= 1e4 or 0 < size < 1e-3:
        digits, _, power = f"{value:.1e}".partition("e")
        return minus(f"{digits}e{int(power)}")
    return minus(f"{value:.3g}" if size >= 0.1 else f"{value:.2g}")


class PathCurves(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """One small plot below the other; a line stands at the slider's amount."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Speed, curvature and log-density of the prior along the path")
        self._plots: list[pg.PlotItem] = []
        self._lines: list[pg.PlotDataItem] = []
        self._marks: list[pg.InfiniteLine] = []
        self.names: list[pg.TextItem] = []
        for row in range(3):
            plot = self.addPlot(row=row, col=0)
            plot.hideButtons()
            plot.setMenuEnabled(False)
            plot.setMouseEnabled(x=False, y=False)
            plot.getAxis("left").setWidth(NUMBERS)
            plot.getAxis("left").enableAutoSIPrefix(False)
            plot.getAxis("bottom").enableAutoSIPrefix(False)
            if row:
                plot.setXLink(self._plots[0])
            self._plots.append(plot)
            self._lines.append(plot.plot(antialias=True))
            mark = pg.InfiniteLine(0.0, angle=90)
            plot.addItem(mark)
            self._marks.append(mark)
            name = pg.TextItem(anchor=(0, 0))  # inside, where it has room however low the plot is
            name.setParentItem(plot.getViewBox())
            name.setPos(2, -5)
            self.names.append(name)
        self.paint()

    def paint(self, ratio: float = 0.0) -> None:
        """In the colours of the moment, and in lines for a device of ``ratio`` pixels to one of the window's; 0: for
        the screen."""
        ratio = ratio or self.devicePixelRatioF()
        colors = theme.current()
        self.setBackground(colors.panel)
        for name in self.names:
            name.setColor(colors.text)
        for plot, line, mark in zip(self._plots, self._lines, self._marks, strict=True):
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(colors.line)
                plot.getAxis(side).setTextPen(colors.muted)
            line.setPen(pg.mkPen(colors.accent, width=1.8 * ratio))
            mark.setPen(pg.mkPen(colors.amber, width=1.4 * ratio, style=Qt.PenStyle.DashLine))

    def show_landscape(self, landscape: Landscape) -> None:
        """Draw the curves of ``landscape``; one that the space has none of is left out."""
        told: tuple[tuple[str, Sequence[float]], ...] = (
            ("speed", landscape.speed),
            ("curvature", landscape.curvature),
            ("log prior", landscape.log_prior),
        )
        last = 1 if not landscape.log_prior else 2
        for row, (plot, line, (name, values)) in enumerate(zip(self._plots, self._lines, told, strict=True)):
            plot.setVisible(bool(values))
            line.setData(landscape.amounts[: len(values)], values)
            self.names[row].setPlainText(name)
            plot.setLabel("bottom", f"amount in {landscape.unit}" if row == last else None)
            plot.getAxis("bottom").setStyle(showValues=row == last)
            plot.setXRange(landscape.amounts[0], landscape.amounts[-1], padding=0.02)
            if values:
                low, high = min(values), max(values)
                room = max((high - low) * 0.1, abs(high) * 0.02, 1e-3)
                bottom, top = low - room if low < 0 else max(0.0, low - room), high + 4 * room
                plot.setYRange(bottom, top, padding=0)
                ends = (low, high) if high - low > APART * (top - bottom) else (high,)  # a low dock has room for two
                plot.getAxis("left").setTicks([[(end, number(end)) for end in ends]])

    def show_amount(self, amount: float) -> None:
        """Where the slider is."""
        for mark in self._marks:
            mark.setValue(amount)
