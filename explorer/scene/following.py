"""A control set that comes to be known late, while sliders are linked: its panes take over what they were led to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from explorer.scene.editing import edit_of, with_edit, with_pane
from explorer.scene.model import Edit, Scene

EVERY = -1
"""Leads a step that sets every slider of every pane, known or not: back to zero, to a bookmark, to another scene."""

NamesOf = Callable[[Scene, int], Sequence[str]]
"""The names of a pane's controls, in the order of its set; none while that is not known."""


class Follower:
    """Goes through the history of a scene, step by step, and says how far the panes of one set would have been moved by
    then, had the set been known from the beginning.

    Its controls move with those of the same index in the pane that leads a step, the one that the hand has moved. A
    change of its own that no pane has led is left as it is.
    """

    def __init__(
        self,
        names: Sequence[str],
        panes_of: Callable[[Scene], Sequence[int]],
        names_of: NamesOf,
        edits: Mapping[int, Edit],
    ) -> None:
        """``names`` of the set's controls, in order (none while they are not known); ``panes_of`` a scene that show the
        set; ``edits`` that its controls were led to before the first step, by index, and without their names."""
        self._names = names
        self._panes_of = panes_of
        self._names_of = names_of
        self.edits = dict(edits)  # by now

    def follow(self, before: Scene, after: Scene, lead: int | None) -> None:
        """One step on. ``lead``: the pane of ``after`` that the others follow in it, or :data:`EVERY`; None: none."""
        own = self._panes_of(after)
        same_panes = len(before.panes) == len(after.panes)
        if not own or lead == EVERY:
            self.edits.clear()
        elif lead is not None:
            is_new = not same_panes or not self._panes_of(before)
            for index, other in enumerate(self._names_of(after, lead)):
                edit = edit_of(after.panes[lead], other)
                if is_new or edit != edit_of(before.panes[lead], other):
                    self.edits[index] = replace(edit, control="")
        elif same_panes:
            for pane in own:
                for index, name in enumerate(self._names):
                    if edit_of(before.panes[pane], name) != edit_of(after.panes[pane], name):
                        self.edits.pop(index, None)

    def applied(self, scene: Scene) -> Scene:
        """``scene``, a state of now, with the panes of the set moved as far as they were led."""
        for number in self._panes_of(scene):
            pane = scene.panes[number]
            for index, edit in self.edits.items():
                if index < len(self._names):
                    pane = with_edit(pane, replace(edit, control=self._names[index]))
            scene = with_pane(scene, number, pane)
        return scene
