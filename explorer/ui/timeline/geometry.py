"""Where things stand in the timeline: seconds ↔ pixels, amounts ↔ pixels, and which ticks the ruler shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

LABEL_WIDTH = 128
RIGHT_MARGIN = 22
RULER_HEIGHT = 29
ROW_LEAST = 28
ROW_MOST = 56
KEY_RADIUS = 6

_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


@dataclass(frozen=True)
class TimelineGeometry:
    """The layout of ``rows`` tracks over ``duration`` seconds in a view of ``width`` × ``height`` pixels."""

    width: int
    height: int
    duration: float
    rows: int
    scroll: int = 0

    @property
    def left(self) -> int:
        """The pixel of time 0."""
        return LABEL_WIDTH

    @property
    def right(self) -> int:
        """The pixel of the end."""
        return max(self.left + 40, self.width - RIGHT_MARGIN)

    @property
    def row_height(self) -> int:
        """Tracks grow with the dock, within bounds."""
        if not self.rows:
            return ROW_LEAST
        return min(ROW_MOST, max(ROW_LEAST, (self.height - RULER_HEIGHT) // self.rows))

    @property
    def content_height(self) -> int:
        return RULER_HEIGHT + self.rows * self.row_height

    def x(self, time: float) -> float:
        """The pixel of ``time`` seconds."""
        return self.left + (self.right - self.left) * time / self.duration

    def time(self, x: float) -> float:
        """The seconds under pixel ``x``, held to 0..duration."""
        share = (x - self.left) / (self.right - self.left)
        return min(1.0, max(0.0, share)) * self.duration

    def row_top(self, row: int) -> int:
        return RULER_HEIGHT + row * self.row_height - self.scroll

    def row_at(self, y: float) -> int:
        """The track under pixel ``y``, or -1 for the ruler and the empty space below."""
        if y < RULER_HEIGHT:
            return -1
        row = int((y - RULER_HEIGHT + self.scroll) // self.row_height)
        return row if 0 <= row < self.rows else -1

    def y(self, row: int, amount: float, low: float, high: float) -> float:
        """The pixel of ``amount`` in track ``row``, whose band shows ``low`` (bottom) to ``high`` (top)."""
        inset = KEY_RADIUS + 2
        share = (amount - low) / (high - low) if high > low else 0.5
        return self.row_top(row) + self.row_height - inset - share * (self.row_height - 2 * inset)


def snapped(time: float, fps: int, duration: float) -> float:
    """``time`` moved to the nearest frame, held to 0..duration. The end itself is always reachable."""
    if duration - time < 0.5 / fps:
        return duration
    return min(duration, max(0.0, round(time * fps) / fps))


def tick_step(duration: float, pixels: float, least_pixels: float = 80) -> float:
    """Seconds between labelled ticks: the smallest round step that leaves ``least_pixels`` between two labels."""
    for step in _STEPS:
        if pixels * step / duration >= least_pixels:
            return step
    return duration


def ticks(duration: float, pixels: float) -> list[float]:
    """The times of the labelled ticks, from 0; the end is left to the last round one."""
    step = tick_step(duration, pixels)
    return [number * step for number in range(math.floor(duration / step + 1e-9) + 1)]


def tick_label(time: float, step: float) -> str:
    """``1.25s``, or ``2:05`` from a minute on."""
    if time >= 60:
        return f"{int(time // 60)}:{time % 60:02.0f}"
    return f"{time:.2f}s" if step < 0.1 else f"{time:.1f}s"
