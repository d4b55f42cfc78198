"""The measures of the models of this session: asks the engine for them, and keeps the reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef
from explorer.service.protocol import JobProgress, Measured, Refused, Stopped
from explorer.ui.asked import Asked
from explorer.ui.catalogue import ModelKey, key_of
from explorer.ui.job_list import JobList

replace = msgspec.structs.replace


@dataclass
class _Known:
    """What is known of one model."""

    reports: dict[MeasureOptions, MeasureReport] = field(default_factory=dict)
    shown: MeasureOptions | None = None  # of the report that is shown, without a rotation
    turned: MeasureOptions | None = None  # of the one with a pair turned that is shown beside it
    problem: str = ""


class Measuring(QObject):
    """One report of a model is shown at a time, and beside it the same with a pair of latents turned.

    At most one question about a model is open: a newer one replaces it. What was measured once is not asked again.
    """

    changed = Signal()

    def __init__(self, jobs: JobList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._known: dict[ModelKey, _Known] = {}
        self._asked: dict[int, Asked[MeasureOptions]] = {}

    # --- what is known ---

    def report(self, model: ModelRef) -> MeasureReport | None:
        """The report of ``model`` that is shown, or None before there is one."""
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

    def under_way(self, model: ModelRef) -> tuple[MeasureOptions, float, float] | None:
        """What is being measured, its share 0..1 and the seconds left (negative: unknown); None when nothing is."""
        asked = self._open(key_of(model))
        return (asked.options, asked.share, asked.remaining) if asked else None

    def problem(self, model: ModelRef) -> str:
        """Why the last question was refused, or an empty string."""
        known = self._known.get(key_of(model))
        return known.problem if known else ""

    # --- asking ---

    def ask(self, model: ModelRef, options: MeasureOptions, name: str) -> None:
        """Show the report with ``options``; measured first where it is not known. The user calls it ``name``."""
        known = self._known.setdefault(key_of(model), _Known())
        self._drop(key_of(model))
        known.problem = ""
        if options in known.reports:
            self._show(known, options)
        else:
            number = self._jobs.start_measures(model, options, name)
            self._asked[number] = Asked(number, key_of(model), options)
        self.changed.emit()

    def straighten(self, model: ModelRef) -> None:
        """Show no turned pair."""
        self._drop(key_of(model), rotated=True)
        if known := self._known.get(key_of(model)):
            known.turned, known.problem = None, ""
        self.changed.emit()

    def cancel(self, model: ModelRef) -> None:
        """Stop what is under way; what was shown stays."""
        if asked := self._open(key_of(model)):
            self._jobs.cancel(asked.number)

    def forget(self, model: ModelRef) -> None:
        """The files of the model have changed, so that its reports are of another one."""
        self._drop(key_of(model))
        if self._known.pop(key_of(model), None):
            self.changed.emit()

    # --- answers ---

    def handle(self, reply: object) -> bool:
        """Take ``reply`` if it answers one of our questions."""
        if not isinstance(reply, JobProgress | Measured | Refused | Stopped):
            return False
        asked = self._asked.get(reply.request_id)
        if asked is None:
            return False
        if isinstance(reply, JobProgress):
            self._asked[asked.number] = asked.heard(reply)
        else:
            del self._asked[asked.number]
            known = self._known.setdefault(asked.model, _Known())
            if isinstance(reply, Measured):
                known.reports[asked.options] = reply.report
                self._show(known, asked.options)
            elif isinstance(reply, Refused):
                known.problem = reply.sentence
        self.changed.emit()
        return True

    # --- inside ---

    def _open(self, key: ModelKey) -> Asked[MeasureOptions] | None:
        return next((asked for asked in self._asked.values() if asked.model == key), None)

    def _drop(self, key: ModelKey, rotated: bool = False) -> None:
        """Stop what is under way for the model (only where a pair is turned, if ``rotated``); its answer is not for us
        any more."""
        asked = self._open(key)
        if asked and (asked.options.rotation or not rotated):
            del self._asked[asked.number]
            self._jobs.cancel(asked.number)

    def _show(self, known: _Known, options: MeasureOptions) -> None:
        known.shown = replace(options, rotation=None, best_rotation=False)
        known.turned = options if options.rotation else None
