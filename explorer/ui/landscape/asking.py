"""Asks the engine for the landscape of the selected pane."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.landscape import Landscape, Plane
from explorer.scene.model import Edit
from explorer.service.replies import LandscapeDrawn
from explorer.service.requests import DrawLandscape
from explorer.ui.state.controller import Controller
from explorer.ui.state.newest import UNNUMBERED, Newest


class Landscapes(Newest[DrawLandscape, LandscapeDrawn]):
    """What a landscape depends on, but for the amount of its own slider, which only moves the point on its path."""

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(controller, LandscapeDrawn, parent)
        self._controller = controller
        self.control = ""  # whose landscape it is
        self.plane = Plane()
        self.time: float | None = None

    @property
    def landscape(self) -> Landscape | None:
        """The answer."""
        return self.answer.landscape if self.answer is not None else None

    @property
    def drawn_with(self) -> tuple[Edit, ...]:
        """The other edits of the landscape."""
        return self.answered.edits if self.answered is not None else ()

    def question(self) -> DrawLandscape | None:
        controller = self._controller
        scene = controller.shown_scene
        card = controller.controls_card() if controller.has_model else None
        if card is None or all(one.name != self.control for one in card.controls):
            return None
        pane = scene.panes[scene.selected]
        edits = tuple(edit for edit in pane.edits if edit.control != self.control)
        return DrawLandscape(
            request_id=UNNUMBERED,
            model=scene.model_of(scene.selected),
            controls=pane.controls,
            start=scene.start_of(),
            edits=edits,
            control=self.control,
            plane=self.plane,
            time=self.time,
        )
