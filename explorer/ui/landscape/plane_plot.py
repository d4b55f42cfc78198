"""The plane: potential or curl as filled contours, arrows of the field, the path and the point on it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from explorer.scene.landscape import FieldOnPlane, Landscape
from explorer.ui.landscape.scale import ColourScale
from explorer.ui.landscape.text import Numbers, grid, nearest, point_at, scale_label
from explorer.ui.look import theme

LEVELS = 14  # of the filled contours
FINE = 6  # times finer than the grid are they drawn
ARROWS = 13  # a side
KEY_STEPS = 60  # of the arrow keys, over the slider


class PlanePlot(pg.PlotWidget):  # type: ignore[misc]
    """Drag the point, or press the arrow keys: :attr:`moved` says how far the slider goes."""

    moved = Signal(float, bool)  # amount, whether the drag goes on

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._landscape: Landscape | None = None
        self._amount = 0.0
        self._setting = False
        self.setAspectLocked(True)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The path of the slider on a plane; the arrow keys move along it")
        self._image = pg.ImageItem()
        self._lines: list[pg.IsocurveItem] = []
        self._arrows = pg.PlotCurveItem(connect="pairs")
        self._straight = pg.PlotCurveItem()
        self._path = pg.PlotCurveItem(antialias=True)
        self._start = pg.ScatterPlotItem(size=7)
        self._point = pg.TargetItem((0, 0), size=15, movable=True)
        for item in (self._image, self._arrows, self._straight, self._path, self._start, self._point):
            self.addItem(item)
        self.scale = ColourScale()
        layout = self.getPlotItem().layout
        layout.addItem(self.scale, 2, 4)
        layout.setContentsMargins(4, 4, 4, 4)
        self._point.sigPositionChanged.connect(self._dragged)
        self._point.sigPositionChangeFinished.connect(self._released)
        self.paint()

    def paint(self, ratio: float = 0.0) -> None:
        """In the colours of the moment, and in lines for a device of ``ratio`` pixels to one of the window's; 0: for
        the screen."""
        self._ratio = ratio or self.devicePixelRatioF()
        colors = theme.current()
        self.setBackground(colors.panel)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setPen(colors.line)
            axis.setTextPen(colors.muted)
        self.scale.paint_in(colors)
        self._arrows.setPen(pg.mkPen(theme.color(colors.text, 0.55), width=1 * self._ratio))
        self._straight.setPen(pg.mkPen(colors.amber, width=1.6 * self._ratio, style=Qt.PenStyle.DashLine))
        self._path.setPen(pg.mkPen(colors.accent, width=2.6 * self._ratio))
        self._start.setBrush(colors.panel)
        self._start.setPen(pg.mkPen(colors.text, width=1.4 * self._ratio))
        self._point.setPen(pg.mkPen(colors.text, width=1.6 * self._ratio))
        self._point.setBrush(pg.mkBrush(colors.accent))
        self._point.setHoverPen(pg.mkPen(colors.text, width=2.4 * self._ratio))
        self._point.setHoverBrush(pg.mkBrush(colors.accent))
        if self._landscape is not None:
            self._draw_field(self._landscape)

    def show_landscape(self, landscape: Landscape) -> None:
        """Draw ``landscape``; the point stays at its amount."""
        is_new = self._landscape is None or self._landscape.extent != landscape.extent
        self._landscape = landscape
        x, y = np.array(landscape.path).T
        self._path.setData(x, y)
        (a, b), (c, d) = landscape.straight
        self._straight.setData([a, c], [b, d])
        self._start.setData([0.0], [0.0])
        self.setLabel("bottom", landscape.horizontal)
        self.setLabel("left", landscape.vertical)
        self._draw_field(landscape)
        if is_new:
            left, right, bottom, top = landscape.extent
            self.setRange(QRectF(left, bottom, right - left, top - bottom), padding=0)
        self.show_amount(self._amount)

    def show_amount(self, amount: float) -> None:
        """Put the point where the slider is."""
        self._amount = amount
        if self._landscape is not None:
            self._setting = True
            self._point.setPos(*point_at(self._landscape, amount))
            self._setting = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if self._landscape is None:
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Home:
            self.moved.emit(0.0, False)
        elif steps is not None:
            low, high = self._landscape.amounts[0], self._landscape.amounts[-1]
            self.moved.emit(min(max(self._amount + steps * (high - low) / KEY_STEPS, low), high), False)
        else:
            super().keyPressEvent(event)

    # --- inside ---

    def _dragged(self) -> None:
        if self._setting or self._landscape is None:
            return
        place = self._point.pos()
        amount = nearest(self._landscape, place.x(), place.y())
        self.show_amount(amount)
        self.moved.emit(amount, True)

    def _released(self) -> None:
        if not self._setting and self._landscape is not None:
            self.moved.emit(self._amount, False)

    def _draw_field(self, landscape: Landscape) -> None:
        for line in self._lines:
            self.removeItem(line)
        self._lines = []
        field = landscape.field
        self._image.setVisible(field is not None)
        if field is None:
            self._arrows.setData([], [])
            self.scale.clear_scale()
            return
        left, right, bottom, top = landscape.extent
        shown = grid(field, field.potential or field.curl)
        fine = finer(shown, FINE * field.size)
        levels = np.linspace(fine.min(), fine.max(), LEVELS + 1)
        steps = np.clip(np.digitize(fine, levels) - 1, 0, LEVELS - 1)
        self._image.setImage(steps.T.astype(np.uint8), levels=(0, LEVELS - 1))
        steps_of_colour = colours(bool(field.potential), shown)
        self._image.setLookupTable(steps_of_colour)
        if label := scale_label(landscape):
            self.scale.show_scale(label, float(levels[0]), float(levels[-1]), steps_of_colour)
        else:
            self.scale.clear_scale()
        self._image.setRect(QRectF(left, bottom, right - left, top - bottom))
        if field.potential and levels[-1] > levels[0]:
            pen = pg.mkPen(theme.color(theme.current().text, 0.22), width=0.8 * self._ratio)
            for level in levels[1:-1]:
                line = pg.IsocurveItem(shown.T, level, pen)
                self._placed(line, field, landscape)
                self._lines.append(line)
        self._draw_arrows(field, landscape)

    def _placed(self, line: pg.IsocurveItem, field: FieldOnPlane, landscape: Landscape) -> None:
        """A curve of the grid's points, whose units are points of the grid."""
        left, right, bottom, top = landscape.extent
        transform = pg.QtGui.QTransform()
        transform.translate(left, bottom)
        transform.scale((right - left) / (field.size - 1), (top - bottom) / (field.size - 1))
        line.setTransform(transform)
        self.addItem(line)
        line.setZValue(-1)

    def _draw_arrows(self, field: FieldOnPlane, landscape: Landscape) -> None:
        """As long as the field is strong, the strongest as long as they are apart."""
        left, right, bottom, top = landscape.extent
        places = np.linspace(0, field.size - 1, ARROWS + 2).round().astype(int)[1:-1]
        across, up = (grid(field, part)[np.ix_(places, places)] for part in (field.across, field.up))
        strongest = float(np.hypot(across, up).max())
        if strongest <= 0:
            self._arrows.setData([], [])
            return
        apart = (right - left) / (ARROWS + 1)
        x, y = np.meshgrid(
            left + (right - left) * places / (field.size - 1), bottom + (top - bottom) * places / (field.size - 1)
        )
        dx, dy = across / strongest * apart * 0.9, up / strongest * apart * 0.9
        tip_x, tip_y = x + dx, y + dy
        lines = [(x, y, tip_x, tip_y)]
        for turn in (2.6, -2.6):  # the two sides of the head
            head_x = tip_x + 0.35 * (np.cos(turn) * dx - np.sin(turn) * dy)
            head_y = tip_y + 0.35 * (np.sin(turn) * dx + np.cos(turn) * dy)
            lines.append((tip_x, tip_y, head_x, head_y))
        pairs_x = np.concatenate([np.stack([a.ravel(), c.ravel()], 1).ravel() for a, _, c, _ in lines])
        pairs_y = np.concatenate([np.stack([b.ravel(), d.ravel()], 1).ravel() for _, b, _, d in lines])
        self._arrows.setData(pairs_x, pairs_y, connect="pairs")


