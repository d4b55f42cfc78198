"""The start of the real window, in a process of its own: says ``painted`` on the first paint, then ends."""

from __future__ import annotations

import os
import sys

from PySide6.QtCore import QEvent, QObject

from explorer.ui import app
from explorer.ui.main_window import MainWindow


class _FirstPaint(QObject):
    """Ends the process when the middle of the window has been painted."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            sys.stdout.write("painted\n")
            sys.stdout.flush()
            # The engine process was only just started: it sees the closed connection and ends.
            os._exit(0)
        return False


def _watch(window: MainWindow) -> None:
    window.first_paint = _FirstPaint(window)  # type: ignore[attr-defined]
    for page in (window.empty, window.canvas):
        page.installEventFilter(window.first_paint)  # type: ignore[attr-defined]


if __name__ == "__main__":
    app.main(made=_watch)
