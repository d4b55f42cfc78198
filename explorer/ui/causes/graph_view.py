"""A causal graph on a canvas: nodes that are dragged, arrows that are drawn and taken away."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer.scene.causal_graph import CausalGraph, Edge
from explorer.ui.look import theme

Point = tuple[float, float]
WIDTH, HEIGHT = 132.0, 46.0
"""Of a node, in pixels; the unit of places is the width."""
MARGIN = 26.0
HANDLE = 5.0
"""Radius of the dot below a node from which arrows are drawn."""
NEAR = 7.0
"""Pixels from an arrow at which a click means it."""
HEAD = 8.0
BEYOND = 4.0
"""Pixels from a node to its second outline."""


class GraphView(QWidget):
    """Draws a graph with a text in each node. ``set_names``: variables under do(), whose arrows are cut;
    ``seen_names``: those that are seen at a value, whose arrows are not."""

    picked = Signal(str)  # a node, or "" for none
    placed = Signal(str, float, float)  # a node was dragged there
    drawn = Signal(str, str)  # an arrow was drawn from the first to the second
    removed = Signal(str, str)  # an arrow was taken away
    edge_picked = Signal()  # another arrow is chosen, or none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.graph = CausalGraph()
        self.texts: Mapping[str, str] = {}
        self.set_names: frozenset[str] = frozenset()
        self.open_names: frozenset[str] = frozenset()
        self.seen_names: frozenset[str] = frozenset()
        self.places: dict[str, Point] = {}
        self.selected = ""
        self.selected_edge: Edge | None = None
        self._grip: QPointF | None = None  # from where in a node it is dragged
        self._dragged = False
        self._held: tuple[float, float, QPointF] | None = None
        self._from = ""  # the node from which an arrow is being drawn
        self._pointer = QPointF()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(120)
        self.setAccessibleName("Causal graph")

    def show_graph(
        self,
        graph: CausalGraph,
        places: Mapping[str, Point],
        texts: Mapping[str, str],
        set_names: frozenset[str],
        open_names: frozenset[str],
        seen_names: frozenset[str] = frozenset(),
    ) -> None:
        """``places``: of every node, in node widths."""
        if self._grip is None:
            self.places = dict(places)
        self.graph, self.texts = graph, texts
        self.set_names, self.open_names, self.seen_names = set_names, open_names, seen_names
        if self.selected not in graph.names:
            self.selected = ""
        if self.selected_edge not in graph.edges:
            self.selected_edge = None
        self.update()

    # --- where things are ---

    def _fit(self) -> tuple[float, float, QPointF]:
        """Pixels of a unit of places, across and down, less than a node's width where the graph would not fit, and the
        middle of the graph in places. It stays while a node is dragged."""
        if self._grip is not None and self._held is not None:
            return self._held
        across = [x for x, _ in self.places.values()] or [0.0]
        down = [y for _, y in self.places.values()] or [0.0]
        extents = (max(across) - min(across), max(down) - min(down))
        room = (self.width() - WIDTH - 2 * MARGIN, self.height() - HEIGHT - 2 * MARGIN)
        scales = [
            min(WIDTH, max(available / extent, 20.0)) if extent > 0 else WIDTH
            for available, extent in zip(room, extents, strict=True)
        ]
        centre = QPointF((max(across) + min(across)) / 2, (max(down) + min(down)) / 2)
        self._held = (scales[0], scales[1], centre)
        return self._held

    def middle(self, name: str) -> QPointF:
        """Of the node ``name``, in pixels of the widget."""
        wide, high, centre = self._fit()
        x, y = self.places[name]
        return QPointF(self.width() / 2 + (x - centre.x()) * wide, self.height() / 2 + (y - centre.y()) * high)

    def box(self, name: str) -> QRectF:
        """The node ``name``, in pixels of the widget."""
        middle = self.middle(name)
        return QRectF(middle.x() - WIDTH / 2, middle.y() - HEIGHT / 2, WIDTH, HEIGHT)

    def handle(self, name: str) -> QPointF:
        """The dot below the node ``name``."""
        box = self.box(name)
        return QPointF(box.center().x(), box.bottom())

    def node_at(self, point: QPointF) -> str:
        """The node under ``point``; empty where there is none."""
        return next((name for name in reversed(self.graph.names) if self.box(name).contains(point)), "")

    def edge_at(self, point: QPointF) -> Edge | None:
        """The arrow nearest to ``point``, if one is near."""
        distances = {edge: _distance(point, *self._ends(edge)) for edge in self.graph.edges}
        nearest = min(distances, key=distances.__getitem__, default=None)
        return nearest if nearest is not None and distances[nearest] <= NEAR else None

    def _ends(self, edge: Edge) -> tuple[QPointF, QPointF]:
        first, last = self.middle(edge[0]), self.middle(edge[1])
        return _on_rim(self._outline(edge[0]), last), _on_rim(self._outline(edge[1]), first)

    def _outline(self, name: str) -> QRectF:
        """The outer one of the node ``name``; what is seen has two."""
        beyond = BEYOND if name in self.seen_names else 0.0
        return self.box(name).adjusted(-beyond, -beyond, beyond, beyond)

    # --- the hand ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        point = event.position()
        self._pointer = point
        for name in self.graph.names:
            if _length(point - self.handle(name)) <= HANDLE + 4:
                self._from = name
                self.update()
                return
        name = self.node_at(point)
        before, self.selected_edge = self.selected_edge, None if name else self.edge_at(point)
        if before != self.selected_edge:
            self.edge_picked.emit()
        self._grip = point - self.middle(name) if name else None
        self._dragged = False
        if name != self.selected:
            self.selected = name
            self.picked.emit(name)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._grip is not None and event.buttons() & Qt.MouseButton.LeftButton:
            wide, high, _ = self._fit()
            by = self._pointer - self._grip - self.middle(self.selected)
            x, y = self.places[self.selected]
            self.places[self.selected] = (x + by.x() / wide, y + by.y() / high)
            self._dragged = True
        over_handle = any(_length(self._pointer - self.handle(name)) <= HANDLE + 4 for name in self.graph.names)
        self.setCursor(Qt.CursorShape.CrossCursor if over_handle or self._from else Qt.CursorShape.ArrowCursor)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from:
            first, last = self._from, self.node_at(event.position())
            self._from = ""
            if last and last != first:
                self.drawn.emit(first, last)
        elif self._grip is not None:
            self._grip = None
            if self._dragged:  # a click alone moves nothing
                self.placed.emit(self.selected, *self.places[self.selected])
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.selected_edge is not None:
            self.removed.emit(*self.selected_edge)
            return
        super().keyPressEvent(event)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme.current()
        for edge in self.graph.edges:
            chosen, cut = edge == self.selected_edge, edge[1] in self.set_names
            color = theme.color(colors.accent if chosen else colors.line if cut else colors.muted)
            self._arrow(painter, *self._ends(edge), color, dashed=cut, wide=chosen)
        if self._from:
            self._arrow(painter, self.handle(self._from), self._pointer, theme.color(colors.accent))
        for name in self.graph.names:
            self._node(painter, name)
        painter.end()

    def _node(self, painter: QPainter, name: str) -> None:
        colors = theme.current()
        box, done, seen = self.box(name), name in self.set_names, name in self.seen_names
        marked = colors.amber if done else colors.green if seen else ""
        border = marked or (colors.accent if name == self.selected else colors.line)
        pen = QPen(theme.color(border), 2.0 if marked or name == self.selected else 1.0)
        if name in self.open_names:
            pen = QPen(theme.color(colors.muted), 1.5, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(theme.color(colors.panel))
        painter.drawRoundedRect(box, 7, 7)
        if seen:  # a second outline: it is looked at, not held
            painter.drawRoundedRect(self._outline(name), 10, 10)
            painter.drawRoundedRect(box, 7, 7)
        title = f"do({name})" if done else name
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(theme.color(marked or colors.text))
        inside = box.adjusted(8, 5, -8, -5)
        painter.drawText(
            inside, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, _elided(painter, title, inside)
        )
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(theme.color(colors.muted))
        text = _elided(painter, self.texts.get(name, ""), inside)
        painter.drawText(inside, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, text)
        painter.setPen(QPen(theme.color(colors.line), 1.0))
        painter.setBrush(theme.color(colors.accent))
        painter.drawEllipse(self.handle(name), HANDLE - 1, HANDLE - 1)

    def _arrow(
        self, painter: QPainter, first: QPointF, last: QPointF, color: QColor, dashed: bool = False, wide: bool = False
    ) -> None:
        pen = QPen(color, 2.5 if wide else 1.6)
        if dashed:
            pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawLine(first, last)
        angle = math.atan2(last.y() - first.y(), last.x() - first.x())
        head = QPainterPath(last)
        for turn in (-0.42, 0.42):
            head.lineTo(last - QPointF(HEAD * math.cos(angle + turn), HEAD * math.sin(angle + turn)))
        head.closeSubpath()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPath(head)


def _elided(painter: QPainter, text: str, inside: QRectF) -> str:
    return QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, inside.width())


def _length(vector: QPointF) -> float:
    return math.hypot(vector.x(), vector.y())


def _on_rim(box: QRectF, towards: QPointF) -> QPointF:
    """Where the line from the middle of ``box`` to ``towards`` leaves it."""
    middle = box.center()
    way = towards - middle
    shares = [
        half / abs(part) for half, part in ((box.width() / 2, way.x()), (box.height() / 2, way.y())) if abs(part) > 1e-6
    ]
    return middle + way * min([1.0, *shares])


def _distance(point: QPointF, first: QPointF, last: QPointF) -> float:
    """From ``point`` to the straight line between the two."""
    way = last - first
    square = way.x() ** 2 + way.y() ** 2
    along = QPointF.dotProduct(point - first, way) / square if square > 0 else 0.0
    return _length(point - first - way * min(1.0, max(0.0, along)))
