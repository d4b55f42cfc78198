"""What a file of another program leaves open, asked before it is used."""

from __future__ import annotations

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QDialog, QFormLayout, QVBoxLayout, QWidget

from explorer.scene.cards import ModelCard
from explorer.scene.imports import ImportCard
from explorer.scene.model import Scalar
from explorer.ui.look.setting_fields import SettingFields
from explorer.ui.look.widgets import WrappedLabel, accept_row

BECOMES = {
    "controls": "They become the controls of the selected pane.",
    "path": "One of them becomes the keyframes of the film: the points that pictures start from.",
}


class ImportDialog(QDialog):
    """Says what the file ``name`` holds, and asks the questions of ``card``; :meth:`answers` is the result. What stands
    at its default is not written down."""

    def __init__(self, name: str, card: ImportCard, model: ModelCard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("import_dialog")
        self.setWindowTitle(f"Import {name}")
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(WrappedLabel(f"{card.title}: {card.text}, for {model.name}. {BECOMES[card.holds]}"))
        if card.unknown:
            unknown = WrappedLabel(" ".join(card.unknown))
            unknown.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            layout.addWidget(unknown)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.settings = SettingFields(card.questions, model, {}, form, self)
        layout.addLayout(form)
        layout.addWidget(self.settings.help)
        layout.addWidget(accept_row(self, "Import")[0])
        self.setMinimumWidth(480)

    def answers(self) -> tuple[tuple[str, Scalar], ...]:
        """(name, value) of every question that is answered otherwise than by its default."""
        return self.settings.changed()

    def accept(self) -> None:
        """End with what the fields hold, unless something is still open, or was refused."""
        if self.settings.fit():
            super().accept()
