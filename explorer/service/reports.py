"""What a job tells the window while it works: its share, what remains, that it waits. And whether it was cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from explorer.errors import Cancelled
from explorer.generators.base import Progress
from explorer.service import replies

REPORT_EVERY = 0.1  # seconds
WAIT_REPORTED_EVERY = 0.5  # seconds


class Reports:
    """Of the job ``number``. Whatever is made here raises :class:`Cancelled` once ``stop`` is set."""

    def __init__(self, number: int, send: Callable[[replies.Reply], None]) -> None:
        self.number = number
        self.stop = Event()
        self._send = send
        self._share = 0.0

    def check(self) -> None:
        """Raise :class:`Cancelled` when the job is to stop."""
        if self.stop.is_set():
            raise Cancelled

    def progress(self, title: str) -> Progress:
        """Reports the share and what remains, by the pace since the first report: a search may resume an older one."""
        first: tuple[float, float] | None = None
        last = 0.0

        def report(share: float) -> None:
            nonlocal first, last
            self.check()
            now = time.perf_counter()
            first = first or (now, share)
            if now - last < REPORT_EVERY and share < 1:
                return
            last = now
            self._share = share
            done = share - first[1]
            remaining = (now - first[0]) * (1 - share) / done if done > 0 else -1.0
            self._tell(title, share, remaining)

        return report

    def waiting(self, title: str) -> Callable[[], None]:
        """Reports that the job waits for another, with the share that it has reached."""
        last = 0.0

        def report() -> None:
            nonlocal last
            self.check()
            now = time.perf_counter()
            if now - last >= WAIT_REPORTED_EVERY:
                last = now
                self._tell(f"Waiting: {title}", self._share, -1.0)

        return report

    def _tell(self, title: str, share: float, remaining: float) -> None:
        self._send(replies.JobProgress(request_id=self.number, title=title, share=share, remaining=remaining))
