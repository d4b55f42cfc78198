"""Why no family opens a file, one line each, and the way to open it as one of them all the same."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from explorer.scene.cards import FamilyVerdict
from explorer.scene.model import ModelRef
from explorer.ui.look.widgets import WrappedLabel, link_button
from explorer.ui.state.controller import Controller

WIDTH = 560


class RefusalDialog(QDialog):
    """The reasons of every family. A user who knows better may override what the program says."""

    def __init__(
        self,
        controller: Controller,
        model: ModelRef,
        sentence: str,
        reasons: tuple[FamilyVerdict, ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._model = model
        self.setWindowTitle("Why this model does not open")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 14)
        layout.setSpacing(12)
        what = WrappedLabel(sentence)
        what.setMinimumWidth(WIDTH)
        layout.addWidget(what)
        table = QGridLayout()
        table.setHorizontalSpacing(14)
        table.setVerticalSpacing(8)
        table.setColumnStretch(1, 1)
        self.buttons: list[QToolButton] = []
        for row, verdict in enumerate(reasons):
            name = QLabel(verdict.title)
            why = WrappedLabel(verdict.reason)
            why.setAlignment(Qt.AlignmentFlag.AlignTop)
            why.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            button = link_button("Open as this", f"Read the file as {verdict.title}, whatever it looks like")
            button.setObjectName(verdict.family)
            button.clicked.connect(self._open_as)
            self.buttons.append(button)
            for column, widget in enumerate((name, why, button)):
                table.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop if column != 1 else Qt.AlignmentFlag(0))
        layout.addLayout(table)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        layout.addWidget(close)

    def _open_as(self) -> None:
        sender = self.sender()
        if sender is not None:
            self._controller.open_model(self._model.path, sender.objectName())
        self.accept()
