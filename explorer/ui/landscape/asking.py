"""Asks the engine for the landscape of the selected pane; the newest question counts, and one is under way at most."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.scene.landscape import Landscape, Plane
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Origin
from explorer.service.protocol import DrawLandscape, EngineLost, LandscapeDrawn, Refused
from explorer.ui.state.controller import Controller

Question = tuple[ModelRef, ControlSetRef, Origin, float, tuple[Edit, ...], str, Plane, float | None]
"""Model, control set, origin, truncation, edits of other controls, control, plane, time of the field."""


class Landscapes(QObject):
    """What a landscape depends on, but for the amount of its own slider, which only moves the point on its path."""

    changed = Signal()

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.control = ""  # whose landscape it is
        self.plane = Plane()
        self.time: float | None = None
        self.landscape: Landscape | None = None
        self.drawn_with: tuple[Edit, ...] = ()  # the other edits of the landscape
        self.problem = ""
        self._asked: Question | None = None  # answered, or under way
        self._number = -1  # of the question under way
        self._edits: tuple[Edit, ...] = ()  # of that question
        controller.replies.on(LandscapeDrawn, self._answered)
        controller.replies.on(Refused, self._answered)
        controller.replies.on(EngineLost, self._engine_lost)
        controller.engine_ready.connect(self.forget)
        controller.catalogue.controls_previewed.connect(self.forget)
        controller.catalogue.controls_found.connect(self.forget)

    def refresh(self) -> None:
        """Ask, if there is something to ask that is not asked or answered yet."""
        question = self._question()
        if question is None:
            if self.landscape is not None or self.problem:
                self.landscape, self.problem, self._asked = None, "", None
                self.changed.emit()
            return
        if question == self._asked or self._number >= 0:
            return
        self._asked = question
        self._number = self._controller.client.next_request_id()
        model, controls, origin, psi, edits, control, plane, time = question
        self._edits = edits
        self._controller.client.send(
            DrawLandscape(
                request_id=self._number,
                model=model,
                controls=controls,
                origin=origin,
                truncation_psi=psi,
                edits=edits,
                control=control,
                plane=plane,
                time=time,
            )
        )

    def forget(self, *_: object) -> None:
        """The controls may be others under the same name: ask anew."""
        self._asked = None
        self.refresh()

    def _question(self) -> Question | None:
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

    def _answered(self, reply: LandscapeDrawn | Refused) -> None:
        if reply.request_id != self._number:
            return
        self._number = -1
        if isinstance(reply, LandscapeDrawn):
            self.landscape, self.problem = reply.landscape, ""
            self.drawn_with = self._edits
        else:
            self.landscape, self.problem = None, reply.sentence
        self.changed.emit()
        self.refresh()

    def _engine_lost(self, lost: EngineLost) -> None:
        self._asked, self._number = None, -1
