"""Long questions to the engine that are under way, at most one about a model: which, how far it is, how it ends."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from explorer.scene.cards import ModelCard
from explorer.scene.model import ModelRef
from explorer.service.replies import JobProgress, Refused, Stopped
from explorer.ui.state.catalogue import ModelKey, key_of
from explorer.ui.state.job_list import JobList
from explorer.ui.state.kept_reports import KeptReports
from explorer.ui.state.replies import Replies

Options = TypeVar("Options")
Report = TypeVar("Report")


@dataclass(frozen=True)
class Asked(Generic[Options]):
    """``number``: of the request. ``share`` 0..1; ``remaining`` seconds, negative while unknown; ``title``: what the
    engine says it is at."""

    number: int
    model: ModelKey
    options: Options
    share: float = 0.0
    remaining: float = -1.0
    title: str = ""

    def heard(self, progress: JobProgress) -> Asked[Options]:
        """The same, as far as ``progress`` says it is."""
        return replace(self, share=progress.share, remaining=progress.remaining, title=progress.title)


class Asking(QObject, Generic[Options, Report]):
    """Keeps the questions of one kind, by model. A subclass asks them, and holds the answers; these are kept on disk,
    and are there again when the same model is."""

    changed = Signal()

    answer: ClassVar[type[Any]]
    """What the engine replies to a question of this kind, with the `request_id` and the `report`."""

    def __init__(
        self,
        jobs: JobList,
        replies: Replies,
        kept: KeptReports[Options, Report],
        parent: QObject | None = None,
    ) -> None:
        """``kept``: the answers of this kind on disk."""
        super().__init__(parent)
        self._jobs = jobs
        self._kept = kept
        self._asked: dict[int, Asked[Options]] = {}
        self._problems: dict[ModelKey, str] = {}
        for kind in (JobProgress, Refused, Stopped, self.answer):
            replies.on(kind, self._heard)

    @abstractmethod
    def report(self, model: ModelRef) -> Report | None:
        """The report of ``model`` that is shown, or None before there is one."""

    @abstractmethod
    def _hold(self, model: ModelKey, options: Options, report: Report) -> None:
        """Show ``report``, which answers ``options``."""

    @abstractmethod
    def _forget(self, model: ModelKey) -> None:
        """What is shown of ``model`` is of other files."""

    @abstractmethod
    def _fingerprint(self, report: Report) -> str:
        """That of the model that ``report`` is about."""

    def model_opened(self, model: ModelRef, card: ModelCard) -> None:
        """A model was opened: what is shown of it is of these very files, or nothing is; what is kept of them comes."""
        report = self.report(model)
        if report is not None and self._fingerprint(report) == card.fingerprint:
            return
        if report is not None:
            if (asked := self.under_way(model)) is not None:
                self._drop(asked)
            self._problems.pop(key_of(model), None)
            self._forget(key_of(model))
        recalled = self._kept.recalled(card.fingerprint)
        for options, kept in recalled:
            self._hold(key_of(model), options, kept)
        if report is not None or recalled:
            self.changed.emit()

    def problem(self, model: ModelRef) -> str:
        """Why the last question about ``model`` has no answer, or an empty string."""
        return self._problems.get(key_of(model), "")

    def under_way(self, model: ModelRef) -> Asked[Options] | None:
        """The question about ``model`` that is under way, or None."""
        return next((asked for asked in self._asked.values() if asked.model == key_of(model)), None)

    def cancel(self, model: ModelRef) -> None:
        """Stop what is under way; what was shown stays."""
        if (asked := self.under_way(model)) is not None:
            self._jobs.cancel(asked.number)

    def _heard(self, reply: Any) -> None:
        """Take ``reply`` if it is about one of our questions."""
        asked = self._asked.get(reply.request_id)
        if asked is None:
            return
        if isinstance(reply, JobProgress):
            self._asked[asked.number] = asked.heard(reply)
        else:
            del self._asked[asked.number]
            if isinstance(reply, Refused):
                self._problems[asked.model] = reply.sentence
            elif not isinstance(reply, Stopped):
                self._hold(asked.model, asked.options, reply.report)
                self._kept.keep(self._fingerprint(reply.report), asked.options, reply.report)
        self.changed.emit()

    def _ask(self, number: int, model: ModelRef, options: Options) -> None:
        """The question ``number`` was sent."""
        self._asked[number] = Asked(number, key_of(model), options)

    def _drop(self, asked: Asked[Options]) -> None:
        """Stop ``asked``; its answer is not for us any more."""
        del self._asked[asked.number]
        self._jobs.cancel(asked.number)
