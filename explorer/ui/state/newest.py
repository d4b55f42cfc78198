"""A question to the engine about what is shown: the newest counts, and one is under way at most."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from explorer.service.protocol import EngineLost, Refused, Reply, Request
from explorer.ui.state.holder import SceneHolder

Question = TypeVar("Question")


class Newest(QObject, Generic[Question]):
    """A subclass says what the question is, how it is sent, and what becomes of the answer. ``problem``: why there is
    none, where the engine said so."""

    changed = Signal()  # the answer, or the problem

    def __init__(self, holder: SceneHolder, reply: type[Reply], parent: QObject | None = None) -> None:
        """``reply``: the kind of message that answers."""
        super().__init__(parent)
        self._holder = holder
        self._reply = reply
        self.problem = ""
        self._latest: Question | None = None  # answered, or under way; None: whatever it is, it has to be asked anew
        self._number = -1  # of the question under way
        self._sent: Question | None = None  # that question
        holder.replies.on(reply, self._answered)
        holder.replies.on(Refused, self._answered)
        holder.replies.on(EngineLost, self._engine_lost)
        holder.engine_ready.connect(self.forget)
        holder.catalogue.controls_previewed.connect(self.forget)
        holder.catalogue.controls_found.connect(self.forget)

    def question(self) -> Question | None:
        """What is to be known now; None where there is nothing to ask yet."""
        raise NotImplementedError

    def applies(self) -> bool:
        """Whether an answer that is there stays while there is nothing to ask."""
        return self.question() is not None

    def request(self, number: int, question: Question) -> Request:
        """The message that asks ``question``."""
        raise NotImplementedError

    def take(self, reply: Any | None, question: Question | None) -> None:
        """``reply`` is the answer to ``question``; None: there is none any longer."""
        raise NotImplementedError

    def has_answer(self) -> bool:
        """Whether there is an answer."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Ask, if there is something to ask that is not asked or answered yet."""
        if not self.applies():
            if self.has_answer() or self.problem:
                self.problem, self._latest = "", None
                self.take(None, None)
                self.changed.emit()
            return
        question = self.question()
        if question is None or question == self._latest or self._number >= 0:
            return
        self._latest = self._sent = question
        self._number = self._holder.client.next_request_id()
        self._holder.client.send(self.request(self._number, question))

    def forget(self, *_: object) -> None:
        """The controls may be others under the same name: ask anew."""
        self._latest = None
        self.refresh()

    def _answered(self, reply: Any) -> None:
        if reply.request_id != self._number:
            return
        self._number = -1
        answered = isinstance(reply, self._reply)
        self.problem = "" if answered else reply.sentence
        self.take(reply if answered else None, self._sent)
        self.changed.emit()
        self.refresh()

    def _engine_lost(self, lost: EngineLost) -> None:
        self._latest, self._number = None, -1
