"""The Measures dock: what can be done with the measures of the selected pane's model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtWidgets import QWidget

from explorer.scene.defaults import default_controls
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.save_path import ask_save_path
from explorer.ui.state.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.measures.panel import MeasuresPanel

FORMATS = {"CSV table": "csv", "LaTeX table": "tex", "PDF page": "pdf", "JSON": "json"}


class MeasuresDock(LazyDock["MeasuresPanel"]):
    """The actions of the measures, and the panel behind them."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(self._made, parent)
        self._controller = controller
        self._actions = actions
        self._settings = settings
        for key, handler in (
            ("measure", self._measure),
            ("rotate_pair", self._rotate),
            ("use_rotation", self._use_rotation),
            ("export_measures", self._export),
        ):
            actions.bind(key, handler)
        controller.changed.connect(self._enable)
        controller.measuring.changed.connect(self._enable)
        controller.catalogue.models_changed.connect(self._enable)
        controller.catalogue.methods_changed.connect(self._enable)
        self._enable()

    def _made(self) -> MeasuresPanel:
        from explorer.ui.measures.panel import MeasuresPanel

        return MeasuresPanel(self._controller, self._actions)

    # --- actions --------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        self.wanted.emit()
        self.panel.measure()

    def _rotate(self) -> None:
        self.wanted.emit()
        self.panel.turn()

    def _use_rotation(self) -> None:
        """Put the turned pair into the selected pane as sliders."""
        controller = self._controller
        pair = self.panel.pair()
        card, method = controller.model_card(controller.scene.selected), controller.catalogue.with_role("turned pair")
        if pair is None or card is None or method is None:
            return
        first, second = _axis(pair[0]), _axis(pair[1])
        settings = (("angle", pair[2]), ("first", first), ("second", second))
        turned = msgspec.structs.replace(default_controls(card, method.name), settings=settings)
        controller.set_method(controller.scene.selected, turned)

    def _export(self) -> None:
        measuring, model = self._controller.measuring, self.panel.model()
        reports = tuple(one for one in (measuring.report(model), measuring.turned(model)) if one is not None)
        if not reports:
            return
        name = f"{reports[0].model}-{reports[0].world}"
        path = ask_save_path(self, self._settings, "Export measures", name, FORMATS)
        if path:
            self._controller.jobs.start_table(reports, path)

    # --- what can be done now -------------------------------------------------------------------------------------

    def _enable(self, *_: object) -> None:
        controller = self._controller
        scene = controller.scene
        model = scene.model_of()
        card = controller.model_card(scene.selected) if controller.has_model else None
        report = controller.measuring.report(model)
        pair = self.panel.pair() if self.is_made else None
        # An angle that was sought is in the report before the panel shows it.
        is_turned = bool(pair and (pair[2] or controller.measuring.turned(model) is not None))
        self._actions["measure"].setEnabled(card is not None and bool(card.worlds))
        self._actions["rotate_pair"].setEnabled(report is not None and len(report.latents) > 1)
        method = controller.catalogue.with_role("turned pair")
        fits = card is not None and method is not None and method.name in card.methods
        self._actions["use_rotation"].setEnabled(is_turned and fits)
        self._actions["export_measures"].setEnabled(report is not None)


def _axis(latent: str) -> int:
    """The number at the end of a latent's name: 4 of ``z4``."""
    found = re.search(r"\d+$", latent)
    return int(found[0]) if found else 0
