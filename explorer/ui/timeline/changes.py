"""Changes to the timeline that leave the playhead where it is: what is typed, chosen and removed."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QObject

from explorer.errors import SceneError
from explorer.scene import timeline as keys
from explorer.scene.model import Interpolation
from explorer.ui.state.controller import Controller
from explorer.ui.timeline import edit
from explorer.ui.timeline.header import LOOPS, Loop, TimelineHeader
from explorer.ui.timeline.view import TimelineView


class Changes(QObject):
    """Makes them in the controller's scene, a step of undo each."""

    def __init__(
        self, controller: Controller, view: TimelineView, header: TimelineHeader, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._view = view
        view.key_typed.connect(self._on_key_typed)
        view.key_removed.connect(self._on_key_removed)
        view.row_removed.connect(self._on_row_removed)
        view.interpolation_chosen.connect(self._on_interpolation_chosen)
        header.duration_changed.connect(self._on_duration)
        header.fps_changed.connect(self._on_fps)
        header.loop_chosen.connect(self._on_loop)
        header.between_chosen.connect(self._on_between)

    # --- keyframes and tracks -----------------------------------------------------------------------------------------

    def _on_key_typed(self, row: int, index: int, number: float) -> None:
        try:
            made = edit.with_key_typed(self._controller.scene, self._view.rows[row], index, number)
        except SceneError as error:
            self._controller.say(str(error), "refusal")
            return
        self._controller.apply(made, "Change keyframe")

    def _on_key_removed(self, row: int, index: int) -> None:
        made = edit.with_key_removed(self._controller.scene, self._view.rows[row], index)
        self._controller.apply(made, "Delete keyframe")

    def _on_row_removed(self, row: int) -> None:
        chosen = self._view.rows[row]
        made = edit.with_row_removed(self._controller.scene, chosen)
        self._controller.apply(made, f"Remove track {chosen.label}")

    def _on_interpolation_chosen(self, row: int, kind: str) -> None:
        tracks = self._view.rows[row].tracks
        made = edit.with_interpolation(self._controller.scene, tracks, cast(Interpolation, kind))
        self._controller.apply(made, "Change interpolation")

    # --- the whole timeline -------------------------------------------------------------------------------------------

    def _on_duration(self, duration: float) -> None:
        self._controller.apply(keys.set_timing(self._controller.scene, duration=duration), "Duration", "duration")

    def _on_fps(self, fps: int) -> None:
        self._controller.apply(keys.set_timing(self._controller.scene, fps=fps), "Frames per second", "fps")

    def _on_loop(self, loop: str) -> None:
        chosen = cast(Loop, loop)
        made = keys.set_timing(self._controller.scene, loop=chosen)
        self._controller.apply(made, f"Play {dict(LOOPS)[chosen].lower()}")

    def _on_between(self, kind: str) -> None:
        scene = self._controller.scene
        made = edit.with_interpolation(scene, range(len(scene.timeline.amounts)), cast(Interpolation, kind))
        self._controller.apply(made, "Change interpolation")
