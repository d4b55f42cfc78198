"""Asks the engine what do() makes of the selected pane."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.causes import Outcome
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Origin
from explorer.service.protocol import FindOutcome, OutcomeFound
from explorer.ui.state.controller import Controller
from explorer.ui.state.newest import Newest

METHOD = "causes"
Question = tuple[ModelRef, ControlSetRef, Origin, float, tuple[Edit, ...]]
"""Model, control set, origin, truncation, edits."""


class Outcomes(Newest[Question]):
    """``outcome`` of the picture that is shown, None where its sliders set no variables. While mechanisms are fitted to
    another graph, what was known before stays."""

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(controller, OutcomeFound, parent)
        self._controller = controller
        self.outcome: Outcome | None = None

    def applies(self) -> bool:
        """Whether the sliders of the selected pane set variables."""
        scene = self._controller.scene
        return self._controller.has_model and scene.panes[scene.selected].controls.method == METHOD

    def question(self) -> Question | None:
        controller = self._controller
        scene = controller.shown_scene
        if controller.controls_card() is None:
            return None
        pane = scene.panes[scene.selected]
        model, origin = scene.model_of(scene.selected), scene.origin_of(scene.selected)
        return model, pane.controls, origin, scene.truncation_psi, pane.edits

    def request(self, number: int, question: Question) -> FindOutcome:
        model, controls, origin, psi, edits = question
        return FindOutcome(
            request_id=number, model=model, controls=controls, origin=origin, truncation_psi=psi, edits=edits
        )

    def take(self, reply: OutcomeFound | None, question: Question | None) -> None:
        self.outcome = reply.outcome if reply is not None else None

    def has_answer(self) -> bool:
        return self.outcome is not None
