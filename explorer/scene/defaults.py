"""What a pane shows before anybody chooses: as many controls as the model has room for and a hand can use."""

from __future__ import annotations

import math

from explorer.scene.cards import ModelCard
from explorer.scene.model import ControlSetRef

AXES_SHOWN = 64  # latent axes are looked up rather than ranked, so nearly all of them are listed
DIRECTIONS_SHOWN = 10


def default_controls(model: ModelCard, method: str) -> ControlSetRef:
    """The control set of ``method`` that a new pane of ``model`` begins with; its ``k`` never exceeds the space."""
    first = next(iter(model.spaces.values()))
    room = math.prod(model.spaces.get("w", first).shape if method != "latent_axes" else first.shape)
    return ControlSetRef(method=method, k=min(room, AXES_SHOWN if method == "latent_axes" else DIRECTIONS_SHOWN))
