"""Tells the user what happened elsewhere: the engine died or came back, an export ended."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from explorer.scene.model import ControlSetRef, ModelRef, Scene
from explorer.scene.two_models import models_of
from explorer.service.replies import EngineLost, EngineSilent, Ready, Refused
from explorer.ui.actions.actions import ActionTable
from explorer.ui.state.catalogue import key_of
from explorer.ui.state.controller import Controller
from explorer.ui.state.job_list import Job
from explorer.ui.state.notice import Notice
from explorer.ui.window.toast import Toast, ToastArea


class Announcer(QObject):
    """Everything that is said goes through one place, so that a banner is taken back when it is over."""

    def __init__(self, controller: Controller, toasts: ToastArea, actions: ActionTable) -> None:
        super().__init__(toasts)
        self._toasts = toasts
        self._actions = actions
        self._controller = controller
        self._panel: QWidget | None = None  # that of the controls
        self._banner: Toast | None = None  # about the engine, while it is not there
        self._exported: Path | None = None  # written last
        actions.bind("show_export", self._show_export).setEnabled(False)
        controller.noticed.connect(self.say)
        controller.changed.connect(self._on_changed)
        controller.engine_ready.connect(self._on_ready)
        controller.engine_lost.connect(self._on_lost)
        controller.replies.on(EngineSilent, self._on_silent)
        controller.jobs.finished.connect(self._on_job_finished)

    def _on_changed(self, before: Scene, after: Scene) -> None:
        if replace(before, selected=0) != replace(after, selected=0):  # a look at another pane does nothing yet
            self._toasts.forget_refusals()
        if models_of(after) - models_of(before):
            self._toasts.forget_refused_models()

    def say(self, notice: Notice) -> Toast:
        """Show ``notice`` over the canvas."""
        return self._toasts.say(notice)

    def tell_searches(self, panel: QWidget) -> None:
        """Say how searches have ended without controls, where ``panel`` does not: it shows the selected pane's."""
        self._panel = panel
        self._controller.catalogue.controls_refused.connect(self._on_search_ended)

    def _on_search_ended(self, model: ModelRef, controls: ControlSetRef, reply: object) -> None:
        scene = self._controller.scene
        selected = scene.panes[scene.selected].controls == controls and key_of(scene.model_of()) == key_of(model)
        if not (selected and self._panel is not None and self._panel.isVisible()):
            sentence = self._controller.catalogue.problem(model, controls)
            self.say(Notice(sentence, "error" if isinstance(reply, Refused) else "info"))

    def _on_ready(self, ready: Ready) -> None:
        if self._take_back():
            self.say(Notice("The engine is back; nothing was lost."))

    def _on_lost(self, lost: EngineLost) -> None:
        self._take_back()
        if lost.restarting:
            sentence = f"{lost.sentence} It is being restarted; your scene is untouched."
            self._banner = self.say(Notice(sentence, "warning"))
        else:
            sentence = f"{lost.sentence} It stays down; your scene is untouched."
            self._banner = self.say(Notice(sentence, "error", "restart_engine"))

    def _on_silent(self, silent: EngineSilent) -> None:
        self._take_back()
        self._banner = self.say(Notice(silent.sentence, "warning", "restart_engine"))

    def _show_export(self) -> None:
        if self._exported is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._exported.parent)))

    def _take_back(self) -> bool:
        """Take the banner away; whether there was one."""
        banner, self._banner = self._banner, None
        if banner is None:
            return False
        self._toasts.dismiss(banner)
        return True

    def _on_job_finished(self, job: Job) -> None:
        if job.state == "failed" and job.path:
            self.say(Notice(job.sentence, "error"))
        elif job.state == "done" and job.path:
            self._exported = Path(job.path)
            self._actions["show_export"].setEnabled(True)
            told = f"Exported to {job.path}" + (f". {job.sentence}" if job.sentence else "")
            self.say(Notice(told, action="show_export"))
