"""The window's rings of shared memory: the one that the engine paints into, and those of before."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from explorer.service.frames import Ring
from explorer.service.replies import Frame


class Rings:
    """A ring is kept until its last frame has been read; used by several threads. Every engine process gets a ring of
    its own: no frame of a dead one lies where the next one paints."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rings: dict[str, Ring] = {}
        self._unread: Counter[str] = Counter()  # name → frames
        self._current: Ring | None = None

    @property
    def current(self) -> Ring | None:
        """The ring to paint into; None before the first."""
        return self._current

    def renew(self, slots: int, slot_bytes: int) -> Ring:
        """Make a ring the current one. Raises OSError when there is no memory for it; all is as before then."""
        ring = Ring.create(slots, slot_bytes)
        with self._lock:
            before, self._current = self._current, ring
            self._rings[ring.name] = ring
            if before is not None:
                self._drop_if_read(before.name)
        return ring

    def came(self, frame: Frame) -> None:
        """``frame`` is to be read, or at least released."""
        with self._lock:
            self._unread[frame.ring] += 1

    def read(self, frame: Frame) -> bytes:
        """The pixels of ``frame``."""
        return self._rings[frame.ring].read(frame.slot, frame.width * frame.height * 4)

    def release(self, frame: Frame) -> bool:
        """``frame`` is done with; whether its slot can be painted into again."""
        with self._lock:
            self._unread[frame.ring] -= 1
            self._drop_if_read(frame.ring)
            return self._current is not None and frame.ring == self._current.name

    def close(self) -> None:
        """Let go of all memory."""
        with self._lock:
            for ring in self._rings.values():
                ring.close()

    def _drop_if_read(self, name: str) -> None:
        is_current = self._current is not None and self._current.name == name
        if not is_current and self._unread[name] <= 0 and name in self._rings:
            self._rings.pop(name).close()
            del self._unread[name]
