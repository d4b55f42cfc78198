"""The middle of the window: the canvas, or what is said before there is a picture."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedWidget, QWidget

from explorer.scene.defaults import FIRST_MODEL
from explorer.scene.model import Scene
from explorer.service.replies import EngineLost
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.canvas.empty_state import EmptyState
from explorer.ui.state import known_models
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import Settings

OFFERED = 5  # models that were opened before, to be opened again by one click
LEAST_WIDTH = 270  # a picture


class Stage(QStackedWidget):
    """Follows the controller: which of the two is shown, and what the empty one says."""

    def __init__(
        self, controller: Controller, actions: ActionTable, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._settings = settings
        self._wants_shipped = False
        self._is_down = False  # the engine is not there, and none is coming
        self.setMinimumWidth(LEAST_WIDTH)
        self.canvas = Canvas(controller)
        self.empty = EmptyState(actions)
        self.addWidget(self.empty)
        self.addWidget(self.canvas)
        controller.changed.connect(self._on_changed)
        controller.engine_ready.connect(self._on_engine)
        controller.engine_starting.connect(self._on_engine)
        controller.engine_lost.connect(self._on_lost)
        controller.catalogue.models_changed.connect(self._on_models)
        controller.catalogue.model_refused.connect(self.refresh)
        controller.opening.changed.connect(self.refresh)
        controller.opening.progressed.connect(self.empty.show_share)
        self.refresh()

    def want_shipped(self, wanted: bool) -> None:
        """Whether the first shipped model opens by itself as soon as the engine has listed it."""
        self._wants_shipped = wanted
        self._on_models()

    def refresh(self, *_: object) -> None:
        """Show what there is, or what is waited for."""
        controller = self._controller
        if controller.has_model:
            self.setCurrentWidget(self.canvas)
            return
        self.setCurrentWidget(self.empty)
        awaited = self._wants_shipped and not controller.catalogue.is_listed
        if self._is_down:
            self.empty.wait("The engine is not running", "It runs the models; restart it to open one.")
            self.empty.hide_share()
        elif (awaited or controller.is_opening()) and controller.engine is None:
            self.empty.wait("Starting the engine…", "The part that runs the models takes a few seconds to load.")
            self.empty.hide_share()
        elif awaited or controller.is_opening():
            self.empty.wait("Loading the model…", "The first picture appears as soon as it is read.")
            self.empty.show_share(controller.opening.share)
        else:
            self.empty.offer(known_models.opened(controller.catalogue, self._settings)[:OFFERED])
            self.empty.invite()

    def _on_engine(self, *_: object) -> None:
        self._is_down = False
        self.refresh()

    def _on_lost(self, lost: EngineLost) -> None:
        self._is_down = not lost.restarting
        self.refresh()

    def _on_models(self) -> None:
        usable = [card for card in self._controller.catalogue.models if card.spaces]
        if self._wants_shipped and usable and not self._controller.has_model:
            self._wants_shipped = False
            names = [card.name for card in usable]
            self._controller.open_model(FIRST_MODEL if FIRST_MODEL in names else names[0])
        self.refresh()

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if (old.model.path == "") != (new.model.path == ""):
            self.refresh()
