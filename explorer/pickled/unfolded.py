"""How large a value is when all that it names more than once is written out each time.

A pickle of a few hundred bytes names one tuple twice in another, and that twice in a third, and so on: in memory that
is little, but whatever walks, compares, hashes or prints it never comes to an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from explorer.pickled.records import Record

MOST_UNFOLDED = 2_000_000
"""Values of one pickle, each counted as often as it is named; so many letters of a text count as one more."""
_LETTERS = 64
DEEPEST = 400
"""Values within values."""
_OPEN = -1  # the size of what is being looked into


_CONTAINERS = frozenset({tuple, list, dict, set, Record})


def check_unfolded(value: Any) -> None:
    """Raises ValueError where ``value`` is larger than that, deeper, or holds itself."""
    sizes: dict[int, int] = {}
    place: Iterator[Any] = iter((value,) if type(value) in _CONTAINERS else ())
    total, name = 0, -1
    path: list[tuple[Iterator[Any], int, int]] = []  # those around ``place``, with what they count so far
    while True:
        inner = next(place, None)
        if inner is None:
            if not path:
                return
            sizes[name], done = total, total
            place, total, name = path.pop()
        elif (done := sizes.get(id(inner), 0)) == _OPEN:
            raise ValueError("a value that holds itself")
        elif not done:
            path.append((place, total, name))
            if len(path) > DEEPEST:
                raise ValueError("values nested too deep")
            name = id(inner)
            sizes[name] = _OPEN
            total, containers = _looked_into(inner)
            place = iter(containers)
            continue
        total += done
        if total > MOST_UNFOLDED:
            raise ValueError("more values than any network has, once they are written out")


def containers_in(value: Any) -> Iterator[Any]:
    """``value`` and all that it holds and that holds something, each once, however often it is named."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if type(container) in _CONTAINERS and id(container) not in seen:
            seen.add(id(container))
            yield container
            waiting += _looked_into(container)[1]


def _looked_into(value: Any) -> tuple[int, list[Any]]:
    """What ``value`` and the plain values in it count for, and the containers in it."""
    containers: list[Any] = []
    total = 1
    for part in _parts(value):
        kind = type(part)
        if kind in _CONTAINERS:
            containers.append(part)
        elif kind is str or kind is bytes:
            total += 1 + len(part) // _LETTERS
        else:
            total += 1
    return total, containers


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (*value, *value.values())
    if isinstance(value, Record):
        items = [part for item in value.items for part in item]
        return (*value.arguments, value.state, *value.entries, *items, *value.named, *value.named.values())
    parts: Iterable[Any] = value
    return parts
