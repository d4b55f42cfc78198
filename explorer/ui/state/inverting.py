"""The search for the point of a picture of one's own: what it has so far, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from explorer.scene.inversion import InversionOptions
from explorer.scene.model import ModelRef, Scene
from explorer.service.replies import EngineLost, InversionPreview, JobProgress, PictureInverted, Refused, Stopped
from explorer.service.requests import InvertPicture
from explorer.ui.state.job_list import JobList
from explorer.ui.state.replies import Replies

NO_JOB = -1


@dataclass(frozen=True)
class Source:
    """A picture: a file, or the bytes of one, and what the user knows it as."""

    name: str
    path: str = ""
    data: bytes = b""


class Inverting(QObject):
    """One search at a time: a newer one takes its place.

    ``source``: the picture that was opened last; ``preview``: the best so far, None before the picture was read;
    ``progress``: the share and the seconds left, None while nothing is under way; ``problem``: why nothing came of it.
    """

    changed = Signal()
    started = Signal()
    finished = Signal(object, object)  # PictureInverted, the scene when the search began

    def __init__(self, jobs: JobList, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._number = NO_JOB
        self._scene: Scene | None = None
        self.source: Source | None = None
        self.preview: InversionPreview | None = None
        self.result: PictureInverted | None = None
        self.progress: tuple[float, float] | None = None
        self.problem = ""
        for kind in (InversionPreview, PictureInverted, JobProgress, Refused, Stopped):
            replies.on(kind, self._heard)
        replies.on(EngineLost, self._engine_lost)

    def start(self, scene: Scene, model: ModelRef, source: Source, options: InversionOptions) -> None:
        """Look for the point of ``model`` for ``source``; ``scene``: what the window shows meanwhile."""
        if self._number != NO_JOB:
            self._jobs.cancel(self._number)
        self._scene, self.source, self.preview, self.result, self.problem = scene, source, None, None, ""
        self.progress = (0.0, -1.0)
        request = partial(
            InvertPicture, model=model, name=source.name, path=source.path, data=source.data, options=options
        )
        self._number = self._jobs.start(f"Finding the point for '{source.name}'", request)
        self.started.emit()
        self.changed.emit()

    def stop(self) -> None:
        """End the search: it answers with the best that it has."""
        if self._number != NO_JOB:
            self._jobs.cancel(self._number)

    def _heard(self, message: Any) -> None:
        if message.request_id != self._number:
            return
        if isinstance(message, JobProgress):
            self.progress = (message.share, message.remaining)
        elif isinstance(message, InversionPreview):
            self.preview = message
        else:
            self._number, self.progress = NO_JOB, None
            if isinstance(message, Refused):
                self.problem = message.sentence
            elif isinstance(message, PictureInverted):
                self.result = message
        self.changed.emit()
        if isinstance(message, PictureInverted):
            self.finished.emit(message, self._scene)

    def _engine_lost(self, lost: EngineLost) -> None:
        if self._number != NO_JOB:
            self._number, self.progress, self.problem = NO_JOB, None, lost.sentence
            self.changed.emit()


def source_of(path: Path) -> Source:
    """The picture in the file ``path``."""
    return Source(path.name, path=str(path.absolute()))
