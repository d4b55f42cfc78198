"""Which world a model belongs to, and pictures of a world in the model's format."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer.errors import ExplorerError
from explorer.generators.base import Generator
from explorer.training.batch import as_images
from explorer.worlds import registry as worlds
from explorer.worlds.base import World
from explorer.worlds.trained_on import trained_on

BATCH = 128


def has_encoder(generator: Generator) -> bool:
    """Whether a picture has a code: one vector whose entries are the latents."""
    return generator.card.has_codes


def world_for(generator: Generator, name: str = "") -> World:
    """The world called ``name``, or where that is empty the one that the model was trained on, as its ``card.json`` or
    the ``specs.json`` of a checkpoint says.

    Raises :class:`ExplorerError` where neither names a world, and for a model that makes no pictures.
    """
    _check_kind(generator)
    return worlds.world(name or trained_on(generator.card, "name the world to measure on with --world"))


def _check_kind(generator: Generator) -> None:
    card = generator.card
    if not card.makes_pictures:
        raise ExplorerError(
            f"Measures compare with the pictures of a world, and '{card.name}' makes {card.output.description}; "
            "choose a model that makes pictures."
        )


def check_fits(generator: Generator, world: World) -> None:
    """Raise :class:`ExplorerError` unless the encoder of ``generator`` takes pictures of ``world``."""
    card = generator.card
    if card.size[0] != card.size[1] or card.size[0] not in world.sizes:
        sizes = ", ".join(f"{size} × {size}" for size in world.sizes)
        raise ExplorerError(
            f"'{card.name}' encodes pictures of {card.size[1]} × {card.size[0]} pixels and the world '{world.name}' "
            f"draws {sizes}; choose another world with --world."
        )
    if card.shape[0] == 1 and world.channels == 3:
        raise ExplorerError(
            f"'{card.name}' encodes grey pictures and the world '{world.name}' draws coloured ones, whose colours are "
            "factors; choose another world with --world."
        )


def pictures(world: World, factors: NDArray[np.float32], generator: Generator) -> Iterator[Tensor]:
    """Batches (B, C, H, W) in [-1, 1] of the rows ``factors``, as large and as coloured as the model's pictures."""
    for start in range(0, len(factors), BATCH):
        drawn = world.render(factors[start : start + BATCH], generator.card.size[0])
        if world.channels == 1 and generator.card.shape[0] == 3:
            drawn = np.repeat(drawn, 3, axis=-1)
        yield as_images(drawn)
