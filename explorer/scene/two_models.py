"""Panes with models of their own: what stays when a pane gets another model, and which sliders go together."""

from __future__ import annotations

from typing import Literal

import msgspec

from explorer.scene.cards import ModelCard
from explorer.scene.defaults import default_controls
from explorer.scene.editing import column_of, insert_pane, with_pane
from explorer.scene.model import Blend, ControlSetRef, ModelRef, Origin, Scene, Seed

replace = msgspec.structs.replace
Place = Literal["scene", "pane", "beside"]
"""Whose model it becomes: the whole scene's, the selected pane's, or that of a new pane beside it."""


def alike(first: ModelCard | None, second: ModelCard | None) -> bool:
    """Whether a point, or a direction, of one model is one of the other: checkpoints of a run are alike. Unknown models
    are not."""
    return first is not None and second is not None and (first.family, first.spaces) == (second.family, second.spaces)


def has_several(scene: Scene) -> bool:
    """Whether the panes of ``scene`` do not all show one model."""
    return len(models_of(scene)) > 1


def models_of(scene: Scene) -> set[str]:
    """The names or paths of the models that the panes of ``scene`` show."""
    return {scene.model_of(pane).path for pane in range(len(scene.panes))}


def with_pane_model(scene: Scene, model: ModelRef, card: ModelCard, neighbour: ModelCard | None, place: Place) -> Scene:
    """``scene`` with ``model``, whose card is ``card``, in the selected pane (in a table of panes: in its column), or
    in a new one beside it (``place``). ``neighbour``: the card of the selected pane's model of now.

    The seed and the spread are shared. Controls stay where the model has them, and moved as far as they are where both
    models are alike; numbers of the space of another model mean nothing, and neither do its classes.
    """
    index, source = scene.selected, scene.panes[scene.selected]
    same = alike(card, neighbour)
    controls = source.controls if same and _has(card, source.controls) else _controls(card, source.controls)
    stays = same and controls == source.controls
    pane = replace(
        source,
        model=None if model == scene.model else model,
        controls=controls,
        edits=source.edits if stays else (),
        name=source.name if stays and place == "pane" else "",
    )
    if not same and scene.condition_of(index).classes:
        pane = replace(pane, condition=replace(scene.condition_of(index), classes=()))
    if place == "beside":
        return insert_pane(scene, index + 1, replace(pane, origin=_start(scene, index, card, same)))
    column = column_of(scene, index)
    for each in column:
        scene = with_pane(scene, each, replace(pane, origin=_start(scene, each, card, same)))
    if stays:
        return scene
    tracks = tuple(track for track in scene.timeline.amounts if track.pane not in column)
    return replace(scene, timeline=replace(scene.timeline, amounts=tracks))


def _has(card: ModelCard, controls: ControlSetRef) -> bool:
    return bool(controls.path) or controls.method in card.methods


def _controls(card: ModelCard, wished: ControlSetRef) -> ControlSetRef:
    """What a pane of a model shows that is not like the one that ``wished`` was shown on."""
    return default_controls(card, wished.method if wished.method in card.methods else card.methods[0])


def _start(scene: Scene, pane: int, card: ModelCard, same: bool) -> Origin | None:
    """The origin of its own that ``pane`` has with another model: as before where that is of seeds, or where both
    models are alike."""
    origin = scene.origin_of(pane)
    points = origin.origins if isinstance(origin, Blend) else (origin,)
    if same or all(isinstance(point, Seed) for point in points):
        return scene.panes[pane].origin
    return Seed(card.example_seed)
