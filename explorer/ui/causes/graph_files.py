"""Graph files of the Causes dock: chosen or dropped, with other names mapped; and written."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from explorer.causal.formats.base import GraphFile, GraphFormat
from explorer.causal.formats.registry import format_of, formats, left_out_sentence, read_graph, write_graph
from explorer.causal.naming import about, renamed, unknown_names
from explorer.errors import CausalError, ExplorerError
from explorer.ui.causes import text
from explorer.ui.causes.editing import GraphEditing
from explorer.ui.causes.mapping_dialog import MappingDialog
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings


class GraphFiles(QObject):
    """``window``: over which dialogs open; ``shown``: where nodes stand, from ``editing``'s view."""

    def __init__(self, controller: Controller, settings: Settings, editing: GraphEditing, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._settings, self._editing, self._window = controller, settings, editing, window

    def ask(self) -> None:
        """Let the user choose a graph file, and open it."""
        suffixes = " ".join(f"*{suffix}" for kind in formats().values() for suffix in kind.suffixes)
        folder = self._settings.folder or str(Path.home())
        kinds = f"Graphs ({suffixes});;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self._window, "Open graph", folder, kinds)
        if name:
            self._settings.folder = str(Path(name).parent)
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Draw the graph in the file; where its variables are called otherwise, the user says which is which."""
        own = self._editing.own()
        if own is None:
            self._controller.say(text.NO_CAUSES, "refusal")
            return
        if self._editing.controls.path:
            self._controller.say(text.OF_A_FILE, "refusal")
            return
        try:
            file = read_graph(path)
            graph = file.graph
            if unknown_names(graph, own.names):
                dialog = MappingDialog(f"Open {path.name}", graph, own.names, self._window)
                if dialog.exec() != QDialog.DialogCode.Accepted:
                    return
                graph = renamed(graph, dialog.mapping)
            graph = about(graph, own)
        except CausalError as error:
            self._controller.say(str(error), "refusal")
            return
        if not graph.names:
            self._controller.say(f"'{path.name}' has no variables; choose another graph file.", "refusal")
            return
        self._editing.take(graph, f"Open {path.name}")
        if file.notes:
            self._controller.say(" ".join(file.notes))

    def save(self, places: dict[str, tuple[float, float]]) -> None:
        """Let the user choose where, and write the graph that is drawn, its nodes at ``places``."""
        graph = self._editing.graph()
        if graph is None:
            return
        filters = ";;".join(f"{kind.title} (*{kind.suffixes[0]})" for kind in _own_first())
        folder = Path(self._settings.export_folder or Path.home())
        start = str(folder / f"causes{_own_first()[0].suffixes[0]}")
        name, chosen = QFileDialog.getSaveFileName(self._window, "Save graph", start, filters)
        if not name:
            return
        path = Path(name)
        try:
            kind = format_of(path)
        except CausalError:  # no suffix, or another: that of the kind which was chosen is added
            fitting = next((each for each in _own_first() if chosen.startswith(each.title)), _own_first()[0])
            path, kind = Path(name + fitting.suffixes[0]), fitting.name
        self._settings.export_folder = str(path.parent)
        placed = tuple(msgspec.structs.replace(each, at=places.get(each.name)) for each in graph.variables)
        file = GraphFile(graph=msgspec.structs.replace(graph, variables=placed))
        try:
            write_graph(path, file, kind)
        except ExplorerError as error:
            self._controller.say(str(error), "error")
            return
        self._controller.say(" ".join(filter(None, (f"Saved {path.name}.", left_out_sentence(file, kind)))))


def _own_first() -> list[GraphFormat]:
    """All formats; the one that keeps all is proposed."""
    return sorted(formats().values(), key=lambda kind: kind.name != "graph")
