"""The ring of shared memory through which pixels reach the window: made by the client, painted by the engine
process."""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from typing import Protocol

ANONYMOUS = hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")


class Memory(Protocol):
    """Memory that two processes see."""

    @property
    def name(self) -> str:
        """By which another process finds it."""

    @property
    def pixels(self) -> memoryview:
        """All of it. Raises ValueError when it is closed."""

    def claim(self, start: int, size: int) -> None:
        """Have it there, before it is written. Raises OSError when the machine has none left; a write to memory that
        is not there would end the process."""

    def close(self) -> None:
        """Let go of it."""


class Ring:
    """``slots`` areas of ``slot_bytes`` each. Whoever made it removes it when it closes."""

    def __init__(self, memory: Memory, slots: int, slot_bytes: int) -> None:
        self._memory = memory
        self.slots = slots
        self.slot_bytes = slot_bytes

    @property
    def name(self) -> str:
        return self._memory.name

    @classmethod
    def create(cls, slots: int, slot_bytes: int) -> Ring:
        """A new ring; raises OSError when the machine has no shared memory left."""
        size = slots * slot_bytes
        return cls(_Anonymous.create(size) if ANONYMOUS else _Named.create(size), slots, slot_bytes)

    @classmethod
    def attach(cls, name: str, slots: int, slot_bytes: int) -> Ring:
        """The ring that another process made. Raises OSError and ValueError where it is not of this size."""
        size = slots * slot_bytes
        return cls(_Anonymous.attach(name, size) if ANONYMOUS else _Named.attach(name), slots, slot_bytes)

    def write(self, slot: int, pixels: memoryview) -> None:
        """Copy ``pixels`` to the start of ``slot``; raises ValueError when they do not fit, OSError when the machine
        has no memory for them."""
        if pixels.nbytes > self.slot_bytes:
            raise ValueError(f"a frame of {pixels.nbytes} bytes does not fit a slot of {self.slot_bytes}")
        start = slot * self.slot_bytes
        self._memory.claim(start, pixels.nbytes)
        self._memory.pixels[start : start + pixels.nbytes] = pixels

    def read(self, slot: int, size: int) -> bytes:
        """A copy of the first ``size`` bytes of ``slot``, which were written."""
        start = slot * self.slot_bytes
        return bytes(self._memory.pixels[start : start + size])

    def close(self) -> None:
        """Let go of the memory; it goes with the last that does."""
        self._memory.close()


class _Anonymous:
    """Memory without a name, of Linux: it is gone with the last process that holds it, however that ends, and no
    limit of a file system counts for it."""

    def __init__(self, name: str, descriptor: int, size: int) -> None:
        self.name = name
        self._descriptor = descriptor
        try:
            self._map = mmap.mmap(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        self._view: memoryview | None = memoryview(self._map)
        self._claimed: dict[int, int] = {}  # start → size

    @classmethod
    def create(cls, size: int) -> _Anonymous:
        descriptor = os.memfd_create("latent-explorer")
        try:
            os.ftruncate(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(f"/proc/{os.getpid()}/fd/{descriptor}", descriptor, size)

    @classmethod
    def attach(cls, name: str, size: int) -> _Anonymous:
        return cls(name, os.open(name, os.O_RDWR | os.O_CLOEXEC), size)

    @property
    def pixels(self) -> memoryview:
        if self._view is None:
            raise ValueError("the ring is closed")
        return self._view

    def claim(self, start: int, size: int) -> None:
        if self._claimed.get(start, 0) < size:
            os.posix_fallocate(self._descriptor, start, size)
            self._claimed[start] = size

    def close(self) -> None:
        if self._view is not None:
            self._view.release()
            self._view = None
            self._map.close()
            os.close(self._descriptor)


class _Named:
    """Memory with a name, of other systems; whoever made it removes it when it closes, or a process that watches it
    when that was killed."""

    def __init__(self, name: str = "", size: int = 0) -> None:
        from multiprocessing import resource_tracker
        from multiprocessing.shared_memory import SharedMemory

        self._owner = not name
        if self._owner:
            self._memory = SharedMemory(create=True, size=size)
        elif sys.version_info >= (3, 13):
            self._memory = SharedMemory(name=name, track=False)
        else:
            self._memory = SharedMemory(name=name)
            # Before 3.13 attaching also registers, and this process would remove the window's memory when it ends.
            with contextlib.suppress(KeyError):
                resource_tracker.unregister(self._memory._name, "shared_memory")  # type: ignore[attr-defined]

    @classmethod
    def create(cls, size: int) -> _Named:
        return cls(size=size)

    @classmethod
    def attach(cls, name: str) -> _Named:
        return cls(name)

    @property
    def name(self) -> str:
        return self._memory.name

    @property
    def pixels(self) -> memoryview:
        view = self._memory.buf
        if view is None:
            raise ValueError("the ring is closed")
        return view

    def claim(self, start: int, size: int) -> None:
        """It is there since it was made."""

    def close(self) -> None:
        self._memory.close()
        if self._owner:
            # A watcher that already cleaned up is no error.
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()
