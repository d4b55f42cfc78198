"""The Landscape dock: plots are made when it is first seen, because their library takes a while to come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from explorer.errors import ExplorerError
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.save_path import ask_save_path
from explorer.ui.state.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.landscape.panel import LandscapePanel


class LandscapeDock(LazyDock["LandscapePanel"]):
    """The action of the landscape, and the panel behind it."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(self._made, parent)
        self._controller, self._actions, self._settings = controller, actions, settings
        actions.bind("export_landscape", self._export)
        actions["export_landscape"].setEnabled(False)

    def _made(self) -> LandscapePanel:
        from explorer.ui.landscape.panel import LandscapePanel

        panel = LandscapePanel(self._controller, self._actions["export_landscape"])
        panel.landscapes.changed.connect(self._enable)
        QTimer.singleShot(0, self, self.wanted.emit)  # a landscape in a strip says nothing: the first time it gets room
        return panel

    def _enable(self) -> None:
        self._actions["export_landscape"].setEnabled(self.panel.landscapes.landscape is not None)

    def _export(self) -> None:
        from explorer.ui.landscape.figure import FORMATS

        landscape = self.panel.landscapes.landscape
        if landscape is None:
            return
        path = ask_save_path(self, self._settings, "Export landscape", f"landscape-{landscape.control}", FORMATS)
        if not path:
            return
        try:
            self.panel.export(Path(path))
        except ExplorerError as error:
            self._controller.say(str(error), "error")
        else:
            self._controller.say(f"The landscape is in '{path}'.")
