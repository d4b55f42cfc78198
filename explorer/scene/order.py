"""The order in which edits are applied: that of the control set. What is to be said of scenes that were drawn in
another, by a version that followed the hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from explorer.scene.cards import ControlSetCard

OTHER_ORDER = (
    "This scene was saved by an older version, which moved sliders in the order in which they had been touched. They "
    "are moved in the order of their list now, so this picture differs from the one that was saved."
)


def order_mattered(touched: Sequence[str], controls: ControlSetCard) -> bool:
    """Whether moving the controls ``touched`` of ``controls`` in that order led elsewhere than in the order of the set:
    some two of one space were exchanged that do not commute."""
    place = {control.name: index for index, control in enumerate(controls.controls)}
    known = [controls.controls[place[name]] for name in touched if name in place]
    return any(
        first.space == second.space
        and place[first.name] > place[second.name]
        and not (first.laws.commutes and second.laws.commutes)
        for first, second in combinations(known, 2)
    )
