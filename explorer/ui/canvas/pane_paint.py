"""How one pane looks: the scaled picture, an error in its place, the divider, the caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QLinearGradient, QPainter, QPen

from explorer.outputs import signed_scale
from explorer.ui.look import icons, theme

HINT_GAP = 6  # pixels around a hint


def paint_image(painter: QPainter, image: QImage, target: QRect, device_ratio: float, pixels: bool) -> None:
    """Scale ``image`` into ``target``; ``pixels``: magnify without smoothing. ``device_ratio``: of the screen."""
    ratio = target.width() * device_ratio / image.width()
    if ratio < 0.6:
        # Bilinear sampling skips pixels below one half; this averages them.
        size = target.size() * device_ratio
        mode = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
    smooth = not (pixels and ratio >= 1)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.drawImage(target, image)


def paint_image_or_hint(painter: QPainter, image: QImage, target: QRect, device_ratio: float, hint: str) -> None:
    """``image`` as :func:`paint_image` does; where there is none, its place, and in it why."""
    if not image.isNull():
        paint_image(painter, image, target, device_ratio, pixels=False)
        return
    colors = theme.current()
    painter.fillRect(target, theme.color(colors.hover))
    painter.setPen(theme.color(colors.muted))
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(target.adjusted(HINT_GAP, HINT_GAP, -HINT_GAP, -HINT_GAP), flags, hint)


def paint_sentence(
    painter: QPainter, colors: theme.Theme, sentence: str, colour: str, over_picture: bool, target: QRect
) -> None:
    """``sentence`` where the picture would be, over the last one if there is one."""
    painter.fillRect(target, theme.color(colors.panel, 0.86 if over_picture else 1.0))
    painter.setPen(theme.color(colour))
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(target.adjusted(16, 16, -16, -16), flags, sentence)


def paint_divider(painter: QPainter, colors: theme.Theme, split: float, halves: tuple[str, str], target: QRect) -> None:
    """The line between before and after, its handle, and what each of the ``halves`` is called, where that covers
    little of it."""
    x = target.left() + split * target.width()
    top, bottom = QPointF(x, target.top()), QPointF(x, target.bottom() + 1)
    painter.setPen(QPen(QColor(0, 0, 0, 110), 3))
    painter.drawLine(top, bottom)
    painter.setPen(QPen(QColor(255, 255, 255), 1.4))
    painter.drawLine(top, bottom)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(theme.color(colors.accent))
    painter.drawEllipse(QPointF(x, target.center().y()), 7, 7)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for text, place, room in (
        (halves[0], Qt.AlignmentFlag.AlignLeft, x - target.left()),
        (halves[1], Qt.AlignmentFlag.AlignRight, target.right() - x),
    ):
        box = _tag(painter, text)
        if box.width() > COVERED * (room - 2 * TAG_MARGIN):
            continue  # the caption says in which order they are
        box.moveTop(target.top() + TAG_MARGIN)
        if place == Qt.AlignmentFlag.AlignLeft:
            box.moveLeft(target.left() + TAG_MARGIN)
        else:
            box.moveRight(target.right() - TAG_MARGIN)
        _paint_tag(painter, text, box)


def paint_scale(painter: QPainter, target: QRect) -> None:
    """The colours of a signed difference between their numbers, in the upper right corner of a picture; where they
    would cover much of it, nothing."""
    low, high = signed_scale.LOW, signed_scale.HIGH
    ends = [painter.fontMetrics().horizontalAdvance(text) for text in (low, high)]
    box = QRect(0, 0, sum(ends) + SCALE_WIDTH + 4 * 6, painter.fontMetrics().height() + 4)
    if box.width() > COVERED * target.width():
        return
    box.moveTopRight(target.topRight() + QPoint(-TAG_MARGIN, TAG_MARGIN))
    painter.fillRect(box, QColor(0, 0, 0, 140))
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(box.adjusted(6, 0, 0, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, low)
    painter.drawText(box.adjusted(0, 0, -6, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, high)
    bar = QRect(box.left() + ends[0] + 12, box.top() + 5, SCALE_WIDTH, box.height() - 10)
    colours = QLinearGradient(QPointF(bar.topLeft()), QPointF(bar.topRight()))
    for number, stop in enumerate(signed_scale.STOPS):
        colours.setColorAt(number / (len(signed_scale.STOPS) - 1), QColor(*stop))
    painter.fillRect(bar, colours)


def _tag(painter: QPainter, text: str) -> QRect:
    return QRect(0, 0, painter.fontMetrics().horizontalAdvance(text) + 12, painter.fontMetrics().height() + 4)


def _paint_tag(painter: QPainter, text: str, box: QRect) -> None:
    painter.fillRect(box, QColor(0, 0, 0, 140))
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


TAG_MARGIN = 8  # between a tag on a picture and the picture's edge
COVERED = 0.45  # of the width of a picture, or of its half, that a tag may take
NOTE_GAP = 7  # before what has to be known of a picture, in pixels
SIGN = 13  # pixels of the sign before what has to be known of a picture
SCALE_WIDTH = 44  # of the colours of a signed difference
SIDE_GAP = 12  # between the name of a row and its first picture
LEAST_TITLE = 4  # letters: a title of which less would be left is left out


@dataclass(frozen=True)
class Note:
    """What has to be known of a picture, in its caption: ``texts``, the longest first, after a sign, which is all there
    is where none fits. ``passes``: it will be over in a moment, so it has no sign."""

    texts: Sequence[str]
    passes: bool = False

    def beside(self, metrics: QFontMetrics, room: int) -> str:
        """The first of its texts that fits into ``room`` pixels; empty where none does."""
        return next((text for text in self.texts if self.width(metrics, text) <= room), "")

    def width(self, metrics: QFontMetrics, text: str) -> int:
        """Pixels of ``text`` with its sign and the gap before them."""
        sign = 0 if self.passes else SIGN + (4 if text else 0)
        return NOTE_GAP + sign + metrics.horizontalAdvance(text) if sign or text else 0

    def paint(self, painter: QPainter, colors: theme.Theme, text: str, box: QRect) -> None:
        """``text`` at the left of ``box``, after its gap."""
        inside = box.adjusted(NOTE_GAP, 0, 0, 0)
        tint = colors.muted if self.passes else colors.amber
        if not self.passes:
            top = box.center().y() - SIGN // 2
            scale = painter.device().devicePixelRatioF()
            painter.drawPixmap(QRect(inside.left(), top, SIGN, SIGN), icons.pixmap("warning", tint, SIGN, scale))
            inside = inside.adjusted(SIGN + 4, 0, 0, 0)
        painter.setPen(theme.color(tint))
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def paint_caption(
    painter: QPainter,
    colors: theme.Theme,
    title: str,
    figure: str,
    box: QRect,
    bold: bool = True,
    title_leads: bool = False,
    note: Note | None = None,
    figure_share: float = 1.0,
) -> None:
    """``title`` at the left, ``figure`` at the right. The title gives way to the figure, which is what one compares;
    where it is ``bold``, the method's, and next to nothing would be left of it, altogether. Where it is not, it ends
    with an amount, which is not cut. ``title_leads``: where there is no room for both, there is no figure. ``note``:
    after the title, as much of it as leaves the others whole. ``figure_share``: of the width; a title is not cut for
    more of the figure than that, which is shortened instead."""
    font = painter.font()
    plain = painter.fontMetrics()
    wanted = 0
    if figure and not title_leads:
        wanted = min(plain.horizontalAdvance(figure), int(figure_share * box.width())) + 13
    font.setBold(bold)
    painter.setFont(font)
    painter.setPen(theme.color(colors.text))
    # A pixel more than its advance, which is rounded: what fits is not cut.
    whole = painter.fontMetrics().horizontalAdvance(title) + 1
    beside = plain.horizontalAdvance(figure) + 13 if figure else 0
    mark = note.beside(plain, box.width() - whole - beside) if note is not None else ""
    noted = note.width(plain, mark) if note is not None else 0
    own = min(whole, max(0, box.width() - wanted - noted))
    if bold and own < min(whole, LEAST_TITLE * painter.fontMetrics().averageCharWidth()):
        title, own = "", 0
    cut = Qt.TextElideMode.ElideRight if bold else Qt.TextElideMode.ElideMiddle
    title = painter.fontMetrics().elidedText(title, cut, own)
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
    font.setBold(False)
    painter.setFont(font)
    if note is not None:
        note.paint(painter, colors, mark, box.adjusted(own, 0, 0, 0))
    own += noted
    painter.setPen(theme.color(colors.muted))
    # In the middle: a control's name is shortened, not its amount.
    left = box.width() - (own + 12 if own else 0)
    if title_leads and painter.fontMetrics().horizontalAdvance(figure) > left:
        return
    figure = painter.fontMetrics().elidedText(figure, Qt.TextElideMode.ElideMiddle, max(0, left))
    painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, figure)


def paint_heading(painter: QPainter, colors: theme.Theme, title: str, note: str, box: QRect) -> None:
    """The name of a column of panes over it, in bold, and a quiet ``note`` after it."""
    plain, bold = QFont(painter.font()), QFont(painter.font())
    bold.setBold(True)
    painter.setFont(bold)
    painter.setPen(theme.color(colors.text))
    shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
    rest = box.adjusted(painter.fontMetrics().horizontalAdvance(shown) + 8, 0, 0, 0)
    painter.setFont(plain)
    painter.setPen(theme.color(colors.muted))
    if note and painter.fontMetrics().horizontalAdvance(note) <= rest.width():
        painter.drawText(rest, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, note)


def paint_side(painter: QPainter, colors: theme.Theme, text: str, box: QRect) -> None:
    """The name of a row of panes at its left, at half height."""
    painter.setPen(theme.color(colors.muted))
    painter.drawText(
        box.adjusted(0, 0, -SIDE_GAP, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text
    )
