"""A question to the engine about what is shown: the newest counts, and one is under way at most."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import msgspec
from PySide6.QtCore import QObject, Signal

from explorer.service.replies import EngineLost, Refused, Stopped
from explorer.service.requests import Cancel, Request
from explorer.ui.state.holder import SceneHolder


class Numbered(Protocol):
    """A reply to a question."""

    @property
    def request_id(self) -> int:
        """Of the question."""


UNNUMBERED = -1
"""The number of a request that has not been sent."""
Question = TypeVar("Question", bound=Request)
Answer = TypeVar("Answer", bound=Numbered)


class Newest(QObject, Generic[Question, Answer]):
    """A subclass says what the question is: the request, before it has a number (:data:`UNNUMBERED`). ``answer``: the
    last there was, and ``answered``, the question that it is of; None where there is nothing to know, or the engine
    said why not: ``problem``."""

    changed = Signal()  # the answer, or the problem

    def __init__(self, holder: SceneHolder, reply: type[Answer], parent: QObject | None = None) -> None:
        """``reply``: the kind of message that answers."""
        super().__init__(parent)
        self._holder = holder
        self._reply = reply
        self.answer: Answer | None = None
        self.answered: Question | None = None
        self.problem = ""
        self._latest: Question | None = None  # answered, or under way; None: whatever it is, it has to be asked anew
        self._number = UNNUMBERED  # of the question under way
        self._sent: Question | None = None  # that question
        holder.replies.on(reply, self._take)
        holder.replies.on(Refused, self._take)
        holder.replies.on(Stopped, self._stopped)
        holder.replies.on(EngineLost, self._engine_lost)
        holder.engine_ready.connect(self.forget)
        holder.catalogue.controls_previewed.connect(self.forget)
        holder.catalogue.controls_found.connect(self.forget)

    def question(self) -> Question | None:
        """What is to be known now; None where there is nothing to ask yet."""
        raise TypeError(f"{type(self).__name__} does not say what it asks")

    def applies(self) -> bool:
        """Whether an answer that is there stays while there is nothing to ask."""
        return self.question() is not None

    def refresh(self) -> None:
        """Ask, if there is something to ask that is not asked or answered yet."""
        if not self.applies():
            self._latest = None
            self.clear()
            return
        question = self.question()
        if question is None or question == self._latest or self._number >= 0:
            return
        self._latest = self._sent = question
        self._number = self._holder.client.next_request_id()
        self._holder.client.send(msgspec.structs.replace(question, request_id=self._number))

    def clear(self) -> None:
        """Nothing of the answer, or of the problem, is true here."""
        if self.answer is not None or self.problem:
            self.answer, self.answered, self.problem = None, None, ""
            self.changed.emit()

    def forget(self, *_: object) -> None:
        """The controls may be others under the same name: ask anew."""
        self._latest = None
        self.refresh()

    def give_up(self) -> None:
        """Stop what is under way: nobody waits for it now. It is asked anew when there is something to ask again."""
        if self._number >= 0:
            self._holder.client.send(Cancel(request_id=self._number))

    def _stopped(self, reply: Stopped) -> None:
        if reply.request_id == self._number:
            self._number = UNNUMBERED
            self.forget()

    def _take(self, reply: Answer | Refused) -> None:
        if reply.request_id != self._number:
            return
        self._number = UNNUMBERED
        if isinstance(reply, Refused):
            self.answer, self.answered, self.problem = None, None, reply.sentence
        else:
            self.answer, self.answered, self.problem = reply, self._sent, ""
        self.changed.emit()
        self.refresh()

    def _engine_lost(self, lost: EngineLost) -> None:
        self._latest, self._number = None, UNNUMBERED
