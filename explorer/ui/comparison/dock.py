"""The Comparison dock: methods side by side and their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtWidgets import QWidget

from explorer.scene import editing
from explorer.scene.comparison import CompareOptions
from explorer.scene.model import ControlSetRef, Units
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.save_path import ask_save_path
from explorer.ui.state.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.comparison.panel import ComparisonPanel

FORMATS = {"Web page": "html", "CSV table": "csv", "LaTeX table": "tex", "PDF page": "pdf", "JSON": "json"}


class ComparisonDock(LazyDock["ComparisonPanel"]):
    """The actions of comparing, and the panel behind them."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(self._made, parent)
        self._controller = controller
        self._actions = actions
        self._settings = settings
        for key, handler in (
            ("side_by_side", self._ask),
            ("use_compared", self._use),
            ("export_comparison", self._export),
        ):
            actions.bind(key, handler)
        controller.changed.connect(self._enable)
        controller.comparing.changed.connect(self._enable)
        controller.catalogue.models_changed.connect(self._enable)
        self._enable()

    def _made(self) -> ComparisonPanel:
        from explorer.ui.comparison.panel import ComparisonPanel

        return ComparisonPanel(self._controller, self._actions)

    # --- actions ---

    def _ask(self) -> None:
        from explorer.ui.comparison.dialog import CompareDialog  # dialogs do not keep the start of the window waiting

        dialog = CompareDialog(self._controller, self.window())
        dialog.side_by_side.connect(self.show_side_by_side)
        dialog.table.connect(self.compare)
        dialog.exec()
        dialog.deleteLater()

    def show_side_by_side(self, sets: tuple[ControlSetRef, ...], seeds: tuple[int, ...]) -> None:
        """A pane for each set, a row of them for each seed."""
        controller = self._controller
        controller.apply(editing.side_by_side(controller.scene, sets, seeds), "Compare methods")

    def compare(self, options: CompareOptions) -> None:
        """Have the table made, and show how it goes."""
        controller = self._controller
        card = controller.model_card()
        if card is not None:
            self.wanted.emit()
            controller.comparing.ask(controller.scene.model_of(), options, card.name)

    def _use(self) -> None:
        """Put the set of the chosen row into the selected pane, in the units of the table."""
        row, report = self.panel.chosen(), self._controller.comparing.report(self.panel.model())
        if row is not None and not row.problem and report is not None:
            options = report.options
            units: Units = "arc" if options.calibration == "arc" else "effect"
            controls = msgspec.structs.replace(row.controls, units=units, tau=options.tau)
            self._controller.set_method(self._controller.scene.selected, controls)

    def _export(self) -> None:
        report = self._controller.comparing.report(self.panel.model())
        if report is None:
            return
        path = ask_save_path(self, self._settings, "Export comparison", f"{report.name}-comparison", FORMATS)
        if path:
            self._controller.jobs.start_comparison_table(report, path)

    # --- what can be done now ---

    def _enable(self, *_: object) -> None:
        controller = self._controller
        scene = controller.scene
        model = scene.model_of()
        report = controller.comparing.report(model)
        self._actions["side_by_side"].setEnabled(controller.has_model and controller.model_card() is not None)
        for key in ("use_compared", "export_comparison"):
            self._actions[key].setEnabled(report is not None)
