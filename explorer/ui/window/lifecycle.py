"""What belongs to the application rather than to its window: signals, the desktop's colours, unexpected errors."""

from __future__ import annotations

import signal
from types import FrameType

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from explorer import ending, keeping, memory
from explorer.ui.look import theme
from explorer.ui.state.feed import Feed
from explorer.ui.window import report
from explorer.ui.window.main_window import MainWindow

SIGNALS_EVERY_MS = 200
RESTED_MS = 2000
"""Without a picture, after which memory that is free again is given back."""


class Resting(QObject):
    """Gives back memory that is free again once no picture of ``feed`` has come for :data:`RESTED_MS`."""

    def __init__(self, feed: Feed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(RESTED_MS)
        self._rest.timeout.connect(lambda: memory.give_back())
        feed.picture_changed.connect(self._on_picture)

    def _on_picture(self, pane: int) -> None:
        """The rest begins anew. Not by the timer's own slot, which would take the pane for milliseconds."""
        self._rest.start()


class Lifecycle(QObject):
    """Lives as long as the application."""

    _not_kept = Signal(str)  # from any thread: what the program keeps for itself cannot be written

    def __init__(self, app: QApplication, window: MainWindow) -> None:
        super().__init__(app)
        self._app = app
        self._window = window
        app.styleHints().colorSchemeChanged.connect(self._follow_desktop)
        report.catch_exceptions(self._say_error)
        ending.handle(self._interrupt, (signal.SIGINT, *ending.TOLD))
        window.closed.connect(self._end)
        self._not_kept.connect(self._say_not_kept)
        self._hear = self._not_kept.emit
        keeping.listen(self._hear)
        keeping.look()
        # Python sees a signal only while it runs; an idle event loop would sleep through it.
        self._heartbeat = QTimer(self)
        self._heartbeat.timeout.connect(self._wake)
        self._heartbeat.start(SIGNALS_EVERY_MS)
        Resting(window.controller.feed, self)

    def quit_after(self, seconds: float) -> None:
        """Close the window by itself, for smoke tests."""
        QTimer.singleShot(int(seconds * 1000), self._window.close_unasked)

    def _follow_desktop(self) -> None:
        if self._window.settings.scheme == "system":
            theme.apply(self._app, "system")

    def _say_error(self, sentence: str) -> None:
        self._window.controller.say(sentence, "error", "copy_report")

    def _say_not_kept(self, sentence: str) -> None:
        self._window.controller.say(sentence, "warning")

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._window.close_unasked()

    def _end(self) -> None:
        keeping.unlisten(self._hear)
        # Not left to Qt's own count of windows: this one was hidden before it was closed, so it may not count.
        self._app.exit(0)

    def _wake(self) -> None:
        """Nothing: being called is what lets Python handle signals."""
