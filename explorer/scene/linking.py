"""Which controls of different panes move together while sliders are linked."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from explorer.scene.cards import ControlSetCard
from explorer.scene.editing import edit_of, with_edit
from explorer.scene.model import Pane, Scene


def partners(scene: Scene, cards: Sequence[ControlSetCard | None], pane: int, name: str) -> dict[int, str]:
    """Pane → control that moves with ``name`` of ``pane``: the same name in the same set, else the same index; ``pane``
    alone while sliders are not linked. ``cards``: those of the panes' sets, None for one that is not known yet."""
    found = {pane: name}
    if not scene.linked:
        return found
    own = cards[pane]
    controls = own.controls if own else ()
    index = next((number for number, control in enumerate(controls) if control.name == name), None)
    here = (scene.model_of(pane), scene.panes[pane].controls)
    for other, theirs in enumerate(cards):
        if other == pane:
            continue
        if (scene.model_of(other), scene.panes[other].controls) == here:
            found[other] = name
        elif theirs and index is not None and index < len(theirs.controls):
            partner = theirs.controls[index]
            if partner.shows == controls[index].shows:  # a value of one thing is no amount of another
                found[other] = partner.name
    return found


def adopted(pane: Pane, card: ControlSetCard, neighbour: Pane, theirs: ControlSetCard) -> Pane:
    """``pane`` with its controls moved as far as those of ``neighbour``, in the order of both sets."""
    for own, other in zip(card.controls, theirs.controls, strict=False):
        if own.shows == other.shows:
            pane = with_edit(pane, replace(edit_of(neighbour, other.name), control=own.name))
    return pane
