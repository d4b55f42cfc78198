"""What nobody wants any more, and when it may go: after a while, so that undo or a change of mind costs nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable

from PySide6.QtCore import QObject, QTimer, Signal

GRACE = 5.0  # seconds


class Leaving(QObject):
    """Numbers that are left, and since when."""

    due = Signal(int)  # one that has been left for GRACE without a break

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._since: dict[int, float] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)

    def note(self, left: Iterable[int]) -> None:
        """These are left now, and no others."""
        now = time.monotonic()
        self._since = {number: self._since.get(number, now) for number in left}
        self._wait()

    def _look(self) -> None:
        limit = time.monotonic() - GRACE
        over = [number for number, since in self._since.items() if since <= limit]
        for number in over:
            del self._since[number]
        self._wait()
        for number in over:
            self.due.emit(number)

    def _wait(self) -> None:
        if self._since and not self._timer.isActive():
            left = min(self._since.values()) + GRACE - time.monotonic()
            self._timer.start(max(1, round(1000 * left) + 1))
