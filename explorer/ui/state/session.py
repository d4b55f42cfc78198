"""The session: the scene is saved by itself while it changes, and comes back after a crash or the next start.

Each window holds a numbered lock and one autosave file beside it. A clean exit renames that file to the last session; a
file that is still there when its lock is taken again was left by a crash. A dead owner's lock counts as free.
"""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer

from explorer.errors import ExplorerError
from explorer.files import atomic_write, state_folder
from explorer.scene.model import Scene
from explorer.scene.store import encode_scene, load_scene

log = logging.getLogger("explorer.ui.state.session")
DELAY_MS = 700  # from the first change that is not saved yet to its being saved
WINDOWS = 16  # at once; further ones are not saved by themselves


@dataclass(frozen=True)
class Restored:
    """What the last session left. ``crashed``: it did not end by being closed."""

    scene: Scene
    crashed: bool


class Session(QObject):
    """Saves the scene of one window, off its thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock: QLockFile | None = None
        self._path: Path | None = None
        self._waiting: Scene | None = None
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
        folder.mkdir(parents=True, exist_ok=True)
        crashed = self._take_place(folder)
        if crashed is not None:
            return Restored(crashed, crashed=True)
        if self._path is None or self._path.name != "autosave.json":
            return None  # a second window beside a running one starts fresh
        last = _read(self.last_path())
        return Restored(last, crashed=False) if last is not None else None

    def keep(self, scene: Scene) -> None:
        """Save ``scene`` soon; called for every change, so it only remembers."""
        self._waiting = scene
        if not self._timer.isActive():
            self._timer.start()

    def save_now(self) -> Future[None] | None:
        """Hand the scene that waits to the worker; None when there is nothing to save."""
        if self._waiting is None or self._path is None or not self._waiting.model.path:
            return None
        scene, self._waiting = self._waiting, None
        return self._worker.submit(_write, scene, self._path)

    def end(self) -> None:
        """Close in good order: what was autosaved becomes the last session."""
        self._timer.stop()
        self.save_now()
        self._worker.shutdown(wait=True)
        if self._path is not None and self._path.exists():
            with contextlib.suppress(OSError):
                self._path.replace(self.last_path())
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def _take_place(self, folder: Path) -> Scene | None:
        """Lock the first place with a crashed session, else the first free one. Each lock costs a write to the disk."""
        places = [folder / (f"autosave-{number}.json" if number else "autosave.json") for number in range(WINDOWS)]
        for path in places:
            if path.exists() and (lock := _lock(path)) is not None:
                if (scene := _read(path)) is not None:
                    self._lock, self._path = lock, path
                    return scene
                lock.unlock()
        for path in places:
            if (lock := _lock(path)) is not None:
                self._lock, self._path = lock, path
                break
        return None


def _lock(path: Path) -> QLockFile | None:
    """The lock beside ``path``, or None while another window holds it."""
    lock = QLockFile(str(path.with_suffix(".lock")))
    lock.setStaleLockTime(0)  # however old: only a dead owner makes a lock stale
    return lock if lock.tryLock(0) else None


def _read(path: Path) -> Scene | None:
    """The scene in ``path``; None, and a line in the log, when it cannot be used. A start must not fail for it."""
    if not path.exists():
        return None
    try:
        return load_scene(path)
    except ExplorerError as error:
        log.warning("the saved session is not used: %s", error)
        return None


def _write(scene: Scene, path: Path) -> None:
    try:
        atomic_write(path, encode_scene(scene))
    except ExplorerError as error:
        log.warning("the session could not be saved: %s", error)
