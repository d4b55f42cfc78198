"""The measures of models: asks the engine for them, and keeps the reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from PySide6.QtCore import QObject

from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef
from explorer.service.replies import Measured
from explorer.ui.state.asked import Asking
from explorer.ui.state.catalogue import ModelKey, key_of
from explorer.ui.state.job_list import JobList
from explorer.ui.state.kept_reports import KeptReports
from explorer.ui.state.replies import Replies

replace = msgspec.structs.replace


@dataclass
class _Known:
    """What is known of one model."""

    reports: dict[MeasureOptions, MeasureReport] = field(default_factory=dict)
    shown: MeasureOptions | None = None  # of the report that is shown, without a rotation
    turned: MeasureOptions | None = None  # of the one with a pair turned that is shown beside it


class Measuring(Asking[MeasureOptions, MeasureReport]):
    """One report of a model is shown at a time, and beside it the same with a pair of latents turned.

    At most one question about a model is open: a newer one replaces it. What was measured once is not asked again.
    """

    answer = Measured

    def __init__(self, jobs: JobList, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(jobs, replies, KeptReports("measures", MeasureOptions, MeasureReport), parent)
        self._known: dict[ModelKey, _Known] = {}

    # --- what is known ---

    def report(self, model: ModelRef) -> MeasureReport | None:
        known = self._known.get(key_of(model))
        return known.reports.get(known.shown) if known and known.shown else None

    def options(self, model: ModelRef) -> MeasureOptions | None:
        """What the report that is shown was asked with."""
        known = self._known.get(key_of(model))
        return known.shown if known else None

    def turned(self, model: ModelRef) -> MeasureReport | None:
        """The report with a pair turned that stands beside the shown one, or None."""
        known = self._known.get(key_of(model))
        return known.reports.get(known.turned) if known and known.turned else None

    # --- asking ---

    def ask(self, model: ModelRef, options: MeasureOptions, name: str) -> None:
        """Show the report with ``options``; measured first where it is not known. The user calls it ``name``."""
        known = self._known.setdefault(key_of(model), _Known())
        self._replace(model)
        self._problems.pop(key_of(model), None)
        if (report := known.reports.get(options)) is not None:
            self._show(known, options)
            self._kept.keep(report.fingerprint, options, report)  # it is the newest that was looked at
        else:
            self._ask(self._jobs.start_measures(model, options, name), model, options)
        self.changed.emit()

    def straighten(self, model: ModelRef) -> None:
        """Show no turned pair."""
        self._replace(model, rotated=True)
        if known := self._known.get(key_of(model)):
            known.turned = None
            self._problems.pop(key_of(model), None)
        self.changed.emit()

    # --- inside ---

    def _hold(self, model: ModelKey, options: MeasureOptions, report: MeasureReport) -> None:
        known = self._known.setdefault(model, _Known())
        known.reports[options] = report
        self._show(known, options)

    def _forget(self, model: ModelKey) -> None:
        self._known.pop(model, None)

    def _fingerprint(self, report: MeasureReport) -> str:
        return report.fingerprint

    def _replace(self, model: ModelRef, rotated: bool = False) -> None:
        """Stop what is under way for the model (only where a pair is turned, if ``rotated``)."""
        asked = self.under_way(model)
        if asked and (asked.options.rotation or not rotated):
            self._drop(asked)

    def _show(self, known: _Known, options: MeasureOptions) -> None:
        straight = replace(options, rotation=None, best_rotation=False)
        if straight in known.reports:  # a turned pair is shown beside it, never alone
            known.shown = straight
            known.turned = options if options.rotation else None
