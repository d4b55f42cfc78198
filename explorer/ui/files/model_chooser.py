"""Choosing the model of one pane: from those that are known, or from the disk."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from explorer.scene.two_models import Place
from explorer.ui.files.files import Files
from explorer.ui.look.widgets import WrappedLabel, accept_row, link_button
from explorer.ui.state import known_models
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

PATH = Qt.ItemDataRole.UserRole
SIZE = QSize(470, 420)
# fmt: off
TEXTS: dict[Place, tuple[str, str, str]] = {
    "pane": ("Model of this pane", "Show here",
        "The selected pane shows this model, the others keep theirs. All start from the same seed. Sliders go together "
        "where both models have the same spaces, as checkpoints of one run have."),
    "beside": ("Compare with a model", "Put beside",
        "A new pane beside the selected one shows this model, from the same seed and with the same method. Sliders go "
        "together where both models have the same spaces, as checkpoints of one run have."),
}
# fmt: on


class ModelChooser(QDialog):
    """:attr:`path` is the result: a shipped name or a path; empty where none is chosen."""

    def __init__(
        self, controller: Controller, settings: Settings, files: Files, place: Place, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        title, does, sentence = TEXTS[place]
        self._files = files
        self.path = ""
        self.setObjectName("model_chooser")
        self.setWindowTitle(title)
        self.resize(SIZE)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(WrappedLabel(sentence))
        self.list = QListWidget()
        self.list.setAccessibleName("Models")
        current = controller.scene.model_of().path
        for model in known_models.usable(controller.catalogue, controller.models_folder, settings):
            item = QListWidgetItem(f"{model.line}{'  (shown now)' if model.path == current else ''}")
            item.setData(PATH, model.path)
            item.setToolTip(model.tip)
            self.list.addItem(item)
        layout.addWidget(self.list, 1)
        elsewhere = QHBoxLayout()
        self.file, self.folder = link_button("From a file…"), link_button("From a folder…")
        for button, handler in ((self.file, self._ask_file), (self.folder, self._ask_folder)):
            button.clicked.connect(handler)
            elsewhere.addWidget(button)
        elsewhere.addStretch(1)
        layout.addLayout(elsewhere)
        row, self.go = accept_row(self, does)
        layout.addWidget(row)
        self.list.itemSelectionChanged.connect(self._enable)
        self.list.itemActivated.connect(self.accept)
        self._enable()

    def accept(self) -> None:
        """End with the selected model."""
        selected = self.list.selectedItems()
        if selected:
            self.path = selected[0].data(PATH)
            super().accept()

    def _ask_file(self) -> None:
        self._end_with(self._files.asked_model())

    def _ask_folder(self) -> None:
        self._end_with(self._files.asked_folder())

    def _end_with(self, path: str) -> None:
        if path:
            self.path = path
            super().accept()

    def _enable(self) -> None:
        self.go.setEnabled(bool(self.list.selectedItems()))
