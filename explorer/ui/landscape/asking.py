"""Asks the engine for the landscape of the selected pane."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.landscape import Landscape, Plane
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Origin
from explorer.service.replies import LandscapeDrawn
from explorer.service.requests import DrawLandscape
from explorer.ui.state.controller import Controller
from explorer.ui.state.newest import Newest

Question = tuple[ModelRef, ControlSetRef, Origin, float, tuple[Edit, ...], str, Plane, float | None]
"""Model, control set, origin, truncation, edits of other controls, control, plane, time of the field."""


class Landscapes(Newest[Question, LandscapeDrawn]):
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
        return self.answered[4] if self.answered is not None else ()

    def question(self) -> Question | None:
        controller = self._controller
        scene = controller.shown_scene
        card = controller.controls_card() if controller.has_model else None
        if card is None or all(one.name != self.control for one in card.controls):
            return None
        pane = scene.panes[scene.selected]
        edits = tuple(edit for edit in pane.edits if edit.control != self.control)
        return (
            scene.model_of(scene.selected),
            pane.controls,
            scene.origin_of(scene.selected),
            scene.truncation_psi,
            edits,
            self.control,
            self.plane,
            self.time,
        )

    def request(self, number: int, question: Question) -> DrawLandscape:
        model, controls, origin, psi, edits, control, plane, time = question
        return DrawLandscape(
            request_id=number,
            model=model,
            controls=controls,
            origin=origin,
            truncation_psi=psi,
            edits=edits,
            control=control,
            plane=plane,
            time=time,
        )
