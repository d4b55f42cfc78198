"""How the chosen variable comes about: its mechanism and how well that fits, and the choice of another kind."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.causal.model_report import CausesReport
from explorer.scene.causal_graph import CausalGraph
from explorer.ui.causes import side_text
from explorer.ui.look.widgets import WrappedLabel

BY_ITSELF = "the kind that fits best"
OF_THE_MODEL = "as it comes with the model"


class MechanismCard(QWidget):
    """``kind_chosen``: (variable, kind), an empty kind for the one that fits best."""

    kind_chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of mechanism")
        self.kind.setToolTip("How the variable comes about by its causes; another kind is fitted to the model's rows")
        self.kind.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.kind.setMinimumContentsLength(14)
        self.causes, self.fit, self.warning = WrappedLabel(), WrappedLabel(), WrappedLabel()
        self.warning.setForegroundRole(QPalette.ColorRole.BrightText)
        row = QHBoxLayout()
        row.addWidget(QLabel("Mechanism"))
        row.addWidget(self.kind, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        for part in (self.causes,):
            column.addWidget(part)
        column.addLayout(row)
        for part in (self.fit, self.warning):
            column.addWidget(part)
        column.addStretch(1)
        self.kind.activated.connect(self._choose)
        self.show_variable("", None, None, {}, False)

    def show_variable(
        self,
        name: str,
        graph: CausalGraph | None,
        report: CausesReport | None,
        chosen: dict[str, str],
        is_fitted: bool,
        awaited: str = "",
    ) -> None:
        """The variable ``name`` of ``graph``; ``chosen``: kinds that the user chose; ``is_fitted``: the mechanisms are
        not those of the model; ``awaited``: why ``report`` is about other mechanisms."""
        self._name = name
        mechanism = report.mechanism(name) if report is not None else None
        self.kind.setEnabled(mechanism is not None and bool(mechanism.kinds) and not awaited)
        self.causes.setText(side_text.causes_text(name, graph))
        self.fit.setText(side_text.fit_text(mechanism, report, awaited))
        self.warning.setText("" if awaited else side_text.warning_text(mechanism))
        self.warning.setVisible(bool(self.warning.text()))
        with QSignalBlocker(self.kind):
            self.kind.clear()
            if mechanism is None:
                return
            usual = BY_ITSELF if is_fitted or name in chosen else OF_THE_MODEL
            is_told = name not in chosen and not awaited
            self.kind.addItem(f"{usual}: {mechanism.title}" if is_told else usual, "")
            for kind, title in mechanism.kinds:
                self.kind.addItem(title, kind)
            self.kind.setCurrentIndex(max(0, self.kind.findData(chosen.get(name, ""))))
            self.kind.setToolTip(self.kind.currentText())

    def _choose(self, index: int) -> None:
        self.kind_chosen.emit(self._name, str(self.kind.itemData(index)))
