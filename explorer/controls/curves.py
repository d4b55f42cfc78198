"""Curves that are computed knot by knot, and kept while the hand moves along them: a drag computes each knot once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

Knot = TypeVar("Knot")

CURVES_KEPT = 64
"""Of one control: while a slider is dragged the point it starts from stays the same, but panes have starts of their
own."""


@dataclass
class _Curves(Generic[Knot]):
    """Start → the knots that are known, from the start on. Those used least recently go first."""

    known: OrderedDict[Hashable, list[Knot]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)


_OF_CONTROLS: WeakKeyDictionary[object, _Curves[object]] = WeakKeyDictionary()
_LOCK = Lock()


def knot(
    control: object, start: Hashable, number: int, first: Callable[[], Knot], following: Callable[[Knot], Knot]
) -> Knot:
    """Knot ``number`` (0: the start) of the curve of ``control`` that begins at ``start``: ``first`` makes the first
    one, ``following`` from each the next. All are kept for as long as ``control`` lives. Safe to use from several
    threads.

    ``control`` is hashed by identity; ``start`` names all that the curve depends on besides it.
    """
    with _LOCK:
        curves: _Curves[Knot] = _OF_CONTROLS.setdefault(control, _Curves())  # type: ignore[assignment]
    with curves.lock:
        knots = curves.known.setdefault(start, [])
        curves.known.move_to_end(start)
        while len(curves.known) > CURVES_KEPT:
            curves.known.popitem(last=False)
        if not knots:
            knots.append(first())
        while len(knots) <= number:
            knots.append(following(knots[-1]))
        return knots[number]
