"""The row above the graph: an arrow that is typed, variables that are added and taken away, graph files."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLineEdit, QMenu, QPushButton, QToolButton, QWidget

from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph
from explorer.ui.causes.typed_arrow import TypedArrow, read_arrow
from explorer.ui.look.widgets import link_button

BIND = "Controls…"


class GraphBar(QWidget):
    """``typed``: an arrow was typed; ``faulty``: what was typed is none, and why; ``added``: a variable."""

    typed = Signal(object)  # TypedArrow
    faulty = Signal(str)
    added = Signal(str)
    binding = Signal()  # to controls, which somebody is to choose
    removed = Signal()  # what is chosen in the graph is to be taken away

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._graph = CausalGraph()
        self.arrow = QLineEdit()
        self.arrow.setAccessibleName("Arrow")
        self.arrow.setToolTip("An arrow as text, and Return: cause -> effect; a <-> b: a hidden cause of both")
        self.arrow.setMinimumWidth(110)
        self.arrow.setMaximumWidth(240)
        self._names = QStringListModel(self)
        self.completer = QCompleter(self._names, self)
        self.completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.arrow.setCompleter(self.completer)
        self.menu = QMenu(self)
        self.add = QToolButton()
        self.add.setText("Add variable")
        self.add.setMenu(self.menu)
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setProperty("field", True)
        self.take = QPushButton("Take away")
        self.take.setToolTip("The chosen variable or arrow leaves the graph (Delete)")
        self.open, self.save = link_button("Open graph…"), link_button("Save graph…")
        self.open.setToolTip("A graph file: Latent Explorer's JSON, JSON of causes, DOT, DAGitty text; or drop it here")
        self.save.setToolTip("Write the graph as one of these")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        for widget in (self.arrow, self.add, self.take):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.open, self.save):
            row.addWidget(button)
        self.arrow.returnPressed.connect(self._read)
        self.arrow.textEdited.connect(self._complete)
        self.take.clicked.connect(self.removed)

    def show_graph(self, graph: CausalGraph, left_out: tuple[str, ...], can_take: bool, can_bind: bool) -> None:
        """``left_out``: variables that can be added; ``can_take``: something is chosen that can be taken away;
        ``can_bind``: variables may be bound to controls."""
        self._graph = graph
        self.arrow.setPlaceholderText(" -> ".join(graph.names[:2]))
        palette = self.arrow.palette()
        palette.setColor(QPalette.ColorRole.PlaceholderText, self.palette().color(QPalette.ColorRole.PlaceholderText))
        self.arrow.setPalette(palette)
        self.take.setEnabled(can_take)
        self.add.setEnabled(bool(left_out) or can_bind)
        tip = "A variable of the model that the graph leaves out" if left_out else "The graph has all of the model"
        self.add.setToolTip(f"{tip}; or controls, such as those of a method" if can_bind else tip)
        if [action.text() for action in self.menu.actions()] != [*left_out, *([BIND] if can_bind else [])]:
            self.menu.clear()
            for name in left_out:
                self.menu.addAction(name, partial(self.added.emit, name))
            if can_bind:
                self.menu.addAction(BIND, self.binding.emit)

    def _complete(self, text: str) -> None:
        """Names complete what stands before the arrow, and after it."""
        before = _before_name(text)
        self._names.setStringList([f"{before}{name}" for name in self._graph.names])

    def _read(self) -> None:
        try:
            arrow: TypedArrow = read_arrow(self.arrow.text(), self._graph.names)
        except CausalError as error:
            self.faulty.emit(str(error))
            return
        self.arrow.clear()
        self.typed.emit(arrow)


def _before_name(text: str) -> str:
    """What stands before the name that is being typed: nothing, or the first name and the arrow with its blank."""
    for sign in ("<->", "->", "<-", "↔", "→", "←"):
        if sign in text:
            before, _, after = text.partition(sign)
            return f"{before}{sign}{' ' if after.startswith(' ') else ''}"
    return ""
