"""The comparisons of this session: asks the engine for the table of a model's methods, and keeps the newest of each."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.model import ModelRef
from explorer.service.protocol import Compared, JobProgress, Refused, Stopped
from explorer.ui.asked import Asked
from explorer.ui.catalogue import ModelKey, key_of
from explorer.ui.job_list import JobList


class Comparing(QObject):
    """At most one comparison of a model is under way: a newer one replaces it. What was shown stays until then."""

    changed = Signal()

    def __init__(self, jobs: JobList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._reports: dict[ModelKey, CompareReport] = {}
        self._problems: dict[ModelKey, str] = {}
        self._asked: dict[int, Asked[CompareOptions]] = {}

    def report(self, model: ModelRef) -> CompareReport | None:
        """The newest table of ``model``, or None before there is one."""
        return self._reports.get(key_of(model))

    def problem(self, model: ModelRef) -> str:
        """Why the last question was refused, or an empty string."""
        return self._problems.get(key_of(model), "")

    def under_way(self, model: ModelRef) -> Asked[CompareOptions] | None:
        """What is being compared on ``model`` now, or None."""
        return next((asked for asked in self._asked.values() if asked.model == key_of(model)), None)

    def ask(self, model: ModelRef, options: CompareOptions, name: str) -> None:
        """Have the methods of ``options`` compared on ``model``, which the user calls ``name``."""
        if (asked := self.under_way(model)) is not None:
            del self._asked[asked.number]
            self._jobs.cancel(asked.number)
        self._problems.pop(key_of(model), None)
        number = self._jobs.start_comparison(model, options, name)
        self._asked[number] = Asked(number, key_of(model), options)
        self.changed.emit()

    def cancel(self, model: ModelRef) -> None:
        """Stop what is under way; what was shown stays."""
        if (asked := self.under_way(model)) is not None:
            self._jobs.cancel(asked.number)

    def handle(self, reply: object) -> bool:
        """Take ``reply`` if it answers one of our questions."""
        if not isinstance(reply, JobProgress | Compared | Refused | Stopped):
            return False
        asked = self._asked.get(reply.request_id)
        if asked is None:
            return False
        if isinstance(reply, JobProgress):
            self._asked[asked.number] = asked.heard(reply)
        else:
            del self._asked[asked.number]
            if isinstance(reply, Compared):
                self._reports[asked.model] = reply.report
            elif isinstance(reply, Refused):
                self._problems[asked.model] = reply.sentence
        self.changed.emit()
        return True

    def engine_lost(self) -> None:
        """What was under way died with the engine."""
        for asked in self._asked.values():
            self._problems[asked.model] = "The engine stopped before the comparison was done; start it again."
        self._asked.clear()
        self.changed.emit()
