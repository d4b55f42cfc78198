"""The start of the real window, in a process of its own: says ``painted`` on the first paint, then ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from explorer.ui.window import app

if TYPE_CHECKING:
    from explorer.ui.window.main_window import MainWindow


def _watch(window: MainWindow) -> None:
    """End the process when the middle of ``window`` has been painted."""
    # Not at the head: the order of the imports is part of what is timed.
    from PySide6.QtCore import QEvent, QObject

    class FirstPaint(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                sys.stdout.write("painted\n")
                sys.stdout.flush()
                # The engine process was only just started: it sees the closed connection and ends.
                os._exit(0)
            return False

    watcher = FirstPaint(window)
    for page in (window.empty, window.canvas):
        page.installEventFilter(watcher)


if __name__ == "__main__":
    app.main(made=_watch)
