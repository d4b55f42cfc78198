"""Which world a model was trained on, as the files beside it say."""

from __future__ import annotations

from pathlib import Path

from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard
from explorer.worlds.registry import all_worlds

SPECS = "specs.json"
DATA_SETS = {"dsprites": "sprites", "3dshapes": "shapes", "shapes3d": "shapes"}
"""What checkpoints of other people call the data set whose factors a world has → that world."""


def trained_on(model: ModelCard, advice: str) -> str:
    """The name of the world that the ``card.json`` or the ``specs.json`` in the folder of ``model`` gives.

    Raises :class:`ExplorerError` where neither names one; ``advice`` is what the sentence then asks the reader to do.
    """
    # Here, because it brings torch, and listing the worlds should not wait for that.
    from explorer.checkpoint import read_card, read_json

    folder = Path(model.path)
    recipe = read_card(folder).get("recipe")
    data = recipe.get("data") if isinstance(recipe, dict) else None
    if data is None and (folder / SPECS).is_file():
        data = read_json(folder / SPECS).get("dataset")
    known = all_worlds()
    named = DATA_SETS.get(str(data), str(data))
    if named not in known:
        what = f"was trained on '{data}', which is no world" if data else "does not say what it was trained on"
        raise ExplorerError(f"'{model.name}' {what}; {advice}: {', '.join(known)}.")
    return named
