"""What a pane shows before anybody chooses: as many controls as the model has room for and a hand can use."""

from __future__ import annotations

import math

from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import ControlSetRef

FIRST_MODEL = "faces-stylegan2"  # what a newcomer sees, where it is among the models
AXES_SHOWN = 64  # latent axes are looked up rather than ranked, so nearly all of them are listed
DIRECTIONS_SHOWN = 10


def room(space: SpaceCard) -> int:
    """How many independent controls ``space`` has room for; a space of layers takes one vector for all of them."""
    return space.shape[-1] if space.layers else math.prod(space.shape)


def default_controls(model: ModelCard, method: str) -> ControlSetRef:
    """The control set of ``method`` that a new pane of ``model`` begins with; its ``k`` never exceeds the space."""
    if method == "latent_axes":
        return ControlSetRef(method=method, k=min(AXES_SHOWN, room(next(iter(model.spaces.values())))))
    return ControlSetRef(method=method, k=min([DIRECTIONS_SHOWN, *map(room, model.spaces.values())]))
