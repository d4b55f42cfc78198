"""The Label dock: the actions of labelling, and the panel behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from explorer.errors import ExplorerError
from explorer.scene.labels import SUFFIX
from explorer.scene.model import ControlSetRef
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller
from explorer.ui.state.label_files import stem
from explorer.ui.state.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.labels.panel import LabellingPanel

FILTER = f"Labels (*{SUFFIX})"


class LabellingDock(LazyDock["LabellingPanel"]):
    """Opens, saves and uses the labels that are shown."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(self._made, parent)
        self._controller = controller
        self._labelling = controller.labelling
        self._actions = actions
        self._settings = settings
        for key, handler in (
            ("label_samples", self._label),
            ("use_labels", self._use),
            ("open_labels", self._open),
            ("save_labels", self._save),
            ("copy_labels", self._copy),
            ("rename_labels", self._rename),
            ("forget_labels", self._forget),
        ):
            actions.bind(key, handler)
        self._labelling.changed.connect(self._enable)
        self._enable()

    def _made(self) -> LabellingPanel:
        from explorer.ui.labels.panel import LabellingPanel

        return LabellingPanel(self._controller, self._actions)

    # --- actions ---

    def _label(self) -> None:
        self.wanted.emit()
        self.panel.begin()

    def _use(self) -> None:
        """Have the direction of the labels looked for, as the selected pane's slider."""
        controller, card = self._controller, self._labelling.card
        if card is None or self._labelling.current is None:
            return
        method = controller.catalogue.with_role("labels")
        if method is None:
            controller.say("The methods are not known yet; try again in a moment.", "refusal")
            return
        if method.name not in card.methods:
            controller.say(card.why_not(method), "refusal")
            return
        try:
            path = self._labelling.snapshot()
        except ExplorerError as error:
            controller.say(str(error), "error")
            return
        pane = controller.scene.selected
        shown = controller.scene.panes[pane].controls
        found = ControlSetRef(
            method=method.name, k=1, settings=(("attributes", str(path)),), units=shown.units, tau=shown.tau
        )
        controller.set_method(pane, found)

    def _open(self) -> None:
        self._label()
        name, _ = QFileDialog.getOpenFileName(self.window(), "Open labels", self._folder(), f"{FILTER};;All files (*)")
        if not name:
            return
        self._settings.folder = str(Path(name).parent)
        try:
            self._controller.say(self._labelling.open(Path(name)))
        except ExplorerError as error:
            self._controller.say(str(error), "error")

    def _save(self) -> None:
        labels = self._labelling.current
        if labels is None:
            return
        start = str(Path(self._folder()) / f"{stem(labels.attribute)}{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self.window(), "Save labels", start, FILTER)
        if not name:
            return
        path = Path(name if name.lower().endswith(SUFFIX) else name + SUFFIX)
        self._settings.folder = str(path.parent)
        try:
            self._labelling.save(path)
        except ExplorerError as error:
            self._controller.say(str(error), "error")
            return
        self._controller.say(f"Saved {labels.count} labels of '{labels.attribute}' to {path}")

    def _copy(self) -> None:
        path = self._labelling.path()
        if path is not None:
            QGuiApplication.clipboard().setText(str(path))
            self._controller.say(
                "The path of the labels is copied; paste it where a method or a table asks for attributes."
            )

    def _rename(self) -> None:
        labels = self._labelling.current
        if labels is None:
            return
        name, given = QInputDialog.getText(
            self.window(), "Rename attribute", "What the labels are of:", text=labels.attribute
        )
        if given and (problem := self._labelling.rename(name)):
            self._controller.say(problem, "refusal")

    def _forget(self) -> None:
        labels = self._labelling.current
        if labels is None:
            return
        question = f"Throw the {labels.count} labels of '{labels.attribute}' away? This cannot be undone."
        if QMessageBox.question(self.window(), "Throw labels away", question) == QMessageBox.StandardButton.Yes:
            self._labelling.forget()

    # --- what can be done now ---

    def _enable(self) -> None:
        labels = self._labelling.current
        self._actions["use_labels"].setEnabled(labels is not None and labels.is_testable)
        for key in ("save_labels", "copy_labels", "forget_labels"):
            self._actions[key].setEnabled(labels is not None and labels.count > 0)
        told = self._actions.row("copy_labels").tool_tip
        path = self._labelling.path()
        self._actions["copy_labels"].setToolTip(f"{told}\n{path}" if path else told)
        self._actions["rename_labels"].setEnabled(labels is not None and bool(labels.attribute))

    def _folder(self) -> str:
        return self._settings.folder or str(Path.home())
