"""Checks of single pictures: asks the engine, and keeps the answers while nothing changes."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from explorer.scene.causes import BINDING
from explorer.scene.model import ModelRef
from explorer.scene.picture_check import CheckQuestion, PictureCheck
from explorer.service.replies import PictureChecked
from explorer.service.requests import CheckPicture
from explorer.ui.state.asked import Asking
from explorer.ui.state.catalogue import ModelKey, key_of
from explorer.ui.state.controller import Controller
from explorer.ui.state.kept_reports import KeptReports


class Checking(Asking[CheckQuestion, PictureCheck]):
    """At most one picture of a model is checked at a time: a newer question replaces it."""

    answer = PictureChecked

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        kept = KeptReports("pictures", CheckQuestion, PictureCheck)
        super().__init__(controller.jobs, controller.replies, kept, parent)
        self._controller = controller
        self._checks: dict[ModelKey, list[tuple[CheckQuestion, PictureCheck]]] = {}
        controller.catalogue.model_opened.connect(self.model_opened)
        model = controller.scene.model_of()
        if (card := controller.catalogue.model(model)) is not None:  # it was opened before
            self.model_opened(model, card)

    def question(self) -> CheckQuestion | None:
        """About the picture of the selected pane and what is set in it, whichever question it answers and whatever its
        noises are; None while its controls are not known."""
        scene, card = self._controller.scene, self._controller.controls_card()
        if card is None:
            return None
        pane = scene.panes[scene.selected]
        choosing = {one.name for one in card.controls if one.cases is not None}
        edits = tuple(edit for edit in pane.edits if edit.control not in choosing)
        return CheckQuestion(controls=pane.controls, start=scene.start_of(), edits=edits)

    def applies(self) -> bool:
        """Whether there is something to check: variables that are bound lie in no latent that the model reads."""
        scene, card = self._controller.scene, self._controller.controls_card()
        return (card.method if card is not None else scene.panes[scene.selected].controls.method) != BINDING

    def check(self, model: ModelRef, question: CheckQuestion | None) -> PictureCheck | None:
        """The answer to ``question``, where it is known."""
        known = self._checks.get(key_of(model), [])
        return next((report for asked, report in known if asked == question), None)

    def report(self, model: ModelRef) -> PictureCheck | None:
        """The newest one, of whichever picture."""
        known = self._checks.get(key_of(model), [])
        return known[-1][1] if known else None

    def ask(self, model: ModelRef, question: CheckQuestion) -> None:
        """Have the picture of ``question`` checked."""
        if (asked := self.under_way(model)) is not None:
            self._drop(asked)
        self._problems.pop(key_of(model), None)
        request = partial(CheckPicture, model=model, question=question)
        self._ask(self._jobs.start("Check a counterfactual", request), model, question)
        self.changed.emit()

    def _hold(self, model: ModelKey, options: CheckQuestion, report: PictureCheck) -> None:
        self._checks.setdefault(model, []).append((options, report))

    def _forget(self, model: ModelKey) -> None:
        self._checks.pop(model, None)

    def _fingerprint(self, report: PictureCheck) -> str:
        return report.fingerprint
