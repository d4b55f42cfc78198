"""The Causes dock: the causal graph of the selected pane; made when it is first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.actions.actions import ActionTable
from explorer.ui.causes import side_by_side
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.causes.panel import CausesPanel

# fmt: off
ROWS = (
    ActionRow("causes", "Show causes", "View",
        tool_tip="The causal graph of the selected pane, what do() makes of its variables, and arrows of one's own"),
    *side_by_side.ROWS,
)
# fmt: on


class CausesDock(LazyDock["CausesPanel"]):
    """The panel, once it was seen."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(self._made, parent)
        self._controller, self._settings = controller, settings
        self.side_by_side = side_by_side.SideBySide(controller, actions, self)
        self.side_by_side.graph_wanted.connect(self.wanted)

    def _made(self) -> CausesPanel:
        from explorer.ui.causes.panel import CausesPanel

        QTimer.singleShot(0, self, self.wanted.emit)  # a graph in a strip cannot be read: the first time it gets room
        return CausesPanel(self._controller, self._settings)
