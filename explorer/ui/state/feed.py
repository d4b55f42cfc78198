"""Pictures from the engine to the panes: what is asked, what has come, how long each part of the way took."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from explorer.scene.model import ModelRef, View
from explorer.service.replies import EngineLost, Frame, Ready, ViewFailed
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.pace import Pace, Sample
from explorer.ui.state.replies import Replies


@dataclass
class Picture:
    """What one pane shows: the newest frame that has come, or the sentence of the failure that is newer than it."""

    view_id: int
    image: QImage | None = None
    frame: Frame | None = None
    view: View | None = None  # what the picture shows
    asked: View | None = None  # what was asked for last
    error: str = ""
    revision: int = 0  # of the newest answer
    pixels: bytes = b""  # the memory under ``image``
    moments: dict[int, tuple[float | None, View]] = field(default_factory=dict)  # revision → event, view
    painted: bool = True
    copy_ms: float = 0.0

    @property
    def is_current(self) -> bool:
        """Whether the picture shows the newest state asked for."""
        return self.view is not None and self.view == self.asked

    @property
    def is_awaited(self) -> bool:
        """Whether an answer is under way."""
        return any(revision > self.revision for revision in self.moments)


class Feed(QObject):
    """One picture a pane. Panes are told apart by an id that follows them when others come and go.

    Revisions ascend: an answer that is older than what is shown is dropped, so a picture never flickers back.
    """

    picture_changed = Signal(int)  # pane index
    panes_changed = Signal()
    picture_ready = Signal(int, object)  # token of request_picture, QImage or None when it failed

    def __init__(self, client: EngineClient, replies: Replies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._next_id = 0
        self._panes: list[Picture] = []
        self._single: set[int] = set()
        self._models: list[ModelRef] = []  # of the panes
        self.pace = Pace()
        replies.on(Frame, self._arrived)
        replies.on(ViewFailed, self._failed)
        replies.on(EngineLost, self._waited)
        replies.on(Ready, self._waited)

    @property
    def samples(self) -> deque[Sample]:
        """The ways of the newest pictures to the screen, all of the models that are shown."""
        return self.pace.samples

    def __len__(self) -> int:
        return len(self._panes)

    def picture(self, pane: int) -> Picture | None:
        """The picture of pane number ``pane``."""
        return self._panes[pane] if pane < len(self._panes) else None

    def pictures(self) -> list[Picture]:
        """The pictures of all panes, in their order."""
        return list(self._panes)

    def show(self, views: list[View], moment: float | None = None) -> None:
        """Ask for ``views``, one a pane, where they differ from the last. ``moment``: perf_counter of the event."""
        if len(views) != len(self._panes):
            self._match(views)
        if (models := [view.model for view in views]) != self._models:
            self._models = models
            self.pace.clear()
        now = time.perf_counter() if moment is None else moment
        due: dict[int, tuple[Picture, View]] = {}
        for picture, view in zip(self._panes, views, strict=True):
            if view == picture.asked:
                continue
            picture.asked = view
            if view == picture.view and not picture.is_awaited and not picture.error:
                continue  # it is on the screen already
            due[picture.view_id] = (picture, view)
        self._ask(due, now)

    def again(self, awaited: bool = False) -> None:
        """Ask once more where the last answer was a failure; ``awaited``: also where one is under way."""
        due = {
            picture.view_id: (picture, picture.asked)
            for picture in self._panes
            if picture.asked is not None and (picture.error or (awaited and picture.is_awaited))
        }
        self._ask(due, time.perf_counter())

    def anew(self, panes: Collection[int]) -> None:
        """Ask for the pictures of ``panes`` again: the same state has another picture now, or will have."""
        due = {
            picture.view_id: (picture, picture.asked)
            for index, picture in enumerate(self._panes)
            if index in panes and picture.asked is not None
        }
        self._ask(due, time.perf_counter())

    def _ask(self, due: dict[int, tuple[Picture, View]], moment: float) -> None:
        """All at once, so that the engine renders them as one batch."""
        if not due:
            return
        revisions = self._client.show_all({view_id: view for view_id, (_, view) in due.items()})
        for view_id, revision in revisions.items():
            picture, view = due[view_id]
            picture.moments[revision] = (moment, view)

    def request_picture(self, view: View) -> int:
        """Ask for one picture outside the panes, such as a thumbnail; `picture_ready` brings it. Returns its token."""
        token = self._fresh_id()
        self._single.add(token)
        self._client.show_all({token: view})
        return token

    def _waited(self, reply: EngineLost | Ready) -> None:
        """Waiting for an engine, the first one or the next, is no speed of pictures."""
        for picture in self._panes:
            picture.moments = {revision: (None, view) for revision, (_, view) in picture.moments.items()}

    def note_paint(self, pane: int, paint_ms: float) -> None:
        """The canvas painted pane number ``pane``; the first paint of a frame ends its way to the screen."""
        picture = self.picture(pane)
        if picture is None or picture.painted or picture.frame is None:
            return
        picture.painted = True
        now = time.perf_counter()
        frame = picture.frame
        moment, view = picture.moments.pop(frame.revision, (None, picture.view))
        if view is None or picture.asked is None or view.model != picture.asked.model:
            return  # a late picture of the model that was shown before
        self.pace.painted(picture.view_id, picture.is_awaited)
        if moment is not None:
            beside = frame.engine_ms - frame.forward_ms - frame.convert_ms
            drawn = (frame.waited_ms, frame.forward_ms, frame.convert_ms, beside)
            self.samples.append(Sample((now - moment) * 1e3, *drawn, picture.copy_ms, paint_ms))

    def _arrived(self, frame: Frame) -> None:
        index = next((i for i, picture in enumerate(self._panes) if picture.view_id == frame.view_id), -1)
        if frame.view_id not in self._single and (index < 0 or frame.revision <= self._panes[index].revision):
            self._client.discard(frame)
            return
        start = time.perf_counter()
        pixels = self._client.pixels(frame)
        image = QImage(pixels, frame.width, frame.height, frame.width * 4, QImage.Format.Format_RGB32)
        if frame.view_id in self._single:
            self._single.discard(frame.view_id)
            self._client.forget(frame.view_id)
            self.picture_ready.emit(frame.view_id, image.copy())
            return
        picture = self._panes[index]
        picture.revision = frame.revision
        picture.image, picture.pixels, picture.frame, picture.error = image, pixels, frame, ""
        known = picture.moments.get(frame.revision)
        picture.view = known[1] if known else picture.asked
        self._prune(picture)
        picture.painted = False
        picture.copy_ms = (time.perf_counter() - start) * 1e3
        self.picture_changed.emit(index)

    def _failed(self, failure: ViewFailed) -> None:
        if failure.view_id in self._single:
            self._single.discard(failure.view_id)
            self._client.forget(failure.view_id)
            self.picture_ready.emit(failure.view_id, None)
            return
        for index, picture in enumerate(self._panes):
            if picture.view_id == failure.view_id and failure.revision > picture.revision:
                picture.revision = failure.revision
                picture.error = failure.sentence
                self._prune(picture)
                self.picture_changed.emit(index)

    def _prune(self, picture: Picture) -> None:
        for revision in [revision for revision in picture.moments if revision < picture.revision]:
            del picture.moments[revision]

    def _match(self, views: list[View]) -> None:
        """Panes came or went: keep the pictures of those that stayed, told by the views they were asked for."""
        head = 0
        limit = min(len(views), len(self._panes))
        while head < limit and self._panes[head].asked == views[head]:
            head += 1
        tail = 0
        while tail < limit - head and self._panes[-1 - tail].asked == views[-1 - tail]:
            tail += 1
        ending = len(self._panes) - tail
        for gone in self._panes[head:ending]:
            self._client.forget(gone.view_id)
        fresh = [Picture(self._fresh_id()) for _ in range(len(views) - head - tail)]
        self._panes[head:ending] = fresh
        self.panes_changed.emit()

    def _fresh_id(self) -> int:
        self._next_id += 1
        return self._next_id
