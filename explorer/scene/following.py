"""A control set that comes to be known late, while sliders are linked: its panes take over what they were led to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from explorer.scene.editing import amount_of, with_amount, with_pane
from explorer.scene.model import Scene

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

    def __init__(self, names: Sequence[str], panes_of: Callable[[Scene], Sequence[int]], names_of: NamesOf) -> None:
        """``names`` of the set's controls, in order; ``panes_of`` a scene that show the set."""
        self._names = names
        self._panes_of = panes_of
        self._names_of = names_of
        self._amounts: dict[str, float] = {}

    def follow(self, before: Scene, after: Scene, lead: int | None) -> None:
        """One step on. ``lead``: the pane of ``after`` that the others follow in it, or :data:`EVERY`; None: none."""
        own = self._panes_of(after)
        same_panes = len(before.panes) == len(after.panes)
        if not own or lead == EVERY:
            self._amounts.clear()
        elif lead is not None:
            is_new = not same_panes or not self._panes_of(before)
            for name, other in zip(self._names, self._names_of(after, lead), strict=False):
                amount = amount_of(after.panes[lead], other)
                if is_new or amount != amount_of(before.panes[lead], other):
                    if not self._amounts.get(name):
                        self._amounts.pop(name, None)  # what leaves 0 comes last, as under the hand
                    self._amounts[name] = amount
        elif same_panes:
            for index in own:
                for name in list(self._amounts):
                    if amount_of(before.panes[index], name) != amount_of(after.panes[index], name):
                        del self._amounts[name]

    def applied(self, scene: Scene) -> Scene:
        """``scene``, a state of now, with the panes of the set moved as far as they were led."""
        for index in self._panes_of(scene):
            pane = scene.panes[index]
            for name, amount in self._amounts.items():
                pane = with_amount(pane, name, amount)
            scene = with_pane(scene, index, pane)
        return scene
