"""Asks the engine for the steps of the selected pane's picture, once that is drawn and no hand moves anything."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.scene.model import View
from explorer.scene.trajectory import Trajectory
from explorer.scene.views import pictured
from explorer.service.replies import TrajectoryDrawn
from explorer.service.requests import DrawTrajectory
from explorer.ui.state.controller import Controller
from explorer.ui.state.newest import UNNUMBERED, Newest

SIDE = 128
"""Pixels of the longer side of a small picture."""


class Trajectories(Newest[DrawTrajectory, TrajectoryDrawn]):
    """The strip is of the picture that stands in the selected pane, and is asked for after it: the hand's pictures come
    first."""

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(controller, TrajectoryDrawn, parent)
        self._controller = controller
        self._most = 1  # pictures that are asked for; 0: of all steps

    @property
    def trajectory(self) -> Trajectory | None:
        """The answer."""
        return self.answer.trajectory if self.answer is not None else None

    @property
    def is_current(self) -> bool:
        """Whether the answer is of what the selected pane shows now."""
        shown = self._shown()
        return shown is not None and self.answered is not None and self.answered.view == shown

    def look_at(self, most: int) -> None:
        """So many pictures can be seen; 0: of all steps. That there are more than that is no reason to ask anew."""
        fewer_than_there_are = self._most == 0 or 0 < most <= self._most
        if not fewer_than_there_are or not self.is_current:
            self._most = most

    def applies(self) -> bool:
        """Whether the selected pane's model makes pictures in steps: a strip stays while the next one of it is
        drawn."""
        card = self._controller.model_card() if self._controller.has_model else None
        of_another = self.answered is not None and self.answered.view.model != self._controller.scene.model_of()
        return card is not None and bool(card.full_steps) and not of_another

    def question(self) -> DrawTrajectory | None:
        shown = self._shown()
        return None if shown is None else DrawTrajectory(request_id=UNNUMBERED, view=shown, most=self._most, side=SIDE)

    def _shown(self) -> View | None:
        """Whose steps they are to be: the picture that is there, finished; None while one is under way."""
        controller = self._controller
        picture = controller.feed.picture(controller.scene.selected)
        if picture is None or picture.view is None or not picture.is_current or controller.drafts.drafting:
            return None
        return pictured(picture.view)
