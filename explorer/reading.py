"""Reading files into memory of one's own, each once, so that what is said of a file is true of what was read.

Nothing that this program computes with is a view of a file: a file may be rewritten or cut while its numbers are in
use, as a training does. The digests here are of the very bytes that were read.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from explorer.errors import ModelError

Value = TypeVar("Value")
Parse = Callable[["HashedFile"], Value]
Passed = Callable[[int], None]
"""Hears how many bytes have been read since it heard last; what it raises ends the reading."""

CHUNK_BYTES = 1 << 20
STRETCH_BYTES = 1 << 24
"""Read at once into memory that is there already: between two of them somebody may be told how far it is."""
TRIES = 3
"""How often a file is read again that somebody writes meanwhile."""


class HashedFile:
    """An open file that is read once from its beginning to its end; ``size`` in bytes. Counts in what passes, and tells
    ``passed`` of it."""

    def __init__(self, file: BinaryIO, size: int, passed: Passed | None = None) -> None:
        self._file, self.size, self._digest = file, size, hashlib.sha256()
        self._passed = passed or (lambda count: None)

    def read(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer where the file ends."""
        parts, missing = [], count
        while missing and (part := self._file.read(missing)):
            self._count(part)
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, buffer: Any) -> int:
        """Fill ``buffer`` (anything with writable bytes) from the file; returns how many bytes there were."""
        view = memoryview(buffer).cast("B")
        done = 0
        while count := self._file.readinto(view[done : done + STRETCH_BYTES]):  # type: ignore[attr-defined]
            self._count(view[done : done + count])
            done += count
        return done

    def skip(self, count: int) -> int:
        """Pass over the next ``count`` bytes, which count in; returns how many there were."""
        missing = count
        while missing and (part := self._file.read(min(missing, CHUNK_BYTES))):
            self._count(part)
            missing -= len(part)
        return count - missing

    def sha256(self) -> str:
        """The digest of the whole file: what was not asked for is read now."""
        while chunk := self._file.read(CHUNK_BYTES):
            self._count(chunk)
        return self._digest.hexdigest()

    def _count(self, part: bytes | memoryview) -> None:
        self._digest.update(part)
        self._passed(len(part))


class GlancedFile(HashedFile):
    """An open file that is looked into: what is skipped is not read, so nothing is known of the whole of it."""

    def skip(self, count: int) -> int:
        place = self._file.tell()
        return min(self._file.seek(place + count), self.size) - place

    def sha256(self) -> str:
        raise TypeError("a file that was looked into has no digest")


def whole(file: HashedFile) -> bytes:
    """All bytes of ``file``."""
    return file.read(file.size)


def in_memory(file: HashedFile) -> io.BytesIO:
    """All bytes of ``file`` as a file in memory, held once."""
    memory = io.BytesIO()
    if file.size:
        memory.seek(file.size - 1)
        memory.write(b"\0")
    with memory.getbuffer() as buffer:
        length = file.read_into(buffer)
    memory.truncate(length)
    memory.seek(0)
    return memory


@dataclass
class Reading:
    """The files that one piece of work has read. All that ask for a file get what it held the first time."""

    digests: dict[Path, str] = field(default_factory=dict)
    """Absolute path → SHA-256 of what was read of it."""
    passed: Passed | None = None
    _values: dict[tuple[Path, Any], Any] = field(default_factory=dict)

    def value(self, path: Path, parse: Parse[Value]) -> Value:
        """What ``parse`` makes of the file ``path``. Raises :class:`ModelError` where the file is another than when it
        was read or digested before, and OSError."""
        path = path.absolute()
        if (path, parse) not in self._values:
            self._values[path, parse], digest = _read(path, parse, self.passed)
            self._check(path, digest)
        found: Value = self._values[path, parse]
        return found

    def sha256(self, path: Path) -> str:
        """The digest of the file ``path``. Raises OSError."""
        path = path.absolute()
        if path not in self.digests:
            self.digests[path] = _read(path, lambda file: None, self.passed)[1]
        return self.digests[path]

    def _check(self, path: Path, digest: str) -> None:
        if self.digests.setdefault(path, digest) != digest:
            raise _changing(path)


_current: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def reading(passed: Passed | None = None) -> Iterator[Reading]:
    """Within the block every file is read once, by whichever function of this module; ``passed`` hears of it. A block
    within another is part of it."""
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    files = Reading(passed=passed)
    token = _current.set(files)
    try:
        yield files
    finally:
        _current.reset(token)


def read_file(path: Path, parse: Parse[Value]) -> Value:
    """What ``parse`` makes of the file ``path``; within :func:`reading`, of what it held the first time.

    Raises :class:`ModelError` for a file that somebody writes meanwhile, OSError, and what ``parse`` raises.
    """
    with reading() as files:
        return files.value(path, parse)


def is_reading() -> bool:
    """Whether this is part of a :func:`reading`: then there is no cheaper look at a file than reading it."""
    return _current.get() is not None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of one file; within :func:`reading`, of what it held when it was read. Raises OSError."""
    with reading() as files:
        return files.sha256(path)


def fingerprint_of(paths: list[Path]) -> str:
    """One SHA-256 over several files, independent of their order and of the folder they lie in."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.name):
        digest.update(path.name.encode() + b"\0" + sha256_of(path).encode() + b"\n")
    return digest.hexdigest()


def _read(path: Path, parse: Parse[Value], passed: Passed | None) -> tuple[Value, str]:
    """What ``parse`` makes of the file, and the digest of what it was made of."""
    for _ in range(TRIES):
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            hashed = HashedFile(file, before.st_size, passed)
            try:
                value, digest = parse(hashed), hashed.sha256()
            except Exception:
                # A file that was cut or rewritten while it was read is not a damaged one.
                if _state(os.fstat(file.fileno())) == _state(before):
                    raise
                continue
            if _state(os.fstat(file.fileno())) == _state(before):
                return value, digest
    raise _changing(path)


def _state(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns


def _changing(path: Path) -> ModelError:
    return ModelError(f"'{path.name}' is being written while it is read; wait until it is finished, and try again.")
