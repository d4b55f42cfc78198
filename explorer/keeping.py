"""What the program keeps for the next time: settings, session, log, control sets that were found, prepared pictures.

None of it is needed for the work of now. Where it cannot be written (a home that is read-only, or full), that is said
once, and the work goes on: every such write stands in :func:`optional`. And none of it is trusted: :func:`keep` writes
under a seal, and what :func:`kept` reads is what was written, to the last bit, or nothing.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import TypeVar

from explorer import seals
from explorer.errors import Cancelled, ExportError, clause, sentence
from explorer.files import atomic_write, cache_folder, state_folder
from explorer.reading import bounded

log = logging.getLogger("explorer.keeping")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

NO_FOLDER = frozenset({errno.ENOTDIR, errno.EEXIST, errno.EISDIR})
"""What systems say of a home where a file is in the place of a folder, or the other way round."""

MOST_BYTES = 1 << 30
"""Of a file that is kept: a search with a network of its own leaves some hundred megabytes."""

LONGEST_PATH = 1 << 16  # bytes

Hear = Callable[[str], object]
Value = TypeVar("Value")

_changing = Lock()
_told: dict[int | Path | None, str] = {}
"""Kind of fault → the sentence that was said about it: a home where nothing can be written is one fault; a file that
was damaged is another."""
_listeners: list[Hear] = []


@contextlib.contextmanager
def optional(path: Path) -> Iterator[None]:
    """A block that writes ``path``, in the state or the cache folder; where that fails, :func:`failed`."""
    try:
        yield
    except (OSError, ExportError) as error:
        failed(path, error)


def failed(path: Path, error: OSError | ExportError) -> None:
    """``path``, a file or one of the program's two folders, could not be written: say so, once for each kind of fault,
    as one sentence, to those who listen, and as a warning in the log, which the command line shows."""
    folder = path if path in (state_folder(), cache_folder()) else path.parent
    cause = error if isinstance(error, OSError) else error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    if number in NO_FOLDER:
        number = errno.ENOTDIR
    reason = os.strerror(number) if number is not None else str(error)
    advice = "free some space" if number in FULL else "set LATENT_EXPLORER_HOME to a folder that can be written"
    text = (
        f"'{folder}' cannot be written ({reason}), so nothing is kept there for the next time; all else goes "
        f"on. To keep settings, sessions and what was found, {advice}."
    )
    _tell(number, text)


def keep(path: Path, data: bytes, name: str = "") -> bool:
    """Write ``data`` for :func:`kept`, in the state or the cache folder; where that fails, :func:`failed`. ``name``: of
    what is kept, where the file is moved about; else that of the file, so that no other's is taken for it. Returns
    whether it is there now."""
    if len(data) <= MOST_BYTES:
        with optional(path):
            if path.is_symlink():  # which is followed elsewhere, and is nothing that the program has put here
                path.unlink()
            atomic_write(path, seals.sealed(data, name or path.name))
            return True
    return False


def kept(
    path: Path, read: Callable[[bytes], Value], name: str = "", unsealed: bytes = b"", aside: bool = False
) -> Value | None:
    """What ``read`` makes of the bytes that :func:`keep` has written to ``path``; None where there are none.

    What is damaged, another's, or nothing that ``read`` can use, goes away with one line in the log, and can be made
    again: to a file beside it where it is the user's work (``aside``), which is told as well. ``unsealed``: how files
    of earlier programs begin that had no seal.
    """
    if not is_there(path):
        return None
    try:
        data = bounded(path, MOST_BYTES)
    except OSError as error:
        reason = error.strerror or error
        log.warning("%s", sentence(f"'{path}', which was kept, cannot be read ({reason}); it is done without."))
        return None
    plain = bool(unsealed) and data.startswith(unsealed)
    return _sound(path, lambda: read(data if plain else seals.unsealed(data, name or path.name)), aside)


def kept_file(path: Path, read: Callable[[Path], Value]) -> Value | None:
    """As :func:`kept`, of a file that is too large for memory and has no seal: ``read`` raises where it is not what was
    written."""
    return _sound(path, lambda: read(path), False) if is_there(path) else None


def _sound(path: Path, read: Callable[[], Value], aside: bool) -> Value | None:
    """What ``read`` makes of ``path``, which goes away where that fails."""
    try:
        return read()
    except (Cancelled, MemoryError):
        raise
    except Exception as error:  # whatever its reader stumbles over: it is no longer what was written
        log.debug("the damaged file '%s'", path, exc_info=error)
        _throw_away(path, clause(str(error) or type(error).__name__), aside)
        return None


def _throw_away(path: Path, reason: str, aside: bool) -> None:
    if not aside:
        told = f"'{path}', which was kept, is damaged ({reason}); it is thrown away and made again."
        log.warning("%s", sentence(told))
        with optional(path):
            path.unlink(missing_ok=True)
        return
    place = path.with_name(f"{path.name}.damaged")
    left = path
    with optional(path):
        left = path.replace(place)
    _tell(path, f"'{path.name}' is damaged ({reason}) and is not used; what is left of it is in '{left}'.")


def _tell(fault: int | Path | None, text: str) -> None:
    """Say ``text``, as one sentence, to those who listen, and as a warning in the log, unless this fault has been
    told."""
    line = sentence(text)
    with _changing:
        if fault in _told:
            return
        _told[fault] = line
        listeners = tuple(_listeners)
    log.warning("%s", line)
    for hear in listeners:
        hear(line)


def listen(hear: Hear) -> None:
    """Have ``hear`` called, on whatever thread, with every sentence from now on, and at once with those of before."""
    with _changing:
        _listeners.append(hear)
        before = tuple(_told.values())
    for line in before:
        hear(line)


def unlisten(hear: Hear) -> None:
    """End what :func:`listen` began."""
    with _changing:
        _listeners.remove(hear)


def look() -> None:
    """See whether anything can be kept, so that it is known before it is missed."""
    for folder in (state_folder(), cache_folder()):
        with optional(folder):
            probe(folder)


def probe(folder: Path) -> None:
    """Write into ``folder``, which is made, and leave nothing. Raises :class:`OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0" * 4096)


def is_there(path: Path) -> bool:
    """Whether the file can be read; a folder that may not be looked into has none."""
    try:
        return path.is_file() and os.access(path, os.R_OK)
    except OSError:
        return False


def models_folder() -> Path | None:
    """The folder whose models the user wants to be listed; None where there is none."""
    path = _models_folder_file()
    if not is_there(path):
        return None
    try:
        name = bounded(path, LONGEST_PATH).strip(b"\r\n")
    except OSError:
        return None
    return Path(os.fsdecode(name)) if name and b"\0" not in name else None


def keep_models_folder(folder: Path | None) -> None:
    """List the models in ``folder`` from now on, in the window as on the command line; None: in none."""
    path = _models_folder_file()
    with optional(path):
        atomic_write(path, os.fsencode(folder or "") + b"\n")


def _models_folder_file() -> Path:
    return state_folder() / "models-folder.txt"
