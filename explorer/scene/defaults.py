"""What a pane shows before anybody chooses: as many controls as its method proposes and the model has room for."""

from __future__ import annotations

import math

from explorer.scene.cards import DIRECTIONS_SHOWN, ModelCard, SpaceCard
from explorer.scene.model import ControlSetRef

FIRST_MODEL = "faces-stylegan2"  # what a newcomer sees, where it is among the models


def room(space: SpaceCard) -> int:
    """How many independent controls ``space`` has room for; a space of layers takes one vector for all of them."""
    return space.shape[-1] if space.layers else math.prod(space.shape)


def default_controls(model: ModelCard, method: str) -> ControlSetRef:
    """The control set of ``method`` that a new pane of ``model`` begins with; its ``k`` never exceeds the space."""
    usual = min([DIRECTIONS_SHOWN, *map(room, model.spaces.values())])
    return ControlSetRef(method=method, k=model.first_counts.get(method, usual))
