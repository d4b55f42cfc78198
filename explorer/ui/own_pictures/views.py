"""A picture with what it is below it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.canvas.pane_paint import paint_image_or_hint
from explorer.ui.look import theme

LEAST, LARGEST = 96, 320  # pixels of a side
GAP = 4


class CaptionedPicture(QWidget):
    """As large as the height allows, in its own proportions; the empty place says ``hint``."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image, self._caption, self._hint = QImage(), "", ""
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(LEAST, LEAST)

    def show_picture(self, png: bytes, caption: str, hint: str = "") -> None:
        """The picture in the bytes of a PNG file; none where there are none."""
        self._image, self._caption, self._hint = QImage.fromData(png) if png else QImage(), caption, hint
        self.setAccessibleDescription(caption)
        self.update()

    def sizeHint(self) -> QSize:
        side = min(max(self.height() - self._line(), LEAST), LARGEST)
        return QSize(side, side + self._line())

    def _line(self) -> int:
        return self.fontMetrics().height() + GAP

    def target(self) -> QRect:
        """Where the picture is painted."""
        size = QSize(1, 1) if self._image.isNull() else self._image.size()
        room = QSize(min(self.width(), LARGEST), min(self.height() - self._line(), LARGEST))
        return QRect(QPoint(0, 0), size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio))

    def resizeEvent(self, event: object) -> None:
        # The width follows the height, which the dock decides.
        side = min(max(self.height() - self._line(), LEAST), LARGEST)
        if self.maximumWidth() != side:
            self.setMaximumWidth(side)
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors, target = theme.current(), self.target()
        painter = QPainter(self)
        paint_image_or_hint(painter, self._image, target, self.devicePixelRatioF(), self._hint)
        painter.setPen(theme.color(colors.muted))
        below = QRect(0, target.bottom() + 1 + GAP, self.width(), self.fontMetrics().height())
        text = self.fontMetrics().elidedText(self._caption, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
