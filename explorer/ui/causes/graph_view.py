"""A causal graph on a canvas: nodes that are dragged, arrows that are drawn and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from explorer.scene.causal_graph import CausalGraph, Edge
from explorer.scene.causes import Distribution, VariableOutcome
from explorer.ui.causes import lines, node
from explorer.ui.causes.fit import Fit, Point, fitted, least_height
from explorer.ui.causes.handles import handle_at, handle_of
from explorer.ui.causes.node import NodeLook
from explorer.ui.look import theme

LineKind = Literal["arrow", "hidden", "suggested"]
Line = tuple[LineKind, Edge]
NEAR = 7.0
"""Pixels from an arrow at which a click means it."""
BEYOND = 4.0
"""Pixels from a node to its second outline."""
CUT = 0.65
"""How opaque an arrow is that do() has cut."""
LEAST_HEIGHT = 60
"""Pixels, of a graph without nodes."""


class GraphView(QWidget):
    """Draws a graph with a text in each node. ``set_names``: variables under do(), whose arrows are cut;
    ``seen_names``: those that are seen at a value, whose arrows are not. ``distributions``, ``outcomes``: what is drawn
    in the nodes; ``marked``: a pair that is pointed at."""

    picked = Signal(str)  # a node, or "" for none
    placed = Signal(str, float, float)  # a node was dragged there
    drawn = Signal(str, str)  # an arrow was drawn from the first to the second
    removed = Signal(str, str)  # an arrow was taken away
    freed = Signal(str, str)  # a hidden common cause was taken away
    refused = Signal(str, str)  # a suggested arrow was refused
    accepted = Signal(str, str)  # a suggested arrow was accepted
    left_out = Signal(str)  # a node was taken away
    edge_picked = Signal()  # another arrow is chosen, or none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.graph = CausalGraph()
        self.texts: Mapping[str, str] = {}
        self.set_names: frozenset[str] = frozenset()
        self.open_names: frozenset[str] = frozenset()
        self.seen_names: frozenset[str] = frozenset()
        self.distributions: Mapping[str, Distribution] = {}
        self.outcomes: Mapping[str, VariableOutcome] = {}
        self.marked: Edge | None = None
        self.places: dict[str, Point] = {}
        self.selected = ""
        self.selected_line: Line | None = None
        self._grip: QPointF | None = None  # from where in a node it is dragged
        self._dragged = False
        self._held: Fit | None = None
        self._from = ""  # the node from which an arrow is being drawn
        self._over = ""  # the node whose dot the pointer means
        self._pointer, self._pressed = QPointF(), QPointF()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(LEAST_HEIGHT)
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
        if self.selected_line not in self.lines():
            self.selected_line = None
        if self.marked is not None and not set(self.marked) <= set(graph.names):
            self.marked = None
        self._make_room()
        self.update()

    def show_variables(
        self, distributions: Mapping[str, Distribution], outcomes: Mapping[str, VariableOutcome]
    ) -> None:
        """What is drawn in the nodes."""
        self.distributions, self.outcomes = distributions, outcomes
        self.update()

    def mark(self, pair: Edge | None) -> None:
        """Point at two nodes, or at none."""
        self.marked = pair
        self.update()

    @property
    def selected_edge(self) -> Edge | None:
        """The arrow that is chosen."""
        return self.selected_line[1] if self.selected_line is not None and self.selected_line[0] == "arrow" else None

    # --- where things are ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Be high enough for all nodes; what it lies in scrolls. The height stays while a node is dragged."""
        if self._grip is None:
            self.setMinimumHeight(max(LEAST_HEIGHT, least_height(self.places.values(), self.width())))

    def _fit(self) -> Fit:
        """How the graph fits; it stays while a node is dragged."""
        if self._grip is None or self._held is None:
            self._held = fitted(self.places.values(), self.size(), bool(self.distributions))
        return self._held

    def middle(self, name: str) -> QPointF:
        """Of the node ``name``, in pixels of the widget."""
        fit = self._fit()
        x, y = self.places[name]
        across, down = (x - fit.centre.x()) * fit.across, (y - fit.centre.y()) * fit.down
        return QPointF(self.width() / 2 + across, self.height() / 2 + down)

    def box(self, name: str) -> QRectF:
        """The node ``name``, in pixels of the widget."""
        middle, fit = self.middle(name), self._fit()
        return QRectF(middle.x() - fit.width / 2, middle.y() - fit.height / 2, fit.width, fit.height)

    def handle(self, name: str) -> QPointF:
        """The dot below the node ``name``."""
        return handle_of(self.box(name))

    def handle_at(self, point: QPointF) -> str:
        """The node whose dot ``point`` means; empty where it means none."""
        return handle_at(point, {name: self.box(name) for name in self.graph.names})

    def node_at(self, point: QPointF) -> str:
        """The node under ``point``; empty where there is none."""
        return next((name for name in reversed(self.graph.names) if self.box(name).contains(point)), "")

    def lines(self) -> tuple[Line, ...]:
        """All that is drawn between nodes."""
        graph = self.graph
        kinds: tuple[tuple[LineKind, tuple[Edge, ...]], ...] = (
            ("arrow", graph.edges), ("hidden", graph.confounded), ("suggested", graph.suggested),
        )  # fmt: skip
        return tuple((kind, pair) for kind, pairs in kinds for pair in pairs)

    def line_at(self, point: QPointF) -> Line | None:
        """The line nearest to ``point``, if one is near."""
        distances = {line: lines.distance(point, self.course(line)) for line in self.lines()}
        nearest = min(distances, key=distances.__getitem__, default=None)
        return nearest if nearest is not None and distances[nearest] <= NEAR else None

    def edge_at(self, point: QPointF) -> Edge | None:
        """The arrow nearest to ``point``, if one is near and no other line is nearer."""
        line = self.line_at(point)
        return line[1] if line is not None and line[0] == "arrow" else None

    def course(self, line: Line) -> list[QPointF]:
        """Where ``line`` runs."""
        kind, (first, last) = line
        boxes = self._outline(first), self._outline(last)
        two_ways = kind == "suggested" and (last, first) in self.graph.suggested
        return lines.bowed(*boxes) if kind == "hidden" or two_ways else lines.straight(*boxes)

    def _ends(self, edge: Edge) -> tuple[QPointF, QPointF]:
        first, last = self.course(("arrow", edge))
        return first, last

    def _outline(self, name: str) -> QRectF:
        """The outer one of the node ``name``; what is seen has two."""
        beyond = BEYOND if name in self.seen_names else 0.0
        return self.box(name).adjusted(-beyond, -beyond, beyond, beyond)

    # --- the hand ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._pointer = self._pressed = event.position()
        self._from = self.handle_at(self._pointer)
        if not self._from:
            self._pick(self._pointer)
        self.update()

    def _pick(self, point: QPointF) -> None:
        """Choose what is at ``point``, and take hold of it where it is a node."""
        name = self.node_at(point)
        before, self.selected_line = self.selected_line, None if name else self.line_at(point)
        self._grip = point - self.middle(name) if name else None
        self._dragged = False
        self._select(name)
        if before != self.selected_line:
            self.edge_picked.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._grip is not None and event.buttons() & Qt.MouseButton.LeftButton:
            fit = self._fit()
            by = self._pointer - self._grip - self.middle(self.selected)
            x, y = self.places[self.selected]
            self.places[self.selected] = (x + by.x() / fit.across, y + by.y() / fit.down)
            self._dragged = True
        self._over = self._from or ("" if self._grip is not None else self.handle_at(self._pointer))
        self.setCursor(Qt.CursorShape.CrossCursor if self._over else Qt.CursorShape.ArrowCursor)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._over = ""
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from:
            first, last = self._from, self.node_at(event.position())
            self._from = ""
            if lines.length(event.position() - self._pressed) < QApplication.startDragDistance():
                self._pick(self._pressed)  # nothing was drawn, so what lies there was meant
            elif last and last != first:
                self.drawn.emit(first, last)
        if self._grip is not None:
            self._grip = None
            if self._dragged:  # a click alone moves nothing
                self.placed.emit(self.selected, *self.places[self.selected])
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, line = event.key(), self.selected_line
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and (line is not None or self.selected):
            self.take_away()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and line is not None and line[0] == "suggested":
            self.accepted.emit(*line[1])
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self.graph.names:
            names = self.graph.names
            step = 1 if key == Qt.Key.Key_Right else -1
            self._select(names[(names.index(self.selected) + step) % len(names) if self.selected else 0])
        else:
            super().keyPressEvent(event)

    def take_away(self) -> None:
        """Have what is chosen taken away: a line, or a node."""
        if self.selected_line is not None:
            kind, pair = self.selected_line
            {"arrow": self.removed, "hidden": self.freed, "suggested": self.refused}[kind].emit(*pair)
        elif self.selected:
            self.left_out.emit(self.selected)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            name = self.node_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), f"{name}: {self.texts.get(name, '')}" if name else "", self)
            return True
        return super().event(event)

    def _select(self, name: str) -> None:
        if name != self.selected:
            self.selected = name
            self.picked.emit(name)
            self.update()

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme.current()
        for line in self.lines():
            self._draw_line(painter, line)
        if self.marked is not None:
            ends = lines.straight(self.box(self.marked[0]), self.box(self.marked[1]))
            lines.draw(painter, ends, theme.color(colors.amber), Qt.PenStyle.DotLine, wide=True, heads=0)
        if self._from:
            lines.draw(painter, [self.handle(self._from), self._pointer], theme.color(colors.accent))
        for name in self.graph.names:
            node.paint(painter, self.box(name), self._look(name))
        painter.end()

    def _draw_line(self, painter: QPainter, line: Line) -> None:
        colors = theme.current()
        kind, pair = line
        chosen = line == self.selected_line
        cut = (kind == "arrow" and pair[1] in self.set_names) or (kind == "hidden" and bool(set(pair) & self.set_names))
        color = colors.accent if chosen or kind == "suggested" else colors.muted
        style = Qt.PenStyle.DotLine if cut else Qt.PenStyle.SolidLine if kind == "arrow" else Qt.PenStyle.DashLine
        heads = 2 if kind == "hidden" else 1
        shown = theme.color(color, CUT if cut and not chosen else 1.0)
        lines.draw(painter, self.course(line), shown, style, wide=chosen, heads=heads)

    def _look(self, name: str) -> NodeLook:
        return NodeLook(
            variable=self.graph.variable(name),
            text=self.texts.get(name, ""),
            is_set=name in self.set_names,
            is_open=name in self.open_names,
            outline=self._outline(name) if name in self.seen_names else None,
            is_chosen=name == self.selected,
            is_marked=self.marked is not None and name in self.marked,
            is_held=name == self._over,
            distribution=self.distributions.get(name),
            outcome=self.outcomes.get(name),
        )