def finer(numbers: Numbers, size: int) -> Numbers:
    """(size, size) of (n, n), by linear interpolation along both axes."""
    old, new = np.arange(len(numbers)), np.linspace(0, len(numbers) - 1, size)
    rows = np.stack([np.interp(new, old, row) for row in numbers])
    return np.stack([np.interp(new, old, column) for column in rows.T], axis=1)


def colours(potential: bool, shown: Numbers) -> NDArray[np.uint8]:
    """(levels, 3) from low to high: towards the accent; of a curl from one sense of turning to the other, with the
    panel's own colour where it is 0."""
    colors = theme.current()
    ends = [theme.color(one) for one in (colors.amber, colors.panel, colors.accent)]
    amber, panel, accent = (np.array([one.red(), one.green(), one.blue()], float) for one in ends)
    share = np.linspace(0, 1, LEVELS)[:, None]
    if potential:
        return np.asarray(panel + (0.08 + 0.5 * share) * (accent - panel), np.uint8)
    low, high = float(shown.min()), float(shown.max())
    most = max(abs(low), abs(high), 1e-12)
    curl = (low + share * (high - low)) / most
    turned = np.where(curl >= 0, panel + 0.6 * curl * (accent - panel), panel - 0.6 * curl * (amber - panel))
    return np.asarray(turned, np.uint8)
