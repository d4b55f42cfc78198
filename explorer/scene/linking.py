"""Which controls of different panes move together while sliders are linked."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from explorer.scene.cards import ControlCard, ControlSetCard, ModelCard
from explorer.scene.editing import edit_of, with_edit
from explorer.scene.model import Pane, Scene
from explorer.scene.two_models import alike

LinkKey = int | str
"""An index, or a name."""


def partners(
    scene: Scene,
    cards: Sequence[ControlSetCard | None],
    pane: int,
    name: str,
    models: Sequence[ModelCard | None] = (),
) -> dict[int, str]:
    """Pane → control that moves with ``name`` of ``pane``: the same name in the same set, else what has the same
    :func:`keys_of`; ``pane`` alone while sliders are not linked. ``cards``: those of the panes' sets, None for one that
    is not known yet; ``models``: those of their models, without which all are taken for one. How far one goes is the
    same in models that are alike (:func:`explorer.scene.two_models.alike`); a value is of something in every model.
    """
    found = {pane: name}
    if not scene.linked:
        return found
    own = cards[pane]
    key = next((key for key, control in keys_of(own.controls).items() if control.name == name), None) if own else None
    here = (scene.model_of(pane), scene.panes[pane].controls)
    for other, theirs in enumerate(cards):
        if other == pane:
            continue
        if (scene.model_of(other), scene.panes[other].controls) == here:
            found[other] = name
        elif theirs and key is not None:
            partner = keys_of(theirs.controls).get(key)
            goes_along = isinstance(key, str) or _is_comparable(scene, models, pane, other)
            if partner is not None and goes_along:
                found[other] = partner.name
    return found


def _is_comparable(scene: Scene, models: Sequence[ModelCard | None], pane: int, other: int) -> bool:
    """Whether amounts of both panes' models may go together."""
    return not models or scene.model_of(pane) == scene.model_of(other) or alike(models[pane], models[other])


def keys_of(controls: Sequence[ControlCard]) -> dict[LinkKey, ControlCard]:
    """What the controls of different sets are linked by → the controls. Amounts are how far one goes, and go together
    by their index; a value, or a case, is of something, such as a variable, and goes with that of the same, whichever
    graph it is in."""
    return {_key(control, index): control for index, control in enumerate(controls)}


def _key(control: ControlCard, index: int) -> LinkKey:
    return control.name if is_linked_by_name(control) else index


def is_linked_by_name(control: ControlCard) -> bool:
    """Whether ``control`` goes with what is called the same, and not with what has the same index."""
    return control.shows == "value" or bool(control.cases)


def adopted(pane: Pane, card: ControlSetCard, neighbour: Pane, theirs: ControlSetCard) -> Pane:
    """``pane`` with its controls moved as far as those of ``neighbour``, in the order of both sets."""
    others = keys_of(theirs.controls)
    for key, own in keys_of(card.controls).items():
        if key in others:
            pane = with_edit(pane, replace(edit_of(neighbour, others[key].name), control=own.name))
    return pane
