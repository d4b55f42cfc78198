"""The dock of the trajectory; its panel is made when it is first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.state.controller import Controller

if TYPE_CHECKING:
    from explorer.ui.trajectory.panel import TrajectoryPanel

# fmt: off
ROWS = (
    ActionRow("trajectory", "Show trajectory", "View", shortcut="Shift+T",
        tool_tip="What a diffusion model predicts at each step of the selected picture, and in which steps a slider "
        "acts"),
    ActionRow("all_steps", "Act in all steps", "View", shortcut="Shift+A", needs_model=True, short="All steps",
        tool_tip="Let the slider that was moved last, or that the trajectory has chosen, act in all steps again"),
)
# fmt: on


class TrajectoryDock(LazyDock["TrajectoryPanel"]):
    """The panel, once it was seen, and the action that takes a window away."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(self._made, parent)
        self._controller, self._actions = controller, actions
        actions.bind("all_steps", self._act_everywhere)

    def _made(self) -> TrajectoryPanel:
        from explorer.ui.trajectory.panel import TrajectoryPanel

        QTimer.singleShot(0, self, self.wanted.emit)  # small pictures say little: the first time it gets room
        return TrajectoryPanel(self._controller, self._actions["all_steps"])

    def _act_everywhere(self) -> None:
        controller = self._controller
        pane = controller.scene.selected
        name = self.panel.chosen if self.is_made else controller.moved_last(pane)
        if name:
            controller.set_window(pane, name, None)
        else:
            controller.say("No slider of this pane is moved, so all of them act in all steps.")
