"""Reading files into memory of one's own, each once, so that what is said of a file is true of what was read.

Nothing that this program computes with is a view of a file: a file may be rewritten or cut while its numbers are in
use, as a training does. The digests here are of the very bytes that were read.

This is the door by which strangers' files come in: only regular files are opened (:func:`opened`), what a file may grow
to when it is unpacked has one budget (:func:`check_unpacked`), and whatever a parser raises becomes the sentence for
its user in one place (:func:`foreign`).
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from explorer.errors import Cancelled, ExplorerError, ModelError

log = logging.getLogger("explorer.reading")

Value = TypeVar("Value")
Parse = Callable[["HashedFile"], Value]
Passed = Callable[[int], None]
"""Hears how many bytes have been read since it heard last; what it raises ends the reading."""

CHUNK_BYTES = 1 << 20
STRETCH_BYTES = 1 << 24
"""Read at once into memory that is there already: between two of them somebody may be told how far it is."""
TRIES = 3
"""How often a file is read again that somebody writes meanwhile."""
UNPACKED_BYTES = 256 << 20
"""What may become of a file in memory beyond its own length: of its records once they are unpacked, and of tensors that
are larger than what is stored of them."""
MOST_RECORDS = 20_000
"""Entries of one archive; published networks have some thousand."""
LONGEST_TABLE = 4 << 20
"""Bytes of the table of an archive, which is read whole before its entries can be counted."""
_END_BYTES = 65_557 + 56 + 20  # the end of a zip archive with the longest comment, and the two records before it


@contextmanager
def opened(path: Path, buffering: int = 0) -> Iterator[BinaryIO]:
    """The regular file ``path``, or the one that a link there leads to, to be read; ``buffering`` as in :func:`open`.
    Raises OSError for whatever else has a name: a pipe would wait for somebody to write, and a device has no end."""
    # Where it is a pipe, opening alone would wait.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(number, "rb", buffering=buffering) as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        yield file


def bounded(path: Path, most: int) -> bytes:
    """All bytes of the small file ``path``. Raises OSError as :func:`opened` does, and for one of more than ``most``
    bytes, of which nothing is read."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size} bytes, more than {most}", str(path))
        return whole(HashedFile(file, size))


@contextmanager
def foreign(path: Path, kind: str, error: type[ExplorerError] = ModelError, sentence: str = "") -> Iterator[None]:
    """A block in which somebody else's parser reads ``path``, a file that anybody may have made: whatever it raises
    becomes ``error`` with one sentence. ``kind``: what the file should have been, for :func:`unreadable`, unless there
    is a better ``sentence``. Sentences of our own, and a cancelled work, pass."""
    try:
        yield
    except (ExplorerError, Cancelled):
        raise
    except Exception as raised:  # parsers raise whatever they stumble over, and no list of that is complete
        log.info("%s could not be read as %s", path, kind, exc_info=raised)
        raise error(sentence or unreadable(path, kind)) from raised


def unreadable(path: Path, kind: str) -> str:
    """The sentence for a file whose reader gave up."""
    return f"'{path.name}' is not {kind}, or it is truncated or damaged; download or export it again."


def check_unpacked(unpacked: int, size: int) -> None:
    """Refuse what is far larger than the file of ``size`` bytes that it comes from, before it is made: ``unpacked``
    bytes, as the file declares them. Raises ValueError."""
    if unpacked > size + UNPACKED_BYTES:
        raise ValueError(f"{unpacked} bytes within a file of {size}")


def check_json(data: bytes) -> bytes:
    """``data`` itself, the text of a JSON file, where what it describes takes no more memory than the budget: a few
    letters are a dictionary of 200 bytes. Raises ValueError."""
    costs = {b"{": 200, b"[": 64, b",": 32}  # bytes in memory, of the smallest that are not empty
    check_unpacked(sum(cost * data.count(mark) for mark, cost in costs.items()), len(data))
    return data


def archive_in(file: BinaryIO, size: int) -> zipfile.ZipFile:
    """The zip archive in ``file`` of ``size`` bytes, its table checked: so many entries, each name once, none longer
    than the file where it is stored as it is, and all of them together within the budget. Raises ValueError, and what
    :mod:`zipfile` raises."""
    if _table_bytes(file, size) > LONGEST_TABLE:
        raise ValueError("an archive whose table is too long")
    archive = zipfile.ZipFile(file)
    entries = archive.infolist()
    if len(entries) > MOST_RECORDS or len({entry.filename for entry in entries}) < len(entries):
        raise ValueError(f"an archive of {len(entries)} entries, or of several of one name")
    if sum(entry.compress_size for entry in entries) > size:
        raise ValueError("entries that overlap")
    check_unpacked(sum(entry.file_size for entry in entries), size)
    return archive


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """All bytes of an entry of ``archive``: as many as its table says, whatever else they unpack to. Raises ValueError
    where there are fewer, and what :mod:`zipfile` raises."""
    with archive.open(entry) as file:
        data = file.read(entry.file_size)
    if len(data) < entry.file_size:
        raise ValueError(f"'{entry.filename}' of {len(data)} bytes, of which {entry.file_size} are told")
    return data


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


def _table_bytes(file: BinaryIO, size: int) -> int:
    """How long the table of the zip archive says that it is (APPNOTE 4.3.14 and 4.3.16); 0 where it has no end."""
    file.seek(max(0, size - _END_BYTES))
    end = file.read(_END_BYTES)
    file.seek(0)
    large, small = end.rfind(b"PK\x06\x06"), end.rfind(b"PK\x05\x06")
    lengths = [int.from_bytes(end[small + 12 : small + 16], "little")] if small >= 0 else []
    if large >= 0 and (not lengths or lengths[0] == 0xFFFFFFFF):
        lengths = [int.from_bytes(end[large + 40 : large + 48], "little")]
    return lengths[0] if lengths else 0


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
        with opened(path) as file:
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


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _changing(path: Path) -> ModelError:
    return ModelError(f"'{path.name}' is being written while it is read; wait until it is finished, and try again.")
