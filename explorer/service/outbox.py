"""What the window has asked of its engine and not sent yet: requests in order, the newest view of each pane."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from threading import Condition

from explorer.service import protocol
from explorer.service.protocol import UnsendableError
from explorer.service.replies import ViewFailed
from explorer.service.requests import ForgetView, Release, RenderViews, ViewRequest


class Outbox:
    """Filled by the window, emptied by the thread that sends; ``failed`` hears of views that cannot be sent."""

    def __init__(self, failed: Callable[[ViewFailed], object]) -> None:
        self._failed = failed
        self._wake = Condition()
        self._messages: deque[bytes] = deque()
        self._due: dict[int, ViewRequest] = {}  # asked for, not yet sent
        self._newest: dict[int, ViewRequest] = {}  # per view, for a restarted engine
        self._released: list[int] = []  # slots of the ring in use
        self._ring = ""

    def put(self, message: bytes) -> None:
        """Send ``message`` after those before it."""
        with self._wake:
            self._messages.append(message)
            self._wake.notify_all()

    def attach(self, ring: str, message: bytes) -> None:
        """Use another ring from now on, as ``message`` says; what was released of an older one counts for nothing."""
        with self._wake:
            self._ring = ring
            self._released.clear()
            self._messages.appendleft(message)
            self._wake.notify_all()

    def show(self, views: Iterable[ViewRequest]) -> None:
        """Send these views at once, instead of older ones of the same panes."""
        with self._wake:
            for view in views:
                self._due[view.view_id] = self._newest[view.view_id] = view
            self._wake.notify_all()

    def forget(self, view_id: int) -> None:
        """The pane is gone."""
        with self._wake:
            self._due.pop(view_id, None)
            self._newest.pop(view_id, None)
            self.put(protocol.encode(ForgetView(view_id=view_id)))

    def release(self, slot: int) -> None:
        """A slot of the ring in use is free again."""
        with self._wake:
            self._released.append(slot)
            self._wake.notify_all()

    def begin_anew(self) -> None:
        """The engine is gone: the next one is asked for the newest views alone."""
        with self._wake:
            self._messages.clear()
            self._due.update(self._newest)

    def wake(self) -> None:
        """Have :meth:`next` look again whether it is over."""
        with self._wake:
            self._wake.notify_all()

    def next(self, is_over: Callable[[], bool]) -> list[bytes] | None:
        """What is to be sent, as soon as there is something; None as soon as ``is_over``."""
        with self._wake:
            while not (is_over() or self._messages or self._due or self._released):
                self._wake.wait()
            if is_over():
                return None
            messages = list(self._messages)
            self._messages.clear()
            if self._released:
                messages.append(protocol.encode(Release(ring=self._ring, slots=tuple(self._released))))
                self._released.clear()
            due = dict(self._due)
            self._due.clear()
        return [*messages, *self._views(due)]

    def _views(self, due: Mapping[int, ViewRequest]) -> list[bytes]:
        """Views as one message, so that they are one batch; those that cannot be sent have failed."""
        if not due:
            return []
        try:
            return [protocol.encode(RenderViews(requests=tuple(due.values())))]
        except UnsendableError as error:
            if len(due) > 1:
                return [message for view_id, view in due.items() for message in self._views({view_id: view})]
            ((view_id, view),) = due.items()
            with self._wake:
                if self._newest.get(view_id) is view:
                    del self._newest[view_id]
            self._failed(ViewFailed(view_id=view_id, revision=view.revision, sentence=str(error)))
            return []
