"""Choices of the control panel that are the user's rather than the scene's: kept from session to session."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.measures import Selection
from explorer.ui.actions.actions import ActionTable
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.state.settings import Settings


class KeptChoices(QObject):
    """Whether sliders snap to ticks, and which are listed by their badges."""

    def __init__(self, panel: ControlsPanel, actions: ActionTable, settings: Settings) -> None:
        super().__init__(panel)
        self._panel = panel
        self._settings = settings
        panel.badges.set_value(settings.badges)
        panel.badges.chosen.connect(self._keep_badges)
        panel.set_snapping(settings.snap)
        actions.bind("snap", self._snap).setChecked(settings.snap)

    def _keep_badges(self, selection: Selection) -> None:
        self._settings.badges = selection

    def _snap(self, on: bool) -> None:
        self._settings.snap = on
        self._panel.set_snapping(on)
