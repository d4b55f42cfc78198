"""The action that asks what to export, and remembers where to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from explorer.ui.actions.actions import ActionTable
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings


class Exporting(QObject):
    """Shows the dialog of exports over ``window``."""

    started = Signal()  # an export is under way

    def __init__(self, controller: Controller, actions: ActionTable, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._settings = settings
        self._window = window
        actions.bind("export", self.ask)

    def ask(self) -> None:
        """Ask what to write, and where."""
        from explorer.ui.files.export_dialog import ExportDialog  # dialogs do not keep the start of the window waiting

        settings = self._settings
        dialog = ExportDialog(self._controller, settings.export_folder, self._window, settings.pixels)
        dialog.started.connect(self._on_started)
        dialog.exec()
        dialog.deleteLater()

    def _on_started(self, number: int) -> None:
        path = next((job.path for job in self._controller.jobs.jobs() if job.request_id == number), "")
        if path:
            self._settings.export_folder = str(Path(path).parent)
        self.started.emit()
