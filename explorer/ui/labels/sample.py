"""The sample that is labelled, large, which takes the keys while it has the focus; and strips of small ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.canvas.pane_paint import paint_image, paint_image_or_hint
from explorer.ui.look import theme

Said = Literal["yes", "no", "skipped"]
LEAST, LARGEST = 88, 320  # pixels of the sample that is labelled
SMALL = 64  # pixels of one in a strip
GAP = 6
RING = 3  # pixels around the large one, for the focus
MARK = 17.0  # pixels of the mark of an answer


class SampleView(QWidget):
    """The sample to be answered, as large as the height allows; ``hint`` stands there while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._hint = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(LEAST, LEAST)
        self.setMaximumWidth(LEAST)
        self.setAccessibleName("Sample to label")

    def sizeHint(self) -> QSize:
        side = min(max(self.height(), LEAST), LARGEST)
        return QSize(side, side)

    def show_sample(self, image: QImage | None, hint: str) -> None:
        """The picture; None while it is on its way."""
        self._image, self._hint = image if image is not None else QImage(), hint
        self.update()

    def target(self) -> QRect:
        """Where the picture is painted, in its own proportions."""
        size = QSize(1, 1) if self._image.isNull() else self._image.size()
        side = min(self.height() - 2 * RING, self.width() - 2 * RING, LARGEST)
        scaled = QRect(QPoint(0, 0), size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
        scaled.moveCenter(self.rect().center())
        return scaled

    def resizeEvent(self, event: object) -> None:
        # The width follows the height, which the dock decides, where there is room beside the answers.
        side = min(self.height(), LARGEST)
        if self.maximumWidth() != side:
            self.setMaximumWidth(side)
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors, target = theme.current(), self.target()
        painter = QPainter(self)
        paint_image_or_hint(painter, self._image, target, self.devicePixelRatioF(), self._hint)
        if self.hasFocus():
            painter.setPen(QPen(theme.color(colors.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(target.adjusted(-2, -2, 1, 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()


class SampleStrip(QWidget):
    """Small samples in a row, as many as there is room for, each perhaps with what was answered."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._samples: list[tuple[QImage | None, Said | None]] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(SMALL // 2)
        self.setAccessibleName(title)

    def sizeHint(self) -> QSize:
        return QSize(400, self._top() + SMALL)

    def show_samples(self, samples: Sequence[tuple[QImage | None, Said | None]]) -> None:
        """These from left to right; None where a picture is on its way, or is not kept any more."""
        self._samples = list(samples)
        self.update()

    def places(self) -> list[QRect]:
        """Where the samples that fit are painted."""
        side = min(SMALL, self.height() - self._top())
        count = min(len(self._samples), (self.width() + GAP) // (side + GAP)) if side > 0 else 0
        return [QRect(index * (side + GAP), self._top(), side, side) for index in range(count)]

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        if not self._samples:
            return
        painter.setPen(theme.color(colors.muted))
        painter.setFont(theme.caption_font(self.font()))
        painter.drawText(QPoint(0, painter.fontMetrics().ascent()), self._title)
        painter.setFont(self.font())
        for place, (image, said) in zip(self.places(), self._samples, strict=False):
            if image is None:
                painter.fillRect(place, theme.color(colors.hover))
            else:
                target = QRect(QPoint(0, 0), image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio))
                target.moveCenter(place.center())
                paint_image(painter, image, target, self.devicePixelRatioF(), pixels=False)
            if said is not None:
                _paint_mark(painter, colors, place, said)

    def _top(self) -> int:
        return self.fontMetrics().height() + 2


def _paint_mark(painter: QPainter, colors: theme.Theme, place: QRect, said: Said) -> None:
    """What was answered, in the corner: filled for yes, so that it does not depend on a colour alone."""
    corner = QRectF(place.right() + 1 - MARK, place.bottom() + 1 - MARK, MARK, MARK)
    fill = colors.accent if said == "yes" else colors.panel
    ink = colors.on_accent if said == "yes" else colors.text
    painter.fillRect(corner, theme.color(fill))
    painter.setPen(theme.color(ink))
    painter.drawText(corner, Qt.AlignmentFlag.AlignCenter, {"yes": "✓", "no": "✕", "skipped": "–"}[said])
