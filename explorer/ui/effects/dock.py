"""The Effects dock: which slider of the selected pane causes what; plots are made when it is first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.actions.actions import ActionTable
from explorer.ui.effects.scanning import Scanning
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.save_path import ask_save_path
from explorer.ui.state.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.effects.panel import EffectsPanel

FORMATS = {"PDF page": "pdf", "CSV table": "csv", "JSON": "json", "SVG drawing": "svg", "PNG picture": "png"}

# fmt: off
ROWS = (
    ActionRow("effects", "Show effects", "Measures", separator=True,
        tool_tip="Which slider of the selected pane causes what, with intervals"),
    ActionRow("scan_effects", "Scan effects", "Measures", needs_model=True, short="Scan",
        tool_tip="Move every slider of the selected pane to a range of levels and read what the pictures show"),
    ActionRow("export_effects", "Export effects…", "Measures", short="Export…",
        tool_tip="Write the effects as a figure (PDF, SVG, PNG), CSV or JSON"),
)
# fmt: on


class EffectsDock(LazyDock["EffectsPanel"]):
    """The actions of the effects, and the panel behind them."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(self._made, parent)
        self._controller, self._actions, self._settings = controller, actions, settings
        self.scanning = Scanning(controller, self)
        actions.bind("scan_effects", self._scan)
        actions.bind("export_effects", self._export)
        controller.changed.connect(self._enable)
        self.scanning.changed.connect(self._enable)
        controller.catalogue.models_changed.connect(self._enable)
        self._enable()

    def _made(self) -> EffectsPanel:
        from explorer.ui.effects.panel import EffectsPanel

        QTimer.singleShot(0, self, self.wanted.emit)  # a matrix in a strip says nothing: the first time it gets room
        return EffectsPanel(self._controller, self.scanning, self._actions)

    def read_with(self, attributes: str) -> None:
        """Have the next scan read ``attributes``, a world or the path of a classifier, and show where it begins."""
        self.wanted.emit()
        self.panel.read_with(attributes)

    def _scan(self) -> None:
        self.wanted.emit()
        self.panel.scan()

    def _export(self) -> None:
        report = self.scanning.report(self.panel.model())
        if report is None:
            return
        name = f"{report.name}-effects"
        if path := ask_save_path(self, self._settings, "Export effects", name, FORMATS):
            self.scanning.export(report, path)

    def _enable(self, *_: object) -> None:
        controller = self._controller
        card = controller.model_card(controller.scene.selected) if controller.has_model else None
        self._actions["scan_effects"].setEnabled(card is not None and card.makes_pictures)
        self._actions["export_effects"].setEnabled(self.scanning.report(controller.scene.model_of()) is not None)
