"""Asks the engine what do() makes of the selected pane; the newest question counts, and one is under way at most."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.scene.causes import Outcome
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Origin
from explorer.service.protocol import EngineLost, FindOutcome, OutcomeFound, Refused
from explorer.ui.state.controller import Controller

METHOD = "causes"
Question = tuple[ModelRef, ControlSetRef, Origin, float, tuple[Edit, ...]]
"""Model, control set, origin, truncation, edits."""


class Outcomes(QObject):
    """``outcome`` of the picture that is shown, None where its sliders set no variables; ``problem``: why, where the
    engine said so."""

    changed = Signal()

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.outcome: Outcome | None = None
        self.problem = ""
        self._latest: Question | None = None  # answered, or under way
        self._number = -1  # of the question under way
        controller.replies.on(OutcomeFound, self._answered)
        controller.replies.on(Refused, self._answered)
        controller.replies.on(EngineLost, self._engine_lost)
        controller.engine_ready.connect(self.forget)
        controller.catalogue.controls_found.connect(self.forget)

    def refresh(self) -> None:
        """Ask, if there is something to ask that is not asked or answered yet."""
        if not self.is_about_causes():
            if self.outcome is not None or self.problem:
                self.outcome, self.problem, self._latest = None, "", None
                self.changed.emit()
            return
        question = self._question()
        if question is None or question == self._latest or self._number >= 0:
            return  # while mechanisms are fitted, what was known before stays
        self._latest = question
        self._number = self._controller.client.next_request_id()
        model, controls, origin, psi, edits = question
        self._controller.client.send(
            FindOutcome(
                request_id=self._number, model=model, controls=controls, origin=origin, truncation_psi=psi, edits=edits
            )
        )

    def forget(self, *_: object) -> None:
        """The controls may be others under the same name: ask anew."""
        self._latest = None
        self.refresh()

    def is_about_causes(self) -> bool:
        """Whether the sliders of the selected pane set variables."""
        scene = self._controller.scene
        return self._controller.has_model and scene.panes[scene.selected].controls.method == METHOD

    def _question(self) -> Question | None:
        controller = self._controller
        scene = controller.shown_scene
        if controller.controls_card() is None:
            return None
        pane = scene.panes[scene.selected]
        model, origin = scene.model_of(scene.selected), scene.origin_of(scene.selected)
        return model, pane.controls, origin, scene.truncation_psi, pane.edits

    def _answered(self, reply: OutcomeFound | Refused) -> None:
        if reply.request_id != self._number:
            return
        self._number = -1
        if isinstance(reply, OutcomeFound):
            self.outcome, self.problem = reply.outcome, ""
        else:
            self.outcome, self.problem = None, reply.sentence
        self.changed.emit()
        self.refresh()

    def _engine_lost(self, lost: EngineLost) -> None:
        self._latest, self._number = None, -1
