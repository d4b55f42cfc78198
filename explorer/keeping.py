"""What the program keeps for the next time: settings, session, log, control sets that were found, prepared pictures.

None of it is needed for the work of now. Where it cannot be written (a home that is read-only, or full), that is said
once, and the work goes on: every such write stands in :func:`optional`.
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

from explorer.errors import ExportError
from explorer.files import atomic_write, cache_folder, state_folder

log = logging.getLogger("explorer.keeping")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

Hear = Callable[[str], object]

_changing = Lock()
_told: dict[int | None, str] = {}
"""Kind of fault → the sentence that was said about it: a home where nothing can be written is one fault."""
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
    reason = (cause.strerror if isinstance(cause, OSError) else "") or str(error)
    advice = "free some space" if number in FULL else "set LATENT_EXPLORER_HOME to a folder that can be written"
    sentence = (
        f"'{folder}' cannot be written ({reason}), so nothing is kept there for the next time; all else goes "
        f"on. To keep settings, sessions and what was found, {advice}."
    )
    with _changing:
        if number in _told:
            return
        _told[number] = sentence
        listeners = tuple(_listeners)
    log.warning("%s", sentence)
    for hear in listeners:
        hear(sentence)


def listen(hear: Hear) -> None:
    """Have ``hear`` called, on whatever thread, with every sentence from now on, and at once with those of before."""
    with _changing:
        _listeners.append(hear)
        before = tuple(_told.values())
    for sentence in before:
        hear(sentence)


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
    try:
        text = _models_folder_file().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text else None


def keep_models_folder(folder: Path | None) -> None:
    """List the models in ``folder`` from now on, in the window as on the command line; None: in none."""
    path = _models_folder_file()
    with optional(path):
        atomic_write(path, f"{folder or ''}\n".encode())


def _models_folder_file() -> Path:
    return state_folder() / "models-folder.txt"
