"""How fast pictures come: the way of each from the hand to the screen, part by part, and how many a second.

One definition of every figure, for the status line and for the bench.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

KEPT = 480  # pictures
NEWEST = 120  # pictures that the figures are of
P95_FROM = 20  # pictures; of fewer, the 95th percentile is the slowest one
FPS_OVER = 60  # paints of one pane
FPS_FROM = 4  # paints without a pause; fewer say nothing
PAUSE = 0.4  # seconds; a longer gap is the hand resting, unless a picture is under way


@dataclass(frozen=True)
class Sample:
    """One picture's way to the screen, milliseconds. What is not ``total`` is a part of it, and the parts add up."""

    total: float  # from the event to the end of the paint
    waited: float
    forward: float  # 0 for one that the engine still had
    convert: float
    beside: float  # the rest of the engine's work: moving the point, and what it drew together with this picture
    copy: float
    paint: float

    @property
    def rest(self) -> float:
        """What the others do not explain: transport between the processes, and waiting for the window's event loop."""
        return self.total - self.waited - self.forward - self.convert - self.beside - self.copy - self.paint


def percentile(values: Sequence[float], share: float) -> float:
    """The ``share`` (0..1) quantile of ``values``: linear between neighbours, 0 for none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def apportioned(parts: Sequence[float]) -> list[float]:
    """``parts`` rounded to one decimal so that they add up to their rounded sum (largest remainder)."""
    tenths = [math.floor(part * 10) for part in parts]
    short = round(sum(parts) * 10) - sum(tenths)
    for index in sorted(range(len(parts)), key=lambda index: tenths[index] - parts[index] * 10)[:short]:
        tenths[index] += 1
    return [count / 10 for count in tenths]


class Pace:
    """The newest samples, and when panes were painted. ``clock``: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.samples: deque[Sample] = deque(maxlen=KEPT)
        self._clock = clock
        self._paints: dict[int, deque[tuple[float, bool]]] = {}  # pane → when, and whether another was under way then

    def clear(self) -> None:
        """What is drawn from now on is something else."""
        self.samples.clear()
        self._paints.clear()

    def newest(self) -> list[Sample]:
        """The samples that the figures are of."""
        return list(self.samples)[-NEWEST:]

    def painted(self, pane: int, under_way: bool) -> None:
        """A new picture of ``pane`` is on the screen; ``under_way``: a newer one is asked for already."""
        self._paints.setdefault(pane, deque(maxlen=FPS_OVER)).append((self._clock(), under_way))

    def frames_per_second(self) -> float:
        """How fast the pictures of the busiest pane follow each other; 0 at rest, and where too few have come."""
        return max((self._rate(list(paints)) for paints in self._paints.values()), default=0.0)

    def _rate(self, paints: list[tuple[float, bool]]) -> float:
        def follows(earlier: tuple[float, bool], moment: float) -> bool:
            return earlier[1] or moment - earlier[0] < PAUSE

        if not follows(paints[-1], self._clock()):
            return 0.0
        burst = 0
        while burst + 1 < len(paints) and follows(paints[-2 - burst], paints[-1 - burst][0]):
            burst += 1
        return burst / (paints[-1][0] - paints[-1 - burst][0]) if burst >= FPS_FROM else 0.0
