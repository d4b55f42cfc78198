"""Panes whose control set is still looked for while the sliders beside them are moved: they take over the amounts when
it is there, as part of the steps that moved them, so that undo takes both back. And panes whose moves came along from
another model: those that the set has no control for go when that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject

from explorer.scene.cards import ControlCard, ControlSetCard
from explorer.scene.editing import without_moves
from explorer.scene.following import Follower
from explorer.scene.linking import LinkKey, is_linked_by_name
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Scene
from explorer.scene.two_models import alike
from explorer.ui.state.catalogue import Catalogue, Place, key_of
from explorer.ui.state.undo import UndoStack

Led = tuple[tuple[int, tuple[tuple[LinkKey, Edit], ...]], ...]
"""Pane that shows a set → (what links a control, nameless edit) of what it was led to."""


class LateSets(QObject):
    """The sets that panes have been led in without being known."""

    def __init__(self, catalogue: Catalogue, history: UndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._catalogue = catalogue
        self._history = history
        self._awaited: dict[Place, Mapping[LinkKey, Edit]] = {}  # and what its controls were led to before the history
        self._brought: set[Place] = set()  # to which moves came along from another model

    def note(self, scene: Scene) -> None:
        """Linked sliders of ``scene`` were moved: panes whose set is not known follow later."""
        if scene.linked:
            places = [(scene.model_of(index), pane.controls) for index, pane in enumerate(scene.panes)]
            for model, controls in places:
                if self._catalogue.controls(model, controls) is None:
                    self._awaited.setdefault((key_of(model), controls), {})

    def brought(self, scene: Scene) -> Scene:
        """``scene``, whose selected pane has another model than before: of the moves that came along those that its set
        has a control for; as long as that is not known, all."""
        index = scene.selected
        model, controls = scene.model_of(index), scene.panes[index].controls
        card = self._catalogue.controls(model, controls)
        if card is None:
            self._brought.add((key_of(model), controls))
            return scene
        return _without_strangers(scene, (key_of(model), controls), card)

    def expect(self, scene: Scene, led: Led) -> None:
        """``scene`` comes from an earlier session, in which sets were ``led`` that are still looked for."""
        for pane, edits in led:
            if pane < len(scene.panes):
                self._awaited[key_of(scene.model_of(pane)), scene.panes[pane].controls] = dict(edits)

    def led(self, scene: Scene) -> Led:
        """Of the sets that ``scene``, the state of now, still waits for: how far they have been led."""
        found = []
        for place, earlier in self._awaited.items():
            if panes := _showing(scene, place):
                follower = self._follower(place, (), earlier)
                for step in self._history.steps()[: self._history.index()]:
                    follower.follow(step.before, step.after, step.lead)
                found.append((panes[0], tuple(follower.edits.items())))
        return tuple(found)

    def caught_up(self, model: ModelRef, controls: ControlSetRef, scene: Scene) -> Scene:
        """``controls`` on ``model`` have come to be known: the history with what their panes missed, and ``scene``, the
        state of now, as it is returned."""
        card = self._catalogue.controls(model, controls)
        place = key_of(model), controls
        if card is not None and place in self._brought:
            self._brought.discard(place)
            self._history.revise(
                [
                    replace(
                        step,
                        before=_without_strangers(step.before, place, card),
                        after=_without_strangers(step.after, place, card),
                    )
                    for step in self._history.steps()
                ]
            )
            scene = _without_strangers(scene, place, card)
        if card is None or place not in self._awaited:
            return scene
        follower = self._follower(place, card.controls, self._awaited.pop(place))
        revised, now = [], scene
        for number, step in enumerate(self._history.steps()):
            if number == self._history.index():
                now = follower.applied(scene)
            before = follower.applied(step.before)
            follower.follow(step.before, step.after, step.lead)
            revised.append(replace(step, before=before, after=follower.applied(step.after)))
        if self._history.index() == len(revised):
            now = follower.applied(scene)
        self._history.revise(revised)
        return now

    def _follower(self, place: Place, controls: Sequence[ControlCard], earlier: Mapping[LinkKey, Edit]) -> Follower:
        def leading(scene: Scene, pane: int) -> Sequence[ControlCard]:
            return self._controls_of(scene, pane, place)

        return Follower(controls, lambda one: _showing(one, place), leading, earlier)

    def _controls_of(self, scene: Scene, pane: int, place: Place) -> Sequence[ControlCard]:
        """The controls of ``pane`` with which those of the set at ``place`` go."""
        model = scene.model_of(pane)
        card = self._catalogue.controls(model, scene.panes[pane].controls)
        if card is None:
            return ()
        path, family = place[0]
        other = ModelRef(path=path, family=family)
        if key_of(model) == place[0] or alike(self._catalogue.model(model), self._catalogue.model(other)):
            return card.controls
        return [control for control in card.controls if is_linked_by_name(control)]


def _showing(scene: Scene, place: Place) -> list[int]:
    return [index for index, pane in enumerate(scene.panes) if (key_of(scene.model_of(index)), pane.controls) == place]


def _without_strangers(scene: Scene, place: Place, card: ControlSetCard) -> Scene:
    """``scene`` where the panes that show the set at ``place`` move nothing that ``card``, the set's, does not list."""
    names = {control.name for control in card.controls}
    for index in _showing(scene, place):
        moved = {edit.control for edit in scene.panes[index].edits}
        moved |= {track.control for track in scene.timeline.amounts if track.pane == index}
        scene = without_moves(scene, index, moved - names)
    return scene
