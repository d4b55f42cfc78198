"""Playing: a clock that says where the playhead stands. A slow model drops frames and keeps time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from explorer.scene.model import Timeline

TICK_MS = 8  # twice as often as a 60 Hz screen needs, so that no frame of a 60 fps timeline is missed


def position(timeline: Timeline, elapsed: float) -> tuple[float, bool]:
    """Where the playhead stands ``elapsed`` seconds (≥ 0) after a start at 0, and whether playing once is over.

    Playing passes the frames of :func:`explorer.scene.timeline.frame_times`, each when it is due, in a closed form.
    """
    steps = max(1, round(timeline.duration * timeline.fps))
    # 1e-6: a clock that says 0.49999999 means the frame at 0.5.
    frame = math.floor(elapsed * steps / timeline.duration + 1e-6)
    if timeline.loop == "once":
        over = frame >= steps
        frame = min(frame, steps)
    elif timeline.loop == "loop":
        over, frame = False, frame % steps
    else:
        over, frame = False, frame % (2 * steps)
        frame = frame if frame <= steps else 2 * steps - frame
    if frame == steps:  # the end itself, without the rounding of a division
        return timeline.duration, over
    exact = steps == timeline.duration * timeline.fps
    return frame / timeline.fps if exact else timeline.duration * frame / steps, over


class Player(QObject):
    """Moves the playhead while it plays. ``moved`` gives the time in seconds, once for each frame that is due."""

    moved = Signal(float)
    playing_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._timeline = Timeline()
        self._began = 0.0  # the clock's reading at which the timeline stood at 0
        self._shown = -1.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def play(self, timeline: Timeline, start: float) -> None:
        """Play from ``start`` seconds; from the beginning where ``start`` is the end of a timeline that plays once."""
        if timeline.loop != "ping_pong" and start >= timeline.duration - 1e-9:
            start = 0.0
        self._timeline = timeline
        self._began = self._clock() - start
        self._shown = -1.0
        self._timer.start()
        self.playing_changed.emit(True)
        self.tick()

    def follow(self, timeline: Timeline) -> None:
        """Go on with an edited timeline, without a stop or a jump."""
        self._timeline = timeline

    def seek(self, start: float) -> None:
        """Go on from ``start`` seconds."""
        self._began = self._clock() - start
        self._shown = start

    def stop(self) -> None:
        """Stop where it stands. Does nothing when nothing plays."""
        if self._timer.isActive():
            self._timer.stop()
            self.playing_changed.emit(False)

    def tick(self) -> None:
        """Show the frame that is due now, unless it is shown already."""
        where, over = position(self._timeline, self._clock() - self._began)
        if where != self._shown:
            self._shown = where
            self.moved.emit(where)
        if over:
            self.stop()
