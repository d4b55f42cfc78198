"""What this program itself writes and what is no model."""

from __future__ import annotations

from typing import ClassVar

from explorer.causal.model_file import METADATA_KEY as CAUSES_KEY
from explorer.controls.control_set import METADATA_KEY as CONTROLS_KEY
from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse
from explorer.worlds.attributes import predicted_world

WEIGHTS, DESCRIPTION = "model.safetensors", "config.json"
"""Of a model in a folder of our own."""


class OwnFiles:
    """Scenes, control sets, causal models, attribute predictors, folders of trainings."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        if world := predicted_world(look.path):
            return f"is no generator but an attribute predictor: it reads the factors of the world '{world}'."
        if {"recipe.json", "checkpoint.pt"} <= look.entries:
            if "model/" in look.entries:
                return "is the folder of a training; open the folder 'model' in it."
            return "is the folder of a training that has not ended; 'latent-explorer train' goes on with it."
        if {"panes", "version"} <= set(look.json):
            return "is a scene of this program; open it with File > Open scene."
        if look.path.name == WEIGHTS and look.shapes and not (look.path.parent / DESCRIPTION).exists():
            return (
                f"holds weights, but '{DESCRIPTION}', which says of which network, is missing beside it; copy it too."
            )
        if CONTROLS_KEY in look.metadata:
            return "is a control set of this program; open the model that it was made for, and then the set."
        if CAUSES_KEY in look.metadata:
            return (
                "is a causal model without pictures; it belongs into the folder of the model that draws its variables."
            )
        return ""

    def use(self, look: Look) -> FileUse | None:
        path = str(look.path)
        if predicted_world(look.path):
            return FileUse(kind="attributes", path=path)
        if {"recipe.json", "checkpoint.pt", "model/"} <= look.entries:
            return FileUse(kind="model", path=str(look.path / "model"))
        if {"panes", "version"} <= set(look.json):
            return FileUse(kind="scene", path=path)
        return FileUse(kind="controls", path=path) if CONTROLS_KEY in look.metadata else None


KIND = OwnFiles()
