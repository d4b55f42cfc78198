"""How the selected pane's method looks for its controls: the dialog of its settings, and a region that is drawn."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, QSize
from PySide6.QtWidgets import QWidget

from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.defaults import default_controls
from explorer.scene.model import ControlSetRef, ModelRef, Scene
from explorer.scene.region import region_setting, with_region, without_regions
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.canvas.region_tool import RegionTool
from explorer.ui.state.controller import Controller


class MethodSettings(QObject):
    """The actions ``method_settings`` and ``draw_region``."""

    def __init__(self, controller: Controller, actions: ActionTable, canvas: Canvas, window: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self._canvas = canvas
        self._window = window
        self._pane = 0  # on which a region is drawn
        self._then: Callable[[str], None] = self._find_for_region
        self._otherwise: Callable[[], None] | None = None
        self.tool = RegionTool(canvas, self._place)
        self.tool.drawn.connect(self._on_drawn)
        self.tool.cancelled.connect(self._on_cancelled)
        controller.changed.connect(self._on_changed)
        actions.bind("method_settings", self.ask)
        actions.bind("draw_region", self.draw)

    def ask(self) -> None:
        """Ask how the selected pane's method is to look for its directions."""
        scene = self._controller.scene
        chosen = scene.panes[scene.selected].controls
        method = self._controller.catalogue.methods.get(chosen.method)
        model = self._controller.model_card(scene.selected)
        if method is not None and model is not None:
            self._ask(method, model, chosen)
        elif chosen.path:
            self._controller.say("These controls come from a file, which has no settings; choose a method first.")
        elif model is None or not self._controller.catalogue.methods:
            self._controller.say("The model is not there yet; its methods have settings as soon as it is open.")
        else:
            title = self._controller.catalogue.method_title(chosen.method)
            self._controller.say(f"This program does not have the method '{title}'; choose another one first.")

    def draw(self) -> None:
        """Let the user draw a region on the selected pane, and find controls for it: with the pane's method where that
        takes a region, else with the one that is made for it."""
        controller = self._controller
        scene = controller.scene
        method = controller.catalogue.methods.get(scene.panes[scene.selected].controls.method)
        model = controller.model_card(scene.selected)
        if model is None:
            controller.say("There is no picture to draw on yet.")
        elif refusal := without_regions(model):
            controller.say(refusal, "refusal")
        elif region_setting(method) is None and self._for_regions(model) is None:
            takers = (one for one in controller.catalogue.methods.values() if region_setting(one) is not None)
            why = next(map(model.why_not, takers), "There is no method that takes a region.")
            controller.say(why, "refusal")
        else:
            self._begin(model, self._find_for_region, None)

    # --- inside ---

    def _for_regions(self, model: ModelCard) -> MethodCard | None:
        """The first method that takes a region among those that fit ``model``."""
        methods = self._controller.catalogue.methods
        return next((methods[name] for name in model.methods if region_setting(methods.get(name)) is not None), None)

    def _ask(self, method: MethodCard, model: ModelCard, chosen: ControlSetRef) -> None:
        from explorer.ui.controls.method_dialog import (
            MethodDialog,  # dialogs do not keep the start of the window waiting
        )

        dialog = MethodDialog(method, model, chosen, self._window)
        answer, wanted = dialog.exec(), dialog.controls()
        dialog.deleteLater()
        if answer == MethodDialog.DialogCode.Accepted:
            self._controller.set_method(self._controller.scene.selected, wanted)
        elif answer == MethodDialog.DRAW:  # what was typed so far comes back with the region, or without it
            self._begin(
                model,
                lambda text: self._ask(method, model, with_region(method, wanted, text)),
                lambda: self._ask(method, model, wanted),
            )

    def _begin(self, model: ModelCard, then: Callable[[str], None], otherwise: Callable[[], None] | None) -> None:
        self._pane = self._controller.scene.selected
        self._then, self._otherwise = then, otherwise
        self.tool.begin(QSize(model.size[1], model.size[0]))

    def _find_for_region(self, text: str) -> None:
        controller = self._controller
        chosen = controller.scene.panes[self._pane].controls
        method = controller.catalogue.methods.get(chosen.method)
        if method is None or region_setting(method) is None:
            model = controller.model_card(self._pane)
            method = self._for_regions(model) if model is not None else None
            if model is None or method is None:
                return
            chosen = default_controls(model, method.name)
        controller.set_method(self._pane, with_region(method, chosen, text))

    def _place(self) -> QRect | None:
        return next((cell.picture for pane, cell in self._canvas.cells() if pane == self._pane), None)

    def _on_drawn(self, text: str) -> None:
        self._canvas.setFocus()
        self._then(text)

    def _on_cancelled(self) -> None:
        self._canvas.setFocus()
        if self._otherwise is not None:
            self._otherwise()

    def _on_changed(self, old: Scene, new: Scene) -> None:
        """The pane that was drawn on is another one now: there is nothing to ask about it any more."""
        if not self.tool.isHidden() and (
            self._pane != new.selected or _drawn_for(old, self._pane) != _drawn_for(new, self._pane)
        ):
            self._otherwise = None
            self.tool.cancel()


def _drawn_for(scene: Scene, pane: int) -> tuple[ModelRef, ControlSetRef] | None:
    """The model and the controls of ``pane``, or None where there is no such pane."""
    return (scene.model_of(pane), scene.panes[pane].controls) if pane < len(scene.panes) else None
