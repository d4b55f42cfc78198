"""What is kept in memory for the next time, within bounds; and memory that is free again, given back."""

from __future__ import annotations

import ctypes
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Sized(Protocol):
    """What says how large it is."""

    @property
    def nbytes(self) -> int: ...


def bytes_of(value: Sized) -> int:
    """By which a cache is bounded whose limit is one of bytes."""
    return value.nbytes


def _one(value: object) -> int:
    return 1


class BoundedCache(Generic[Key, Value]):
    """Keeps values whose sizes (``size_of``; by default each counts 1) add up to at most ``limit``: what was used least
    recently goes first, and what is larger by itself is not kept. Safe to use from several threads."""

    def __init__(self, limit: int, size_of: Callable[[Value], int] = _one) -> None:
        self.limit = limit
        self.size = 0
        """Of what is kept now."""
        self.hits = self.misses = 0
        self._size_of = size_of
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Value | None:
        """The value of ``key``, which becomes the most recently used; None where there is none."""
        with self._lock:
            if key not in self._values:
                self.misses += 1
                return None
            self.hits += 1
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Key, value: Value) -> None:
        """Remember ``value`` (not copied), forgetting the least recently used ones beyond the limit."""
        size = self._size_of(value)
        with self._lock:
            self._forget(key)
            if size > self.limit:
                return
            self._values[key] = value, size
            self.size += size
            while self.size > self.limit:
                self._forget(next(iter(self._values)))

    def items(self) -> list[tuple[Key, Value]]:
        """What is kept, the least recently used first."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._values.items()]

    def drop(self, key: Key) -> None:
        """Forget the value of ``key``, where there is one."""
        with self._lock:
            self._forget(key)

    def __len__(self) -> int:
        return len(self._values)

    def _forget(self, key: Key) -> None:
        if key in self._values:
            self.size -= self._values.pop(key)[1]


def give_back() -> None:
    """Hand back to the machine what the C library keeps of memory that is free again: after a search on a diffusion
    model, more than half of all that the process holds. Does nothing where the library has no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
