"""The dock of the model card: all that is known of the selected pane's model; made when it is first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from explorer.scene.model_text import card_text
from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller

if TYPE_CHECKING:
    from explorer.ui.card.panel import CardPanel

# fmt: off
ROWS = (
    ActionRow("model_card", "Show model card", "View",
        tool_tip="What is known of the selected pane's model: family and why, spaces, memory, licence, fingerprint"),
    ActionRow("copy_card", "Copy model card", "View", needs_model=True, short="Copy",
        tool_tip="Copy what is known of the selected pane's model, as lines of text"),
)
# fmt: on


class CardDock(LazyDock["CardPanel"]):
    """The panel, once it was seen, and the action that copies what it shows."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(self._made, parent)
        self._controller, self._actions = controller, actions
        actions.bind("copy_card", self._copy)

    def _made(self) -> CardPanel:
        from explorer.ui.card.panel import CardPanel

        QTimer.singleShot(0, self, self.wanted.emit)  # five rows say little: the first time it gets room
        return CardPanel(self._controller, self._actions)

    def _copy(self) -> None:
        card = self._controller.model_card()
        if card is not None:
            QGuiApplication.clipboard().setText(card_text(card, self._controller.scene.model_of().path))
            self._controller.say(f"The card of '{card.name}' is on the clipboard.")
