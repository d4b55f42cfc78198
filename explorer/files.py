"""Files: atomic writing, and where the program keeps its own."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import platformdirs

from explorer import leftovers
from explorer.errors import ExplorerError, ExportError

APP_NAME = "latent-explorer"

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pnm"}
)
"""How the files end that are read as pictures of a user's own."""

LONGEST_NAME = 255
"""Bytes that a file's name may have on every common file system."""

_NO_TEXT = re.compile("[\ud800-\udfff]")

_LONGEST_PREFIX, _LONGEST_SUFFIX = 48, 32
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.ENOENT, errno.EACCES})


@cache
def package_folder(name: str) -> Path:
    """The shipped folder ``name`` (``"assets"`` or ``"models"``): inside an installed wheel, or beside the package
    in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name


def expanded(text: str | Path) -> Path:
    """The path that ``text`` writes, ``~`` being the home of this user; that of a user whom nobody knows is a name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


SETS = "controls"
"""The folder in a model's own that holds the control sets which come with it."""


def set_file(text: str) -> Path:
    """The control set's file that a scene names as ``text``: a path, or, where it comes with a shipped model,
    ``MODEL/controls/FILE``, which leads to it on every machine."""
    parts = text.split("/")
    if len(parts) == 3 and parts[1] == SETS and parts[0] not in ("", ".", ".."):
        shipped = package_folder("models") / parts[0]
        if shipped.is_dir():
            return shipped / SETS / parts[2]
    return expanded(text)


def shipped_set(text: str) -> str:
    """What a scene calls the control set's file at the path ``text`` where it comes with a shipped model
    (:func:`set_file`); else empty."""
    place, models = expanded(text).resolve(), package_folder("models").resolve()
    inside = place.relative_to(models).parts if place.is_relative_to(models) else ()
    return "/".join(inside) if len(inside) == 3 and inside[1] == SETS else ""


def cache_folder() -> Path:
    """Where discovered control sets and other re-computable files are kept (``LATENT_EXPLORER_HOME`` overrides it)."""
    home = os.environ.get("LATENT_EXPLORER_HOME")
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False))


def state_folder() -> Path:
    """Where settings, recent models and the autosaved scene are kept (``LATENT_EXPLORER_HOME`` overrides it)."""
    home = os.environ.get("LATENT_EXPLORER_HOME")
    return Path(home) / "state" if home else Path(platformdirs.user_state_dir(APP_NAME, appauthor=False))


def text_of(data: bytes, name: str) -> str:
    """The text in the bytes of the file ``name``: UTF-8, or UTF-16 where its first bytes say so.

    No other encoding is guessed: a name read in the wrong one would be another name. Raises :class:`ExplorerError`.
    """
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ExplorerError(
            f"'{name}' is not encoded in UTF-8 (line {line} holds the byte 0x{data[error.start]:02x}, as Latin-1 and "
            "Windows' own encodings write accents); save it as UTF-8."
        ) from error


