"""A control set that comes to be known late, while sliders are linked: its panes take over what they were led to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from explorer.scene.cards import ControlCard
from explorer.scene.editing import edit_of, with_edit, with_pane
from explorer.scene.linking import LinkKey, keys_of
from explorer.scene.model import Edit, Scene

EVERY = -1
"""Leads a step that sets every slider of every pane, known or not: back to zero, to a bookmark, to another scene."""

ControlsOf = Callable[[Scene, int], Sequence[ControlCard]]
"""A pane's controls, in the order of its set; none while that is not known."""


class Follower:
    """Goes through the history of a scene, step by step, and says how far the panes of one set would have been moved by
    then, had the set been known from the beginning.

    Its controls move with those that are linked to them (:func:`explorer.scene.linking.keys_of`) in the pane that leads
    a step, the one that the hand has moved. A change of its own that no pane has led is left as it is.
    """

    def __init__(
        self,
        controls: Sequence[ControlCard],
        panes_of: Callable[[Scene], Sequence[int]],
        controls_of: ControlsOf,
        edits: Mapping[LinkKey, Edit],
    ) -> None:
        """``controls`` of the set, in order (none while they are not known); ``panes_of`` a scene that show the set;
        ``edits`` that its controls were led to before the first step, by what links them, and without their names."""
        self._controls = keys_of(controls)
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
            for key, other in keys_of(self._controls_of(after, lead)).items():
                edit = edit_of(after.panes[lead], other.name)
                follows = not self._controls or key in self._controls
                if follows and (is_new or edit != edit_of(before.panes[lead], other.name)):
                    self.edits[key] = replace(edit, control="")
        elif same_panes:
            for pane in own:
                for key, control in self._controls.items():
                    name = control.name
                    if edit_of(before.panes[pane], name) != edit_of(after.panes[pane], name):
                        self.edits.pop(key, None)

    def applied(self, scene: Scene) -> Scene:
        """``scene``, a state of now, with the panes of the set moved as far as they were led."""
        for number in self._panes_of(scene):
            pane = scene.panes[number]
            for key, edit in self.edits.items():
                control = self._controls.get(key)
                if control is not None and (edit.is_nothing or edit.holds == control.shows):
                    pane = with_edit(pane, replace(edit, control=control.name))
            scene = with_pane(scene, number, pane)
        return scene
