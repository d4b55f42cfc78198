"""The scale beside the plane: which number each of its colours stands for, and in which unit."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF

from explorer.ui.look import theme

BAR = 12  # pixels of width
NUMBERS = 46  # pixels of width beside it
NAME = 18  # pixels of width of its label


class ColourScale(pg.PlotItem):  # type: ignore[misc]
    """A bar of steps, with numbers at its right and what they are at its left; it takes no room while it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.label = ""
        self.range = (0.0, 1.0)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self._bar = pg.ImageItem()
        self.addItem(self._bar)
        self.showAxis("right")
        self.hideAxis("bottom")
        self.getAxis("left").setStyle(showValues=False, tickLength=0)
        for side in ("left", "right"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.clear_scale()

    def paint_in(self, colors: theme.Theme) -> None:
        """In the colours of the moment."""
        for side in ("left", "right"):
            self.getAxis(side).setPen(colors.line)
            self.getAxis(side).setTextPen(colors.muted)

    def clear_scale(self) -> None:
        """There are no colours."""
        self.label = ""
        self._set_width(0)
        self.setVisible(False)

    def show_scale(self, label: str, low: float, high: float, steps: NDArray[np.uint8]) -> None:
        """The colours ``steps`` (n, 3) stand for ``low`` to ``high``, which is more."""
        self.label, self.range = label, (low, high)
        self._bar.setImage(np.arange(len(steps), dtype=np.uint8)[None, :], levels=(0, len(steps) - 1))
        self._bar.setLookupTable(steps)
        self._bar.setRect(QRectF(0, low, 1, high - low))
        self.setRange(xRange=(0, 1), yRange=(low, high), padding=0)
        self.getAxis("left").setLabel(label)
        self._set_width(BAR + NUMBERS + NAME)
        self.setVisible(True)
        self.getAxis("left").setWidth(NAME)  # an axis that is hidden takes none
        self.getAxis("right").setWidth(NUMBERS)

    def _set_width(self, width: int) -> None:
        self.setMinimumWidth(width)
        self.setMaximumWidth(width)
