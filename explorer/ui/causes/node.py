"""How a node of a causal graph is drawn: its name, its distribution where there is room, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from explorer.scene.causal_graph import Variable
from explorer.scene.causes import Distribution, VariableOutcome
from explorer.ui.causes import distribution as bars
from explorer.ui.causes.handles import handle_of
from explorer.ui.look import theme

WIDTH = 132.0
TALL, LOW, FLAT = 74.0, 46.0, 34.0
"""With a distribution, without, and where there is no room for more than two lines."""
PAD, LEAST_PAD = 8.0, 3.0
BARS_TOP, BARS_HEIGHT = 24.0, 26.0
HANDLE = 5.0
"""Radius of the dot below a node from which arrows are drawn."""


@dataclass(frozen=True)
class NodeLook:
    """``is_marked``: it is one of a pair that is pointed at; ``outline``: the second one of what is seen, which is not
    set; ``is_held``: the pointer means its dot."""

    variable: Variable
    text: str
    is_set: bool = False
    is_open: bool = False
    outline: QRectF | None = None
    is_chosen: bool = False
    is_marked: bool = False
    is_held: bool = False
    distribution: Distribution | None = None
    outcome: VariableOutcome | None = None


def bars_box(box: QRectF) -> QRectF:
    """Where in the node ``box`` its distribution is."""
    return QRectF(box.left() + PAD, box.top() + BARS_TOP, box.width() - 2 * PAD, BARS_HEIGHT)


def paint(painter: QPainter, box: QRectF, look: NodeLook) -> None:
    """The node in ``box``; with its distribution if ``box`` is tall enough."""
    colors = theme.current()
    held = colors.amber if look.is_set else colors.green if look.outline is not None else ""
    border = held or (colors.accent if look.is_chosen or look.is_marked else colors.line)
    pen = QPen(theme.color(border), 2.0 if held or look.is_chosen or look.is_marked else 1.0)
    if look.is_open:
        pen = QPen(theme.color(colors.accent if look.is_chosen else colors.muted), 1.5, Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(theme.color(colors.panel))
    painter.drawRoundedRect(box, 7, 7)
    if look.outline is not None:
        painter.drawRoundedRect(look.outline, 10, 10)
        painter.drawRoundedRect(box, 7, 7)
    font = painter.font()
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(theme.color(held or colors.text))
    name = look.variable.name
    pad = PAD if box.width() >= WIDTH else LEAST_PAD
    inside = box.adjusted(pad, 4, -pad, -5) if box.height() >= LOW else box.adjusted(pad, 0, -pad, -4)
    _line(
        painter,
        inside,
        Qt.AlignmentFlag.AlignTop,
        f"do({name})" if look.is_set else name,
    )
    font.setBold(False)
    painter.setFont(font)
    painter.setPen(theme.color(colors.muted))
    _line(painter, inside, Qt.AlignmentFlag.AlignBottom, look.text)
    if look.distribution is not None and box.height() >= TALL:
        shown = bars.Bars(bars_box(box), look.distribution)
        bars.paint(painter, shown, look.outcome, held or colors.accent, has_levels=bool(look.variable.levels))
    painter.setPen(QPen(theme.color(colors.line), 1.0))
    painter.setBrush(theme.color(colors.accent))
    radius = HANDLE + 2 if look.is_held else HANDLE - 1
    painter.drawEllipse(handle_of(box), radius, radius)


def _line(painter: QPainter, inside: QRectF, edge: Qt.AlignmentFlag, text: str) -> None:
    elided = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, inside.width())
    painter.drawText(inside, Qt.AlignmentFlag.AlignHCenter | edge, elided)
