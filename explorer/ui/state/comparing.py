"""Comparisons: asks the engine for the table of a model's methods, and keeps the newest of each."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.model import ModelRef
from explorer.service.replies import Compared
from explorer.ui.state.asked import Asking
from explorer.ui.state.catalogue import ModelKey, key_of
from explorer.ui.state.job_list import JobList
from explorer.ui.state.kept_reports import KeptReports
from explorer.ui.state.replies import Replies


class Comparing(Asking[CompareOptions, CompareReport]):
    """At most one comparison of a model is under way: a newer one replaces it. What was shown stays until then."""

    answer = Compared

    def __init__(self, jobs: JobList, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(jobs, replies, KeptReports("comparison", CompareOptions, CompareReport), parent)
        self._reports: dict[ModelKey, CompareReport] = {}

    def report(self, model: ModelRef) -> CompareReport | None:
        return self._reports.get(key_of(model))

    def ask(self, model: ModelRef, options: CompareOptions, name: str) -> None:
        """Have the methods of ``options`` compared on ``model``, which the user calls ``name``."""
        if (asked := self.under_way(model)) is not None:
            self._drop(asked)
        self._problems.pop(key_of(model), None)
        self._ask(self._jobs.start_comparison(model, options, name), model, options)
        self.changed.emit()

    def _hold(self, model: ModelKey, options: CompareOptions, report: CompareReport) -> None:
        self._reports[model] = report

    def _forget(self, model: ModelKey) -> None:
        self._reports.pop(model, None)

    def _fingerprint(self, report: CompareReport) -> str:
        return report.model.fingerprint
