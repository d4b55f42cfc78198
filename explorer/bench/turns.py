"""Works that are compared, done in turns so that all see the same machine, in processor time: what other programs do
meanwhile does not count."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

REPEATED = 8
"""Times that each is done in a row, as in use: what another has left in the caches costs the first."""

Work = Callable[[], object]


def in_turns(works: Mapping[str, Work], warm_up: int, runs: int) -> dict[str, list[float]]:
    """Name → milliseconds of each of ``runs``, after ``warm_up`` that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for run in range(warm_up + runs):
        for name, work in works.items():
            took = milliseconds(work)
            if run >= warm_up:
                taken[name].append(took)
    return taken


def milliseconds(work: Work) -> float:
    """Of this process, for one of :data:`REPEATED` in a row."""
    begun = time.process_time()
    for _ in range(REPEATED):
        work()
    return (time.process_time() - begun) * 1e3 / REPEATED


def medians(taken: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """``NAME_ms`` → the median of its runs."""
    return {f"{name}_ms": round(statistics.median(each), 3) for name, each in taken.items()}


def ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """The median of the runs' ratios."""
    return round(statistics.median(a / b for a, b in zip(first, second, strict=True)), 2)
