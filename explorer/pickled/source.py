"""Where a pickle is read from: a file or bytes, in sequence, never more than there is."""

from __future__ import annotations

from explorer.reading import HashedFile

LONGEST_LINE = 4 << 20  # bytes


class Source:
    """A file, or bytes, read in sequence; ``start`` is where in the file they begin."""

    def __init__(self, file: HashedFile | None, start: int, size: int, buffered: bytes = b"") -> None:
        self._file, self._buffer, self._place = file, buffered, 0
        self._base = start
        self.values = self.text = 0  # what its pickles have been charged for
        self.end = start + size

    @classmethod
    def of_bytes(cls, data: bytes) -> Source:
        """``data`` alone."""
        return cls(None, 0, len(data), data)

    @property
    def place(self) -> int:
        """Of the next byte, in the file."""
        return self._base + self._place

    def read(self, count: int) -> bytes:
        """The next ``count`` bytes. Raises ValueError where there are fewer, before anything is allocated."""
        if count > self.end - self.place:
            raise ValueError(f"{count} bytes where {self.end - self.place} are left")
        if self._place + count > len(self._buffer):
            self._fill(count)
        found = self._buffer[self._place : self._place + count]
        self._place += count
        if len(found) < count:
            raise ValueError("it ends too early")
        return found

    def skip(self, count: int) -> None:
        """Leave out the next ``count`` bytes. Raises ValueError as :meth:`read`."""
        if count > self.end - self.place:
            raise ValueError(f"{count} bytes where {self.end - self.place} are left")
        held = min(count, len(self._buffer) - self._place)
        self._place += held
        if count > held:
            self._drop()
            if self._file is None or self._file.skip(count - held) < count - held:
                raise ValueError("it ends too early")
            self._base += count - held

    def line(self, longest: int = LONGEST_LINE) -> bytes:
        """The bytes up to the next line feed, without it. Raises ValueError where there are more than ``longest``."""
        parts: list[bytes] = []
        length = 0
        while (end := self._buffer.find(b"\n", self._place, self._place + longest - length + 1)) < 0:
            rest = self._buffer[self._place :]
            length += len(rest)
            if length > longest:
                raise ValueError("a line without end")
            parts.append(rest)
            self._place = len(self._buffer)
            parts.append(self.read(1))  # from the next stretch of the file, or the end of it
            length += 1
            if parts[-1] == b"\n":
                return b"".join(parts[:-1])
        parts.append(self.read(end - self._place + 1)[:-1])
        return b"".join(parts)

    def _drop(self) -> None:
        self._base, self._buffer, self._place = self.place, b"", 0

    def _fill(self, count: int) -> None:
        if self._file is None:
            return
        rest = self._buffer[self._place :]
        place = self.place
        more = self._file.read(min(max(count - len(rest), 1 << 16), self.end - place - len(rest)))
        self._base, self._buffer, self._place = place, rest + more, 0
