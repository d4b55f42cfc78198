"""Control sets of one's own: what is starred, or a pane's set under the names that were given, written to a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from explorer.scene.adapters import DIFFUSERS, ENDINGS, KOHYA
from explorer.scene.cards import WEIGHTS
from explorer.scene.marks import mark_of
from explorer.scene.model import ChosenControl, ControlSetRef, Scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.state.controller import Controller
from explorer.ui.state.save_path import ask_save_path
from explorer.ui.state.settings import Settings

CONTROL_SET = {"Control set": "safetensors"}
DIRECTIONS = {"GANSpace directions": "npz", "Directions": "npy"}
ADAPTERS = {"Adapter, kohya's keys": ENDINGS[KOHYA][1:], "Adapter, diffusers' keys": ENDINGS[DIFFUSERS][1:]}


class OwnSets(QObject):
    """The actions ``save_starred`` and ``save_controls``."""

    def __init__(self, controller: Controller, actions: ActionTable, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._actions = actions
        self._settings = settings
        self._window = window
        actions.bind("save_starred", self._save_starred)
        actions.bind("save_controls", self._save_pane)
        controller.changed.connect(self._on_changed)
        controller.catalogue.controls_found.connect(self._enable)
        self._enable()

    def starred(self) -> tuple[ChosenControl, ...]:
        """The starred controls of the selected pane's model, in the order in which they were starred; those of sets
        that were not opened in this session are left out, for nobody knows how many controls their sets had."""
        controller = self._controller
        scene = controller.scene
        model = scene.model_of()
        found = []
        for mark in scene.marks:
            known = controller.catalogue.set_with(model, mark)
            if mark.starred and known is not None:
                found.append(ChosenControl(controls=known, control=mark.control, name=mark.name, starred=True))
        return tuple(found)

    def pane(self) -> tuple[ChosenControl, ...]:
        """All controls of the selected pane that are not hidden, under the names that were given."""
        controller = self._controller
        scene = controller.scene
        controls = scene.panes[scene.selected].controls
        card = controller.controls_card()
        marks = [mark_of(scene, controls, control.name) for control in card.controls] if card else []
        return tuple(
            ChosenControl(controls=controls, control=mark.control, name=mark.name, starred=mark.starred)
            for mark in marks
            if not mark.hidden
        )

    def _save_starred(self) -> None:
        self._save(self.starred(), "starred")

    def _save_pane(self) -> None:
        card = self._controller.controls_card()
        self._save(self.pane(), card.method if card else "controls")

    def _save(self, chosen: tuple[ChosenControl, ...], name: str) -> None:
        if not chosen:
            return
        model = self._controller.scene.model_of()
        formats = CONTROL_SET | (ADAPTERS if self._change_weights(chosen) else DIRECTIONS)
        path = ask_save_path(self._window, self._settings, "Save controls", name, formats)
        if path:
            self._controller.jobs.start_saving(model, chosen, path, Path(path).stem)

    def _change_weights(self, chosen: tuple[ChosenControl, ...]) -> bool:
        """Whether all of ``chosen`` change the network, and move no point."""
        catalogue, model = self._controller.catalogue, self._controller.scene.model_of()
        cards = [(catalogue.controls(model, one.controls), one.control) for one in chosen]
        spaces = {own.space for card, name in cards if card for own in card.controls if own.name == name}
        return spaces == {WEIGHTS}

    def _enable(self, *_: object) -> None:
        self._actions["save_starred"].setEnabled(bool(self.starred()))
        self._actions["save_controls"].setEnabled(self._controller.controls_card() is not None)

    def _on_changed(self, old: Scene, new: Scene) -> None:
        # Not while a slider moves: that changes neither what is starred nor which set there is.
        if (old.marks, old.model_of()) != (new.marks, new.model_of()) or _shown(old) != _shown(new):
            self._enable()


def _shown(scene: Scene) -> ControlSetRef:
    return scene.panes[scene.selected].controls
