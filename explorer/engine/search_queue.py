"""Searches take turns: one at a time, so that they do not fight over the device, and quick ones before long ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, get_ident

POLL = 0.1  # seconds between looks at whether the one who waits still wants to

Place = tuple[bool, int]
"""Where a search stands in the line: long ones after quick ones, then in the order of arrival."""


class SearchQueue:
    """A line of searches. The one at the device hands it over to quick ones that come while it works."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._numbers = itertools.count()
        self._line: list[Place] = []
        self._holder: int | None = None  # the thread whose turn it is

    @contextmanager
    def turn(self, quick: bool, waiting: Callable[[], None] | None = None) -> Iterator[Callable[[], None]]:
        """Wait in line, then hold the device for searches; gives a function that a long search calls now and then, and
        that returns when no quick one wants to be done first.

        ``waiting`` is called every :data:`POLL` seconds in the line; what it raises ends the waiting. A thread whose
        turn it is already goes on at once.
        """
        if self._holder == get_ident():
            yield lambda: None
            return
        place = (not quick, next(self._numbers))
        self._enter(place, waiting)
        try:
            yield lambda: self._give_way(place)
        finally:
            self._leave()

    def _enter(self, place: Place, waiting: Callable[[], None] | None) -> None:
        with self._changed:
            self._line.append(place)
        try:
            while True:
                with self._changed:
                    if self._is_next(place) or (self._changed.wait(POLL) and self._is_next(place)):
                        self._holder = get_ident()
                        return
                if waiting is not None:
                    waiting()
        finally:
            with self._changed:
                self._line.remove(place)
                self._changed.notify_all()

    def _is_next(self, place: Place) -> bool:
        return self._holder is None and min(self._line) == place

    def _leave(self) -> None:
        with self._changed:
            self._holder = None
            self._changed.notify_all()

    def _give_way(self, place: Place) -> None:
        with self._changed:
            long, _ = place
            if not long or all(other for other, _ in self._line):
                return
        self._leave()
        self._enter(place, None)