def shown_name(name: str) -> str:
    """``name`` as text: � stands in place of each byte of a file's name that is not UTF-8."""
    return _NO_TEXT.sub("\ufffd", name)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path`` that replaces it when the block ends well and is removed when it does not.
    A symbolic link stays: what it points to is replaced.

    Raises :class:`ExportError` with one sentence when the folder cannot be written or the disk is full, or when the
    name is longer than the file system takes.
    """
    target = _target(path)
    # The suffix that was asked for stays, because encoders choose the container by it.
    suffix = Path(path).suffix if len(os.fsencode(Path(path).suffix)) <= _LONGEST_SUFFIX else ""
    with _beside(path, target, suffix, _make_file) as temporary:
        yield temporary
        # A temporary file is private; a result is as readable as any file that its user makes.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)


def atomic_write(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old file or the new one, never half of it."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def atomic_folder(path: Path, replaceable: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder that takes the place of ``path`` when the block ends well, and is removed otherwise. A
    symbolic link stays: the folder that it points to is replaced.

    Raises :class:`ExportError` when ``path`` is no folder or one that ``replaceable`` does not answer for, and when it
    cannot be written.
    """
    target = _target(path)
    if target.exists() and not (target.is_dir() and replaceable(target)):
        raise ExportError(f"'{path}' exists and holds other files; choose a new folder.")
    with _beside(path, target, "", _make_folder) as temporary:
        finished = temporary / "finished"
        finished.mkdir()  # unlike the temporary folder around it, as readable as any folder that its user makes
        yield finished
        if target.exists():
            target.rename(temporary / leftovers.REPLACED)
        finished.rename(target)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for what is needed for as long as the block runs, where the system has temporary files. Raises
    :class:`ExportError` with one sentence where there is none, or no room."""
    try:
        place = Path(tempfile.gettempdir()) / f"{APP_NAME}-{leftovers.random_part()}"
        with leftovers.recorded(_records(), place, place):
            try:
                _make_folder(place)
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise ExportError(
            f"The system's folder for temporary files cannot be written ({error.strerror or error}); free some space, "
            "or set TMPDIR to a folder that can be written."
        ) from error


def remove_leftovers() -> None:
    """Remove what processes that were killed have left half written, wherever it is."""
    leftovers.sweep(_records())


def _records() -> Path:
    return state_folder() / "under-way"


@contextlib.contextmanager
def _beside(path: Path, target: Path, suffix: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """Yield what ``make`` has made beside ``target``, which is there for ``path``; what is left of it at the end goes,
    and after a failure the folders that were made for it. Raises :class:`ExportError`."""
    temporary = target.parent / f"{_hidden(target.stem)}{leftovers.random_part()}{suffix}"
    folders = _missing(target.parent)
    with leftovers.recorded(_records(), temporary, target, folders) as is_recorded:
        try:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                make(temporary)
            except OSError as error:
                raise _unwritable(path, error) from error
            yield temporary
        except BaseException as error:
            left = _left(temporary, target, is_recorded)
            leftovers.remove_empty(folders)
            if isinstance(error, OSError):
                raise ExportError(
                    f"'{path}' could not be written ({error.strerror or error}); {left}. Free some space or choose "
                    "another folder."
                ) from error
            raise
        _left(temporary, target, is_recorded)


def _missing(folder: Path) -> list[Path]:
    """What of ``folder`` and those above it has to be made, the outermost first; none of the program's own, which stay
    once they are there."""
    if any(folder.is_relative_to(own) for own in (state_folder(), cache_folder())):
        return []
    return [one for one in (folder, *folder.parents) if not one.exists()][::-1]


def _left(temporary: Path, target: Path, is_recorded: bool) -> str:
    """Remove ``temporary``; returns a clause that says what of it is left."""
    try:
        leftovers.remove(temporary, target)
    except OSError:
        return f"'{temporary}' was left behind{' until the next start' if is_recorded else ''}"
    return "nothing was left behind"


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def _target(path: Path) -> Path:
    """``path``, or where a symbolic link there leads, which need not exist. Raises :class:`ExportError` for a name that
    the file system does not take, before anything is worked for."""
    try:
        target = Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if len(os.fsencode(target.name)) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        # A folder's name may be too long, too; and a device or a pipe would be replaced by a file.
        if target.exists() and not (target.is_file() or target.is_dir()):
            raise OSError(errno.EINVAL, "it is no regular file")
    except OSError as error:
        raise _unwritable(path, error) from error
    except ValueError as error:  # the one character that ends a name for every system
        raise ExportError(f"'{path}' cannot be written: no file's name has a NUL character; choose another.") from error
    if "\0" in str(target):
        raise ExportError(f"'{path}' cannot be written: no file's name has a NUL character; choose another.")
    return target


def _hidden(name: str) -> str:
    """How the name of a temporary file beside ``name`` begins: short enough that all of it fits into any name."""
    return f".{os.fsencode(name)[:_LONGEST_PREFIX].decode(errors='ignore')}-"


def _unwritable(path: Path, error: OSError) -> ExportError:
    advice = "choose another folder"
    if error.errno == errno.ENAMETOOLONG:
        advice = f"choose a shorter name, of at most {LONGEST_NAME} bytes"
    elif error.errno == errno.ELOOP:
        advice = "the symbolic link leads to itself, choose another name"
    return ExportError(f"'{path}' cannot be written ({error.strerror}); {advice}.")
