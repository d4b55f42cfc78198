"""Which controls are variables of the graph as well: of a method or a file, each with what its variable is called."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.causes import METHODS, Bindings, bindings_of
from explorer.scene.defaults import default_controls
from explorer.scene.model import ControlSetRef
from explorer.service.replies import ControlsFound
from explorer.service.requests import FindControls
from explorer.ui.causes import text
from explorer.ui.causes.editing import GraphEditing
from explorer.ui.look.widgets import WrappedLabel, accept_row, link_button
from explorer.ui.state.controller import Controller
from explorer.ui.state.one_job import OneJob

HOW = (
    "A control that is chosen here is a variable: do() moves it, and what follows of it follows by the graph. "
    "Double-click a name to call the variable otherwise."
)
NONE = "Choose at least one control, or Cancel."
SEARCHING = "Its controls are being found."


class BindDialog(QDialog):
    """For the set of the selected pane. :meth:`bindings` says what was chosen; ``taken``: names of other variables."""

    def __init__(self, controller: Controller, taken: Collection[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Bind controls")
        self._controller, self._taken = controller, frozenset(taken)
        scene = controller.scene
        self._model, self._controls = scene.model_of(scene.selected), scene.panes[scene.selected].controls
        self._before = bindings_of(self._controls)
        self.job: OneJob[ControlsFound] = OneJob(controller.jobs, controller.replies, ControlsFound, self)
        self.source = QComboBox()
        self.source.setAccessibleName("Controls from")
        self.browse = link_button("A file…", "A control set's file; its controls may come from any method")
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Control", "Variable"])
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setColumnWidth(0, 220)
        self.problem = WrappedLabel(least=2)
        self.problem.setForegroundRole(QPalette.ColorRole.BrightText)
        buttons, self.go = accept_row(self, "Bind")
        above = QHBoxLayout()
        for widget in (QLabel("Controls from"), self.source, self.browse):
            above.addWidget(widget, 1 if widget is self.source else 0)
        column = QVBoxLayout(self)
        column.addLayout(above)
        column.addWidget(WrappedLabel(HOW))
        column.addWidget(self.table, 1)
        column.addWidget(self.problem)
        column.addWidget(buttons)
        self.resize(520, 460)
        self._offer()
        self.source.activated.connect(self._find)
        self.browse.clicked.connect(self._browse)
        self.table.itemChanged.connect(self._check)
        self.job.changed.connect(self._show)
        self.finished.connect(self.job.cancel)
        self._find()

    def bindings(self) -> Bindings:
        """Where controls are from, and which of them each variable is bound to."""
        chosen = tuple(self._chosen())
        return Bindings(str(self.source.currentData()) if chosen else "", chosen)

    # --- inside ---

    def _offer(self) -> None:
        """Methods that find their controls at once, and what is bound already."""
        catalogue = self._controller.catalogue
        card = catalogue.model(self._model)
        for name in card.methods if card is not None else ():
            method = catalogue.methods.get(name)
            if card is not None and method is not None and method.is_quick and name not in METHODS:
                count = default_controls(card, name).k
                self.source.addItem(f"{method.title} ({count})", f"{name}:{count}")
        before = self._before.source
        if before and self.source.findData(before) < 0:
            self.source.addItem(Path(before).name or before, before)
        if before:
            self.source.setCurrentIndex(self.source.findData(before))

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Controls of a file", "", "Control sets (*.safetensors)")
        if name:
            if self.source.findData(name) < 0:
                self.source.addItem(Path(name).name, name)
            self.source.setCurrentIndex(self.source.findData(name))
            self._find()

    def _find(self, *_: object) -> None:
        source = str(self.source.currentData() or "")
        self.table.setRowCount(0)
        if not source:
            self._show()
            return
        method, counted, count = source.rpartition(":")
        is_method = bool(counted) and count.isdigit() and method in self._controller.catalogue.methods
        controls = (
            ControlSetRef(method=method, k=int(count), seed=self._controls.seed)
            if is_method
            else ControlSetRef(path=source)
        )
        self.job.start("Find controls", partial(FindControls, model=self._model, controls=controls))

    def _show(self) -> None:
        answer = self.job.answer
        if answer is not None and not self.table.rowCount():
            bound = {control: variable for variable, control in self._before.variables}
            was = self.table.blockSignals(True)
            cards = [card for card in answer.card.controls if card.cases is None]
            self.table.setRowCount(len(cards))
            for row, card in enumerate(cards):
                name = QTableWidgetItem(card.name)
                name.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                name.setCheckState(Qt.CheckState.Checked if card.name in bound else Qt.CheckState.Unchecked)
                self.table.setItem(row, 0, name)
                self.table.setItem(row, 1, QTableWidgetItem(bound.get(card.name, card.name)))
            self.table.blockSignals(was)
        self._check()

    def _chosen(self) -> list[tuple[str, str]]:
        """(variable, control) of the rows that are checked."""
        pairs = []
        for row in range(self.table.rowCount()):
            control, variable = self.table.item(row, 0), self.table.item(row, 1)
            if control is not None and variable is not None and control.checkState() is Qt.CheckState.Checked:
                pairs.append((variable.text().strip(), control.text()))
        return pairs

    def _check(self, *_: object) -> None:
        """Why this cannot be bound."""
        names = [variable for variable, _ in self._chosen()]
        problem = self.job.problem or (SEARCHING if self.job.progress is not None else "")
        if not problem and not self.source.currentData():
            problem = "No method of this model finds controls at once; choose a file."
        is_nothing = not names and not self._before.variables  # without any, those that are bound are let go
        problem = problem or text.bound_problem(names, self._taken) or (NONE if is_nothing else "")
        self.problem.setText(problem)
        self.go.setEnabled(not problem)


def ask_for_bindings(controller: Controller, editing: GraphEditing, window: QWidget) -> None:
    """Let the user choose which controls are variables, and bind them."""
    own = editing.own()
    bound = {variable for variable, _ in bindings_of(editing.controls).variables}
    dialog = BindDialog(controller, set(own.names if own is not None else ()) - bound, window)
    answer, bindings = dialog.exec(), dialog.bindings()
    dialog.deleteLater()
    if answer == QDialog.DialogCode.Accepted:
        editing.bind(bindings)
