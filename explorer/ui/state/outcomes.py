"""Asks the engine what do() makes of the selected pane."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject

from explorer.scene.causes import METHODS, Outcome, VariableOutcome
from explorer.service.replies import OutcomeFound
from explorer.service.requests import FindOutcome
from explorer.ui.state.holder import SceneHolder
from explorer.ui.state.newest import UNNUMBERED, Newest


class Outcomes(Newest[FindOutcome, OutcomeFound]):
    """``outcome`` of the picture that is shown, None where its sliders set no variables. While mechanisms are fitted to
    another graph, what was known before stays. Asked where somebody looks: :meth:`refresh`."""

    def __init__(self, controller: SceneHolder, parent: QObject | None = None) -> None:
        super().__init__(controller, OutcomeFound, parent)
        self._controller = controller
        self.detailed = False
        """Whether somebody looks at what doing and seeing say as numbers, which takes longer than a picture."""
        controller.drafts.settled.connect(self._settle)

    @property
    def outcome(self) -> Outcome | None:
        """The answer."""
        return self.answer.outcome if self.answer is not None else None

    def applies(self) -> bool:
        """Whether the sliders of the selected pane set variables: those of the method, or of a file that has them."""
        scene, card = self._controller.scene, self._controller.controls_card()
        method = scene.panes[scene.selected].controls.method or (card.method if card is not None else "")
        return self._controller.has_model and method in METHODS

    def question(self) -> FindOutcome | None:
        controller = self._controller
        scene = controller.shown_scene
        if controller.controls_card() is None:
            return None
        pane = scene.panes[scene.selected]
        return FindOutcome(
            request_id=UNNUMBERED,
            model=scene.model_of(scene.selected),
            controls=pane.controls,
            start=scene.start_of(),
            edits=pane.edits,
            spreads=self.detailed and not controller.drafts.drafting,
        )

    def refresh(self) -> None:
        scene = self._controller.shown_scene
        if self.answered is not None and self.answered.model != scene.model_of(scene.selected):
            self.clear()
        super().refresh()

    def _settle(self) -> None:
        if self.detailed:
            self.refresh()

    def forget(self, *_: object) -> None:
        if self._sent is not None:  # else nobody has looked yet
            super().forget()

    def now(self) -> dict[str, float]:
        """Variable → where the shown picture stands along it; of what is open, the middle that is drawn. While other
        edits of the same start are asked about, where it stood; empty where nothing is set or nothing is known."""
        return {one.name: one.value for one in self._known()}

    def intervals(self) -> dict[str, tuple[float, float]]:
        """Variable → between which values it lies, of those that the shown picture leaves open; as :meth:`now`."""
        return {one.name: (one.low, one.high) for one in self._known() if one.is_open}

    def _known(self) -> tuple[VariableOutcome, ...]:
        question = self.question() if self.applies() else None
        if question is None or not question.edits or self.outcome is None or self.answered is None:
            return ()
        same_start = _without_edits(self.answered) == _without_edits(question)
        return self.outcome.variables if same_start else ()


def _without_edits(question: FindOutcome) -> FindOutcome:
    """What model, set and start it is about."""
    return msgspec.structs.replace(question, edits=(), spreads=False)
