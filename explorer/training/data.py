"""Where training pictures come from: a world, or a folder of the user's images. One protocol for both."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from explorer.errors import ExplorerError
from explorer.files import expanded
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


class SequenceSource(WorldSource):
    """Sequences of ``length`` pictures of a world, in which one factor alone goes on from step to step: what actions on
    a picture are learned from. Numbers go through half of their range, from a start within the other half; cyclic ones
    go on by a level of their grid. Categories, examples of things that people made, and causes that no picture shows
    stay as they are. So do effects of what goes on: it is changed in the picture, not in the world's model."""

    def __init__(self, world: World, size: int | None, uniform: bool, length: int) -> None:
        """Raises :class:`ExplorerError` for a world in which nothing can go on."""
        super().__init__(world, size, uniform)
        self.length = length
        still = {world.example, *world.unseen}
        self.moving = tuple(
            world.column(one.name) for one in world.factors if one.kind == "number" and one.name not in still
        )
        """The columns of the factors that go on, one a class of sequences."""
        if not self.moving:
            raise ExplorerError(
                f"Nothing can go on in pictures of '{world.name}', which have no factor that is a number; set "
                "'sequence' to 0."
            )
        self.description += f", sequences of {length} in which one of {len(self.moving)} factors goes on"

    def factors(self, n: int, seed: int) -> Array:
        """(n, factors): ``n`` is a multiple of the length; the rows of a sequence follow one another."""
        count = n // self.length
        source = np.random.default_rng([seed, 0x5E9])
        rows = np.repeat(super().factors(count, seed)[:, None], self.length, 1)
        which = np.asarray(self.moving)[source.integers(len(self.moving), size=count)]
        first = source.integers(self.length, size=count)
        for row, (column, start) in enumerate(zip(which, first, strict=True)):
            factor = self._world.factors[column]
            if factor.cyclic:
                step = factor.period / len(factor.values)
                places = (rows[row, 0, column] - factor.low + step * np.arange(self.length)) % factor.period
            else:
                places = (factor.high - factor.low) / (2 * (self.length - 1)) * (start + np.arange(self.length))
            rows[row, :, column] = factor.low + places
        return rows.reshape(count * self.length, -1).astype(np.float32)

    def held_out(self, n: int, seed: int) -> Batch:
        """``n`` pictures of seeds of their own, each for itself."""
        rows = super().factors(n, EVALUATION_SEED + seed)
        return Batch(as_images(self._world.render(rows, self.size)), torch.from_numpy(rows))

    def held_out_sequences(self, n: int, seed: int) -> Batch:
        """``n`` pictures in sequences, of seeds that training does not use."""
        return self.draw(n, EVALUATION_SEED + seed)

    def classes(self, factors: torch.Tensor) -> torch.Tensor:
        """(sequences,) which of :attr:`moving` goes on in each sequence of the rows ``factors`` (n, factors)."""
        rows = factors.reshape(-1, self.length, factors.shape[-1])
        return (rows[:, 1] != rows[:, 0])[:, list(self.moving)].int().argmax(1)


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
        if recipe.sequence:
            return SequenceSource(world, recipe.size or None, recipe.uniform, _length(recipe))
        return WorldSource(world, recipe.size or None, recipe.uniform)
    if recipe.sequence:
        raise ExplorerError(f"Sequences are of a world, and '{recipe.data}' is none; set 'sequence' to 0.")
    folder = expanded(recipe.data)
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


def _length(recipe: Recipe) -> int:
    """Of a sequence. Raises :class:`ExplorerError` where nothing can go on in it, or batches do not hold whole ones."""
    if recipe.sequence < 2 or recipe.batch % recipe.sequence:
        raise ExplorerError(
            f"Batches of {recipe.batch} pictures do not hold whole sequences of {recipe.sequence}; choose a sequence "
            "of at least 2 pictures and a multiple of it."
        )
    return recipe.sequence
