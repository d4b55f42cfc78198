"""Where training pictures come from: a world, or a folder of the user's images. One protocol for both."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from explorer.errors import ExplorerError
from explorer.generators.base import Progress
from explorer.training.base import Recipe
from explorer.training.batch import Batch, Source, as_images
from explorer.training.folder import FolderSource
from explorer.worlds import registry as worlds
from explorer.worlds.base import Array, World

EVALUATION_SEED = 20_000_000
"""Where the seeds of a world's held-out pictures begin."""


class WorldSource:
    """Pictures of a world, drawn when asked for."""

    def __init__(self, world: World, size: int | None = None, uniform: bool = False) -> None:
        self.world: World | None = world
        self._world, self._uniform = world, uniform
        self.name, self.size, self.channels = world.name, size or world.size, world.channels
        self.count = math.prod(len(factor.values) for factor in world.factors)
        drawn = "uniformly from the grid" if uniform else "from its causal model"
        self.fingerprint = ""
        self.description = f"{world.name}, {self.size} pixels: {self.count} combinations on the grid, drawn {drawn}"

    def factors(self, n: int, seed: int) -> Array:
        """(n, factors) values alone: those of the ``n`` pictures that the same seed draws."""
        return self._world.independent(n, seed) if self._uniform else self._world.sample(n, seed)

    def draw(self, n: int, seed: int) -> Batch:
        """``n`` pictures with their factors."""
        rows = self.factors(n, seed)
        return Batch(as_images(self._world.render(rows, self.size)), torch.from_numpy(rows))

    @property
    def notes(self) -> tuple[str, ...]:
        """The pictures are what the world's file says, even beside a folder of the same name."""
        if not Path(self.name).is_dir():
            return ()
        return (
            f"'{self.name}' is the world of that name; of the folder '{self.name}' beside it write './{self.name}'.",
        )

    def held_out(self, n: int, seed: int) -> Batch:
        """``n`` pictures of seeds of their own."""
        return self.draw(n, EVALUATION_SEED + seed)


def source_of(recipe: Recipe, progress: Progress | None = None) -> Source:
    """The pictures that the recipe's ``data`` names: a world, or a folder of images.

    Raises :class:`ExplorerError` where there is neither, for a size that the world does not draw, and for a folder
    without enough images.
    """
    found = worlds.all_worlds()
    if recipe.data in found:
        world = found[recipe.data]
        if recipe.size and recipe.size not in world.sizes:
            sizes = " or ".join(map(str, world.sizes))
            raise ExplorerError(f"The world '{world.name}' draws {sizes} pixels, not {recipe.size}; change 'size'.")
        return WorldSource(world, recipe.size or None, recipe.uniform)
    folder = Path(recipe.data).expanduser()
    try:
        recipe.data.encode()  # it becomes part of files that hold text
        if folder.is_dir():
            return FolderSource(folder, recipe.size or None, progress)
    except OSError as error:
        raise ExplorerError(f"The folder '{recipe.data}' cannot be read ({error.strerror}).") from error
    except UnicodeEncodeError as error:
        raise ExplorerError("The folder of the pictures has a name that is no text; rename it.") from error
    raise ExplorerError(
        f"There is neither a world nor a folder '{recipe.data}'; give a folder of images, or one of the worlds "
        f"{', '.join(found)}."
    )
