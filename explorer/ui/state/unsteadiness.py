"""Asks the engine how unusual the picture of the selected pane is, where the user wants to know."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.scene.unsteadiness import CAPABILITY, Unsteadiness, badge_text, mark_texts
from explorer.scene.views import pictured
from explorer.service.replies import JobProgress, Stopped, UnsteadinessFound
from explorer.service.requests import FindUnsteadiness
from explorer.ui.state.feed import Picture
from explorer.ui.state.holder import SceneHolder
from explorer.ui.state.newest import UNNUMBERED, Newest

STOPPED = "Pictures are not judged any more; what was learned of the model so far is kept, and it goes on there."


class Unsteady(Newest[FindUnsteadiness, UnsteadinessFound]):
    """``found`` of the picture that is shown, once it rests: asked when its final frame has come, so that the engine
    need not draw it again. Off until the user turns it on, for the model's own pictures have to be drawn first."""

    watching_changed = Signal(bool)

    def __init__(self, holder: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(holder, UnsteadinessFound, parent)
        self.watching = False
        self.share = 0.0
        """Of the model's own pictures, while they are drawn."""
        self._is_left = False  # the question under way: the user has turned this off meanwhile
        holder.replies.on(JobProgress, self._progressed)
        holder.feed.picture_changed.connect(self._on_picture)
        holder.changed.connect(self._on_scene)

    @property
    def can_watch(self) -> bool:
        """Whether the model of the selected pane is one whose pictures can be judged."""
        scene = self._holder.scene
        card = self._holder.catalogue.model(scene.model_of(scene.selected)) if self._holder.has_model else None
        return card is not None and CAPABILITY in card.capabilities

    def watch(self, on: bool) -> None:
        """Have pictures judged, or no longer; what is under way is stopped."""
        if on == self.watching:
            return
        self.watching = on
        if not on and self._number >= 0:
            self._is_left = True
            self.give_up()
        self.watching_changed.emit(on)
        self.refresh()
        self.changed.emit()

    def refresh(self) -> None:
        if self._number < 0:
            self.share, self._is_left = 0.0, False
        super().refresh()

    def applies(self) -> bool:
        return self.watching and self.can_watch

    def question(self) -> FindUnsteadiness | None:
        scene = self._holder.shown_scene
        picture = self._holder.feed.picture(self._holder.scene.selected)
        if picture is None or picture.error or not picture.is_current or picture.frame is None:
            return None
        view = picture.view
        if view is None or view.quality != scene.quality or view.view == "original":
            return None  # a draft, or no picture of the model's
        return FindUnsteadiness(request_id=UNNUMBERED, view=pictured(view))

    def of(self, picture: Picture) -> Unsteadiness | None:
        """What is known of exactly this picture."""
        if not self.watching or self.answer is None or self.answered is None or picture.view is None:
            return None
        return self.answer.unsteadiness if self.answered.view == pictured(picture.view) else None

    def marks(self, picture: Picture) -> tuple[str, str, str] | None:
        """What its caption says of ``picture``, the longest text first: nothing of a usual one."""
        found = self.of(picture)
        return None if found is None else mark_texts(found)

    @property
    def text(self) -> str:
        """What the status line says of the selected pane; empty where nobody wants to know."""
        if not self.applies():
            return ""
        picture = self._holder.feed.picture(self._holder.scene.selected)
        if picture is not None and (found := self.of(picture)) is not None:
            return badge_text(found)
        if self._number >= 0 and self.share > 0:
            return f"learning what is usual… {self.share:.0%}"
        return "not judged" if self.problem else ""

    def _progressed(self, progress: JobProgress) -> None:
        if progress.request_id == self._number:
            self.share = progress.share
            self.changed.emit()

    def _stopped(self, stopped: Stopped) -> None:
        if stopped.request_id != self._number:
            return
        self._number, self._latest = UNNUMBERED, None
        if self.watching and not self._is_left:  # cancelled in the list of jobs
            self.watch(False)
            self._holder.say(STOPPED)
        self.refresh()
        self.changed.emit()

    def _on_picture(self, pane: int) -> None:
        if pane == self._holder.scene.selected:
            self.refresh()
            self.changed.emit()

    def _on_scene(self, *_: object) -> None:
        self.refresh()
        self.changed.emit()
