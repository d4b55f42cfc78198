"""Searches take turns: one at a time, so that they do not fight over the device, and quick ones before long ones."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

POLL = 0.1  # seconds between looks at whether the one who waits still wants to
BRIEF = 2.0  # seconds at the device after which a search that was held for a quick one counts as long


@dataclass(eq=False)
class _Place:
    """Where a search stands in the line: long ones after quick ones, then in the order of arrival."""

    long: bool
    number: int

    def rank(self) -> tuple[bool, int]:
        return self.long, self.number


class SearchQueue:
    """A line of searches. The one at the device hands it over to quick ones that come while it works."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._numbers = itertools.count()
        self._line: list[_Place] = []
        self._holder: _Place | None = None

    @contextmanager
    def turn(self, quick: bool, waiting: Callable[[], None] | None = None) -> Iterator[Callable[[], None]]:
        """Wait in line, then hold the device for searches; gives a function that a search calls now and then, and that
        returns when no quicker one wants to be done first. A quick one is long once it has taken :data:`BRIEF`: how
        long a method takes depends on the model.

        ``waiting`` is called every :data:`POLL` seconds in the line; what it raises ends the waiting, and the turn. Who
        holds the device must not ask for another turn.
        """
        place = _Place(not quick, next(self._numbers))
        self._enter(place, waiting)
        since = time.monotonic()

        def give_way() -> None:
            place.long = place.long or time.monotonic() - since > BRIEF
            self._give_way(place, waiting)

        try:
            yield give_way
        finally:
            self._leave(place)

    def _enter(self, place: _Place, waiting: Callable[[], None] | None) -> None:
        with self._changed:
            self._line.append(place)
        try:
            while True:
                with self._changed:
                    if self._is_next(place) or (self._changed.wait(POLL) and self._is_next(place)):
                        self._holder = place
                        return
                if waiting is not None:
                    waiting()
        finally:
            with self._changed:
                self._line.remove(place)
                self._changed.notify_all()

    def _is_next(self, place: _Place) -> bool:
        return self._holder is None and min(self._line, key=_Place.rank) is place

    def _leave(self, place: _Place) -> None:
        with self._changed:
            if self._holder is place:  # else it gave way, and gave up before its next turn
                self._holder = None
                self._changed.notify_all()

    def _give_way(self, place: _Place, waiting: Callable[[], None] | None) -> None:
        with self._changed:
            if not place.long or all(other.long for other in self._line):
                return
        self._leave(place)
        self._enter(place, waiting)
