"""What a window brings back from the last session, what it leaves for the next, and what it asks before it closes."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox, QWidget

from explorer.errors import ExplorerError
from explorer.files import state_folder
from explorer.scene.store import SUFFIX, load_scene, save_scene
from explorer.ui.files.export_plan import free_path
from explorer.ui.files.files import Files
from explorer.ui.state.controller import Controller
from explorer.ui.state.notice import Notice
from explorer.ui.state.session import Left, Restored, Session
from explorer.ui.timeline.panel import TimelinePanel


class LastSession(QObject):
    """Hands the session what there is to keep, whenever the scene or its file changes."""

    def __init__(
        self, controller: Controller, files: Files, timeline: TimelinePanel, session: Session, window: QWidget
    ) -> None:
        super().__init__(window)
        self._controller = controller
        self._files = files
        self._timeline = timeline
        self._session = session
        self._window = window
        self._discards = False
        controller.changed.connect(self._keep)
        controller.document.changed.connect(self._keep)

    # --- beginning ---

    def restore(self, restored: Restored) -> None:
        """Show what the last session left: the scene, its file, the playhead."""
        controller = self._controller
        controller.late.expect(restored.scene, restored.led)
        controller.load(restored.scene)
        controller.drawn_order.opened(restored.scene, restored.touched)
        if restored.path is not None:
            controller.document.settle(restored.path, restored.modified or not restored.path.is_file())
        if restored.playhead is not None:
            self._timeline.put(restored.playhead)
        if restored.crashed:
            sentence = "Restored your last session, which did not end by being closed."
            controller.noticed.emit(Notice(sentence, action="new_scene"))

    def set_aside(self, restored: Restored | None) -> None:
        """Something else was asked for than the last session: what was not saved of it goes to a file of its own."""
        if restored is None or not (restored.crashed or restored.modified):
            return
        name = restored.path.name.removesuffix(SUFFIX) if restored.path else "session"
        path = free_path(state_folder() / "unsaved", f"{name}{SUFFIX}")
        try:
            save_scene(restored.scene, path)
        except ExplorerError as error:
            self._controller.say(str(error), "error")
        else:
            self._controller.say(f"What the last session had not saved is in '{path}'.")

    # --- end ---

    def may_close(self) -> bool:
        """Ask what is to become of what would be lost: exports under way, changes to the scene's file."""
        return self._may_cancel_exports() and self._may_leave()

    def end(self) -> None:
        """Write what there is; where the user has thrown changes away, without them."""
        self._session.keep(self._as_saved if self._discards else self._left)
        self._session.end()

    def _keep(self, *_: object) -> None:
        self._session.keep(self._left)

    def _left(self) -> Left:
        scene, document = self._controller.scene, self._controller.document
        led = self._controller.late.led(scene)
        return Left(scene, document.path, document.is_modified, self._timeline.place(), led)

    def _may_cancel_exports(self) -> bool:
        count = sum(bool(job.path) for job in self._controller.jobs.running())
        if not count:
            return True
        what = "An export is" if count == 1 else f"{count} exports are"
        answer = QMessageBox.question(
            self._window, "Quit", f"{what} still running. Quit and cancel? Nothing half written is left behind."
        )
        return answer == QMessageBox.StandardButton.Yes

    def _may_leave(self) -> bool:
        """Ask what is to become of changes to a scene that has a file. A scene without one comes back by itself."""
        path = self._controller.document.path
        if path is None or not self._controller.document.is_modified:
            return True
        save, discard = QMessageBox.StandardButton.Save, QMessageBox.StandardButton.Discard
        answer = QMessageBox.question(
            self._window, "Quit", f"'{path.name}' has changes that are not saved.",
            save | discard | QMessageBox.StandardButton.Cancel, save,
        )  # fmt: skip
        if answer == save:
            return self._files.save_scene()
        self._discards = answer == discard
        return self._discards

    def _as_saved(self) -> Left:
        """What a session leaves whose changes are thrown away: the scene as its file has it."""
        path = self._controller.document.path
        try:
            return Left(load_scene(path), path) if path is not None else self._left()
        except ExplorerError:  # the file is gone or damaged: what is on screen is all that is left
            return replace(self._left(), path=None, modified=False)
