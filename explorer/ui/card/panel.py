"""The card of the selected pane's model, as rows of a title and a text that can be selected."""

from __future__ import annotations

import psutil
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.scene.model import Scene
from explorer.scene.model_text import rows_of
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.pages import scrolled
from explorer.ui.look.widgets import WrappedLabel, link_button
from explorer.ui.state.controller import Controller

SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class CardPanel(QWidget):
    """Follows the selected pane."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.name = QLabel()
        font = QFont(self.font())
        font.setBold(True)
        self.name.setFont(font)
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        copy = link_button("")
        copy.setDefaultAction(actions["copy_card"])
        copy.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        head = QHBoxLayout()
        head.addWidget(self.name)
        head.addStretch(1)
        head.addWidget(copy)
        page = QWidget()
        self._rows = QGridLayout(page)
        self._rows.setContentsMargins(10, 0, 10, 10)
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(5)
        self._rows.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        head.setContentsMargins(10, 2, 8, 2)
        layout.addLayout(head)
        layout.addWidget(scrolled(page), 1)
        controller.changed.connect(self._on_changed)
        controller.catalogue.models_changed.connect(self.refresh)
        self.refresh()

    def texts(self) -> list[tuple[str, str]]:
        """(title, text) of every row that is shown."""
        items = [self._rows.itemAtPosition(row, column) for row in range(self._rows.rowCount()) for column in (0, 1)]
        shown = [item.widget() for item in items if item is not None]
        labels = [widget.text() for widget in shown if isinstance(widget, QLabel)]
        return list(zip(labels[::2], labels[1::2], strict=True))

    def refresh(self) -> None:
        """Show the card of now."""
        for label in self.findChildren(QLabel, "row"):
            self._rows.removeWidget(label)
            label.hide()
            label.setParent(None)
            label.deleteLater()
        card = self._controller.model_card() if self._controller.has_model else None
        self.name.setText(card.name if card is not None else "No model is open")
        if card is None:
            return
        free = int(psutil.virtual_memory().available)
        rows = rows_of(card, self._controller.scene.model_of().path, free)
        for row, (title, text) in enumerate(rows):
            name, value = QLabel(title), WrappedLabel(text)
            name.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            value.setTextInteractionFlags(SELECTABLE)
            for column, label in enumerate((name, value)):
                label.setObjectName("row")
                self._rows.addWidget(
                    label, row, column, Qt.AlignmentFlag.AlignTop if column == 0 else Qt.AlignmentFlag(0)
                )
        self._rows.setRowStretch(len(rows), 1)

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if old.model_of() != new.model_of():
            self.refresh()
