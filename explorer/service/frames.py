"""The ring of shared memory through which pixels reach the window: made by the client, painted by the engine
process."""

from __future__ import annotations

import contextlib
import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory


class Ring:
    """``slots`` areas of ``slot_bytes`` each. Whoever made it removes it when it closes."""

    def __init__(self, memory: SharedMemory, slots: int, slot_bytes: int, owner: bool) -> None:
        self._memory = memory
        self.slots = slots
        self.slot_bytes = slot_bytes
        self._owner = owner

    @property
    def name(self) -> str:
        return self._memory.name

    @classmethod
    def create(cls, slots: int, slot_bytes: int) -> Ring:
        """A new ring; raises OSError when the machine has no shared memory left."""
        return cls(SharedMemory(create=True, size=slots * slot_bytes), slots, slot_bytes, owner=True)

    @classmethod
    def attach(cls, name: str, slots: int, slot_bytes: int) -> Ring:
        """The ring that another process made."""
        if sys.version_info >= (3, 13):
            memory = SharedMemory(name=name, track=False)
        else:
            memory = SharedMemory(name=name)
            # Before 3.13 attaching also registers, and this process would remove the window's memory when it ends.
            with contextlib.suppress(KeyError):
                resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]
        return cls(memory, slots, slot_bytes, owner=False)

    def write(self, slot: int, pixels: memoryview) -> None:
        """Copy ``pixels`` to the start of ``slot``; raises ValueError when they do not fit."""
        if pixels.nbytes > self.slot_bytes:
            raise ValueError(f"a frame of {pixels.nbytes} bytes does not fit a slot of {self.slot_bytes}")
        start = slot * self.slot_bytes
        self._pixels()[start : start + pixels.nbytes] = pixels

    def read(self, slot: int, size: int) -> bytes:
        """A copy of the first ``size`` bytes of ``slot``."""
        start = slot * self.slot_bytes
        return bytes(self._pixels()[start : start + size])

    def _pixels(self) -> memoryview:
        view = self._memory.buf
        if view is None:
            raise ValueError("the ring is closed")
        return view

    def close(self) -> None:
        """Let go of the memory; the owner also removes it."""
        self._memory.close()
        if self._owner:
            # A tracker that already cleaned up (the window was killed) is no error.
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()
