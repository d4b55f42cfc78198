"""What is half written while a process works, and goes away even if the process is killed.

Each temporary file or folder has a record in a folder of the program's own, which its process holds locked for as long
as it lives: whoever can take the lock looks at what a dead one has left. What a record names has a name with 64 random
bits that was chosen for it, so it is no file of a user's, and a record that is damaged names nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from explorer.seals import sealed, unsealed

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("explorer.leftovers")

RECORD = ".record"
_OWN = re.compile(r".*-[0-9a-f]{16}(?=\.|$)", re.DOTALL)
"""How a temporary file's name begins, its random part included."""
LONGEST_RECORD = 1 << 16  # bytes
REPLACED = "replaced"
"""What, in a temporary folder, the folder is called whose place is being taken."""


class _Record(msgspec.Struct, frozen=True):
    """Paths, as the system's bytes. ``temporary``: what goes away; ``target``: whose place it was to take; ``made``:
    folders that were made for it, the outermost first, which go away where they are empty."""

    temporary: bytes
    target: bytes
    made: tuple[bytes, ...]


def random_part() -> str:
    """What makes the name of a temporary file nobody else's: 16 digits."""
    return secrets.token_hex(8)


@contextlib.contextmanager
def recorded(home: Path, temporary: Path, target: Path, made: Sequence[Path] = ()) -> Iterator[bool]:
    """While the block runs, a record in the folder ``home`` says that ``temporary`` is under way; yields whether one
    could be written. It stays where ``temporary`` does."""
    entry = _Record(
        os.fsencode(temporary.absolute()),
        os.fsencode(target.absolute()),
        tuple(os.fsencode(folder.absolute()) for folder in made),
    )
    number, record = _written(home, msgspec.json.encode(entry))
    try:
        yield record is not None
    finally:
        if record is not None:
            with contextlib.suppress(OSError):  # the next start looks at it again
                if not os.path.lexists(temporary):
                    record.unlink(missing_ok=True)
            os.close(number)


def _written(home: Path, content: bytes) -> tuple[int, Path | None]:
    """The descriptor that holds the lock of a new record, and its file; (-1, None) where there can be none."""
    if sys.platform == "win32":
        return -1, None
    path = home / f"{random_part()}{RECORD}"
    begun = path.with_suffix(".begun")  # which nobody looks at until it is locked and whole
    number = -1
    try:
        home.mkdir(parents=True, exist_ok=True)
        number = os.open(begun, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        data = sealed(content, path.name)
        if os.write(number, data) < len(data):
            raise OSError("a part of it")
        begun.replace(path)
    except OSError as error:
        log.debug("no record of what is under way: %s", error)
        if number >= 0:
            os.close(number)
            with contextlib.suppress(OSError):
                begun.unlink(missing_ok=True)
        return -1, None
    return number, path


def sweep(home: Path) -> list[Path]:
    """Remove what dead processes have left half written, by their records in ``home``; returns what went."""
    if sys.platform == "win32":
        return []
    try:
        records = sorted(home.glob(f"*{RECORD}"))
    except OSError:
        return []
    gone: list[Path] = []
    for record in records:
        with contextlib.suppress(OSError):  # gone meanwhile, or not to be opened: then it is looked at the next time
            number = os.open(record, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: its process lives
                gone += _swept(record, os.read(number, LONGEST_RECORD))
            finally:
                os.close(number)
    for path in gone:
        log.info("'%s' was removed: a process that was killed had left it half written", path)
    return gone


def _swept(record: Path, data: bytes) -> list[Path]:
    """Remove what ``record``, which holds ``data``, names, and then itself. Raises OSError."""
    try:
        entry = msgspec.json.decode(unsealed(data, record.name), type=_Record)
    except (ValueError, msgspec.DecodeError):
        log.warning("'%s' is damaged; what it told of may have been left half written.", record)
        record.unlink()
        return []
    temporary, target = Path(os.fsdecode(entry.temporary)), Path(os.fsdecode(entry.target))
    if not temporary.parent.is_dir():
        return []  # a disk that is not there now
    # With what its writer has put beside it, under its name with another ending.
    own = _OWN.match(temporary.name)
    gone = [path for path in temporary.parent.iterdir() if own is not None and path.name.startswith(own[0])]
    for path in gone:
        remove(path, target)
    remove_empty([Path(os.fsdecode(folder)) for folder in entry.made])
    record.unlink()
    return gone


def remove(temporary: Path, target: Path) -> None:
    """Remove the file or folder ``temporary``; the folder whose place it was about to take, ``target``, goes back there
    first. Raises OSError."""
    if temporary.is_dir() and not temporary.is_symlink():
        before = temporary / REPLACED
        if before.exists() and not target.exists():
            before.rename(target)
        shutil.rmtree(temporary)
    elif os.path.lexists(temporary):
        # Emptied first: its room is free even where an encoder that failed holds it open.
        os.truncate(temporary, 0)
        temporary.unlink()


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of ``folders``, the outermost first, that are empty, once those within them are gone."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()
