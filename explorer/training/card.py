"""The ``card.json`` that every trainer writes beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from explorer.files import atomic_write
from explorer.training.base import RECIPES, Recipe, read_recipe
from explorer.training.batch import Source


def write_card(
    folder: Path, recipe: Recipe, source: Source, notes: str, figures: Mapping[str, object], **more: object
) -> None:
    """Write into ``folder`` what the model is: licence, origin, ``notes``, recipe, data and measured ``figures``, and
    ``more`` entries of its family."""
    card = {
        "licence": recipe.licence,
        "origin": origin_of(recipe),
        "notes": notes,
        "recipe": json.loads(msgspec.json.encode(recipe)),
        "data": source.description,
        "figures": figures,
        **more,
    }
    atomic_write(folder / "card.json", (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())


def origin_of(recipe: Recipe) -> str:
    """The command that trains the model again; of a recipe that does not ship, or was changed, where it stands."""
    shipped = (RECIPES / f"{recipe.name}.toml").is_file() and read_recipe(recipe.name) == recipe
    return f"latent-explorer train {recipe.name}" if shipped else "trained by the recipe in this card"
