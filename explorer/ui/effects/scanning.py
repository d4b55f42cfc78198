"""Effect scans: asks the engine what the controls of a set cause, and keeps the newest report of each model."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from explorer.scene.effects import EffectQuestion, EffectReport
from explorer.scene.model import ModelRef
from explorer.service.replies import EffectsScanned
from explorer.service.requests import ExportEffects, ScanEffects
from explorer.ui.state.asked import Asking
from explorer.ui.state.catalogue import ModelKey, key_of
from explorer.ui.state.controller import Controller
from explorer.ui.state.kept_reports import KeptReports


class Scanning(Asking[EffectQuestion, EffectReport]):
    """At most one scan of a model is under way: a newer one replaces it. What was shown stays until then."""

    answer = EffectsScanned

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        kept = KeptReports("effects", EffectQuestion, EffectReport)
        super().__init__(controller.jobs, controller.replies, kept, parent)
        self._reports: dict[ModelKey, EffectReport] = {}
        controller.catalogue.model_opened.connect(self.model_opened)
        model = controller.scene.model_of()
        if (card := controller.catalogue.model(model)) is not None:  # it was opened before
            self.model_opened(model, card)

    def report(self, model: ModelRef) -> EffectReport | None:
        return self._reports.get(key_of(model))

    def ask(self, model: ModelRef, question: EffectQuestion, name: str) -> None:
        """Have ``model``, which the user calls ``name``, scanned."""
        if (asked := self.under_way(model)) is not None:
            self._drop(asked)
        self._problems.pop(key_of(model), None)
        request = partial(ScanEffects, model=model, question=question)
        self._ask(self._jobs.start(f"Scan effects on {name}", request), model, question)
        self.changed.emit()

    def export(self, report: EffectReport, path: str) -> None:
        """Have ``report`` written to ``path``."""
        self._jobs.start(f"Export {path.rpartition('/')[2]}", partial(ExportEffects, report=report, path=path), path)

    def _hold(self, model: ModelKey, options: EffectQuestion, report: EffectReport) -> None:
        self._reports[model] = report

    def _forget(self, model: ModelKey) -> None:
        self._reports.pop(model, None)

    def _fingerprint(self, report: EffectReport) -> str:
        return report.model.fingerprint
