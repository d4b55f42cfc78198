"""The session: the scene is saved by itself while it changes, and comes back after a crash or the next start.

Each window holds a numbered lock and one autosave file beside it. A clean exit renames that file to the last session; a
file that is still there when its lock is taken again was left by a crash. A dead owner's lock counts as free.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from PySide6.QtCore import QLockFile, QObject, QTimer

from explorer import keeping
from explorer.files import state_folder
from explorer.scene.model import Scene
from explorer.scene.store import Touched, decode_document, decode_scene, encode_scene, order_of_touch
from explorer.ui.state.late_sets import Led

FORMAT = "latent-explorer-session"
NAME = "session"  # what it is kept under, whichever place it has
DELAY_MS = 700  # from the first change that is not saved yet to its being saved
WINDOWS = 16  # at once; further ones are not saved by themselves


class Playhead(msgspec.Struct, frozen=True):
    """Where the playhead stands, in seconds, and what is seen otherwise than the timeline says: (pane, control) of the
    sliders that the hand has set since (:data:`explorer.ui.timeline.edit.Touched`)."""

    time: float
    touched: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Left:
    """What a session leaves: the scene, the file that it belongs to and whether it is another one there, and the
    playhead, while the canvas shows its time. ``led``: what sets that are still looked for take over when they come;
    ``touched``: how an older program has drawn the scene."""

    scene: Scene
    path: Path | None = None
    modified: bool = False
    playhead: Playhead | None = None
    led: Led = ()
    touched: Touched = ()


@dataclass(frozen=True)
class Restored(Left):
    """What the last session left. ``crashed``: it did not end by being closed."""

    crashed: bool = False


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a session. ``scene`` is a scene file's document; ``path`` is empty where the scene has no file."""

    format: str = FORMAT
    version: int = 1
    path: str = ""
    modified: bool = False
    playhead: Playhead | None = None
    led: Led = ()
    scene: msgspec.Raw


class Session(QObject):
    """Saves what one window shows, off its thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock: QLockFile | None = None
        self._path: Path | None = None
        self._waiting: Callable[[], Left] | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="autosave")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.save_now)

    @staticmethod
    def last_path() -> Path:
        """The scene of the session that was closed last."""
        return state_folder() / "last-session.json"

    def begin(self) -> Restored | None:
        """Take a place and return what is to be restored: a crashed session first, else the last one, else nothing."""
        folder = state_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            crashed = self._take_place(folder)
        except OSError as error:
            keeping.failed(folder, error)
            return _left_in(folder)
        if crashed is not None:
            return _restored(crashed, crashed=True)
        if self._path is None or self._path.name != "autosave.json":
            return None  # a second window beside a running one starts fresh
        last = kept_session(self.last_path())
        return _restored(last, crashed=False) if last is not None else None

    def keep(self, left: Callable[[], Left]) -> None:
        """Save what ``left`` gives, soon; called for every change, so it only remembers."""
        self._waiting = left
        if not self._timer.isActive():
            self._timer.start()

    def save_now(self) -> Future[None] | None:
        """Hand what waits to the worker; None when there is nothing to save."""
        if self._waiting is None or self._path is None:
            return None
        left, self._waiting = self._waiting(), None
        return self._worker.submit(_write, left, self._path) if left.scene.model.path else None

    def end(self) -> None:
        """Close in good order: what was autosaved becomes the last session."""
        self._timer.stop()
        self.save_now()
        self._waiting = None  # it may hold the window
        self._worker.shutdown(wait=True)
        if self._path is not None and self._path.exists():
            with keeping.optional(self.last_path()):
                self._path.replace(self.last_path())
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def _take_place(self, folder: Path) -> Left | None:
        """Lock the first place with a crashed session, else the first free one. Each lock costs a write to the disk."""
        places = [folder / (f"autosave-{number}.json" if number else "autosave.json") for number in range(WINDOWS)]
        for path in places:
            if path.exists() and (lock := _lock(path)) is not None:
                if (left := kept_session(path)) is not None:
                    self._lock, self._path = lock, path
                    return left
                lock.unlock()
        for path in places:
            if (lock := _lock(path)) is not None:
                self._lock, self._path = lock, path
                break
        return None


def _left_in(folder: Path) -> Restored | None:
    """What is to be restored from a folder that cannot be written, where no window keeps a scene."""
    for name, crashed in (("autosave.json", True), ("last-session.json", False)):
        if (left := kept_session(folder / name)) is not None:
            return _restored(left, crashed)
    return None


def _lock(path: Path) -> QLockFile | None:
    """The lock beside ``path``, or None while another window holds it. Raises :class:`OSError` where there can be
    none."""
    lock = QLockFile(str(path.with_suffix(".lock")))
    lock.setStaleLockTime(0)  # however old: only a dead owner makes a lock stale
    if lock.tryLock(0):
        return lock
    if lock.error() != QLockFile.LockError.LockFailedError:
        keeping.probe(path.parent)  # which knows why
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(path))
    return None


def _restored(left: Left, crashed: bool) -> Restored:
    return Restored(left.scene, left.path, left.modified, left.playhead, left.led, left.touched, crashed)


def read_session(content: bytes) -> Left:
    """What :func:`_write` keeps, or the scene file that an earlier program has left. Raises :class:`SceneError`."""
    try:
        document = msgspec.json.decode(content, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _of_scene_file(content)
    if document.format != FORMAT:
        return _of_scene_file(content)
    scene = decode_scene(bytes(document.scene), NAME)
    own = Path(document.path) if document.path else None
    return Left(scene, own, document.modified, document.playhead, document.led)


def kept_session(path: Path) -> Left | None:
    """What is kept in ``path``; None where there is nothing, or it is damaged, which is told. A start must not fail for
    it."""
    return keeping.kept(path, read_session, NAME, unsealed=b"{", aside=True)


def _of_scene_file(content: bytes) -> Left:
    scene, document = decode_document(content, NAME)
    return Left(scene, touched=order_of_touch(document))


def _write(left: Left, path: Path) -> None:
    try:
        document = _Document(
            path=str(left.path or ""),
            modified=left.modified,
            playhead=left.playhead,
            led=left.led,
            scene=msgspec.Raw(encode_scene(left.scene)),
        )
        data = msgspec.json.encode(document)
    except UnicodeEncodeError:  # a file name that is not valid in this system's encoding
        _write(replace(left, path=None), path)
    else:
        keeping.keep(path, data, NAME)
