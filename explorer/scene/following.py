"""A control set that comes to be known late, while sliders are linked: its panes take over what they were led to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from explorer.scene.cards import ControlCard
from explorer.scene.editing import edit_of, with_edit, with_pane
from explorer.scene.model import Edit, Scene

EVERY = -1
"""Leads a step that sets every slider of every pane, known or not: back to zero, to a bookmark, to another scene."""

ControlsOf = Callable[[Scene, int], Sequence[ControlCard]]
"""A pane's controls, in the order of its set; none while that is not known."""


class Follower:
    """Goes through the history of a scene, step by step, and says how far the panes of one set would have been moved by
    then, had the set been known from the beginning.

    Its controls move with those of the same index, that show the same (amounts or values), in the pane that leads a
    step, the one that the hand has moved. A change of its own that no pane has led is left as it is.
    """

    def __init__(
        self,
        controls: Sequence[ControlCard],
        panes_of: Callable[[Scene], Sequence[int]],
        controls_of: ControlsOf,
        edits: Mapping[int, Edit],
    ) -> None:
        """``controls`` of the set, in order (none while they are not known); ``panes_of`` a scene that show the set;
        ``edits`` that its controls were led to before the first step, by index, and without their names."""
        self._controls = controls
        self._panes_of = panes_of
        self._controls_of = controls_of
        self.edits = dict(edits)  # by now

    def follow(self, before: Scene, after: Scene, lead: int | None) -> None:
        """One step on. ``lead``: the pane of ``after`` that the others follow in it, or :data:`EVERY`; None: none."""
        own = self._panes_of(after)
        same_panes = len(before.panes) == len(after.panes)
        if not own or lead == EVERY:
            self.edits.clear()
        elif lead is not None:
            is_new = not same_panes or not self._panes_of(before)
            for index, other in enumerate(self._controls_of(after, lead)):
                edit = edit_of(after.panes[lead], other.name)
                follows = not self._controls or self._shows(index) == other.shows
                if follows and (is_new or edit != edit_of(before.panes[lead], other.name)):
                    self.edits[index] = replace(edit, control="")
        elif same_panes:
            for pane in own:
                for index, own_control in enumerate(self._controls):
                    name = own_control.name
                    if edit_of(before.panes[pane], name) != edit_of(after.panes[pane], name):
                        self.edits.pop(index, None)

    def applied(self, scene: Scene) -> Scene:
        """``scene``, a state of now, with the panes of the set moved as far as they were led."""
        for number in self._panes_of(scene):
            pane = scene.panes[number]
            for index, edit in self.edits.items():
                if self._shows(index) and (edit.is_nothing or edit.holds == self._shows(index)):
                    pane = with_edit(pane, replace(edit, control=self._controls[index].name))
            scene = with_pane(scene, number, pane)
        return scene

    def _shows(self, index: int) -> str:
        """What the set's control of that index shows; empty where it has none."""
        return self._controls[index].shows if index < len(self._controls) else ""
