"""What the variables of a graph file are called here: a row each, with what is probably meant."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QLabel, QVBoxLayout, QWidget

from explorer.causal.naming import proposed_names
from explorer.scene.causal_graph import CausalGraph
from explorer.ui.look.pages import scrolled
from explorer.ui.look.widgets import WrappedLabel, accept_row, literal

LEFT_OUT = "left out"


class MappingDialog(QDialog):
    """``graph``: of the file; ``names``: of the variables here. :attr:`mapping` says what was chosen."""

    def __init__(self, title: str, graph: CausalGraph, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.fields: dict[str, QComboBox] = {}
        form = QFormLayout()
        for name, proposed in proposed_names(graph, names).items():
            field = QComboBox()
            field.setAccessibleName(name)
            field.addItem(LEFT_OUT, None)
            for known in names:
                field.addItem(known, known)
            field.setCurrentIndex(max(0, field.findData(proposed)))
            field.activated.connect(self._check)
            self.fields[name] = field
            form.addRow(literal(name), field)
        rows = QWidget()
        rows.setLayout(form)
        self.problem = WrappedLabel()
        self.problem.setForegroundRole(QPalette.ColorRole.BrightText)
        buttons, self.go = accept_row(self, "Open graph")
        column = QVBoxLayout(self)
        column.addWidget(
            WrappedLabel(
                "The variables of the file are called otherwise than those of the model. Say which is which; one that "
                "is left out counts as a variable that nobody measures."
            )
        )
        column.addWidget(QLabel("In the file: in the model"))
        column.addWidget(scrolled(rows), 1)
        column.addWidget(self.problem)
        column.addWidget(buttons)
        self.resize(460, min(220 + 34 * len(self.fields), 560))
        self._check()

    @property
    def mapping(self) -> dict[str, str | None]:
        """Variable of the file → what it is called here, None where it is left out."""
        return {name: field.currentData() for name, field in self.fields.items()}

    def _check(self, *_: object) -> None:
        """Why this cannot be: a name twice, or none at all."""
        chosen = [name for name in self.mapping.values() if name is not None]
        twice = next((name for name in chosen if chosen.count(name) > 1), None)
        problem = ""
        if twice is not None:
            both = " and ".join(f"'{name}'" for name, new in self.mapping.items() if new == twice)
            problem = f"{both} cannot both be '{twice}'."
        elif not chosen:
            problem = "All variables are left out; choose at least one."
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.go.setEnabled(not problem)
