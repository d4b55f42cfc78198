"""One piece of long work that a panel asks for by a button: its progress, its answer, why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from explorer.service.replies import EngineLost, JobProgress, Refused, Stopped
from explorer.service.requests import Request
from explorer.ui.state.job_list import JobList
from explorer.ui.state.newest import Numbered
from explorer.ui.state.replies import Replies

Answer = TypeVar("Answer", bound=Numbered)


class OneJob(QObject, Generic[Answer]):
    """At most one is under way: a newer one takes its place. ``answer``: the last there was; ``problem``: why the last
    has none; ``progress``: the share and the seconds left of what is under way, None while nothing is."""

    changed = Signal()

    def __init__(self, jobs: JobList, replies: Replies, reply: type[Answer], parent: QObject | None = None) -> None:
        """``reply``: the kind of message that answers."""
        super().__init__(parent)
        self._jobs = jobs
        self._reply = reply
        self._number = -1
        self.answer: Answer | None = None
        self.problem = ""
        self.progress: tuple[float, float] | None = None
        for kind in (JobProgress, Refused, Stopped, reply):
            replies.on(kind, self._heard)
        replies.on(EngineLost, self._engine_lost)

    def start(self, title: str, request: Callable[..., Request]) -> None:
        """Ask; the list of jobs calls it ``title``."""
        self.cancel()
        self.answer, self.problem, self.progress = None, "", (0.0, -1.0)
        self._number = self._jobs.start(title, request)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop what is under way."""
        if self._number >= 0:
            self._jobs.cancel(self._number)
            self._number, self.progress = -1, None
            self.changed.emit()

    def clear(self) -> None:
        """Nothing of the answer is true any more, nor of the problem."""
        self.cancel()
        if self.answer is not None or self.problem:
            self.answer, self.problem = None, ""
            self.changed.emit()

    def _heard(self, message: Any) -> None:
        if message.request_id != self._number:
            return
        if isinstance(message, JobProgress):
            self.progress = (message.share, message.remaining)
        else:
            self._number, self.progress = -1, None
            if isinstance(message, Refused):
                self.problem = message.sentence
            elif not isinstance(message, Stopped):
                self.answer = message
        self.changed.emit()

    def _engine_lost(self, lost: EngineLost) -> None:
        if self._number >= 0:
            self._number, self.progress, self.problem = -1, None, lost.sentence
            self.changed.emit()
