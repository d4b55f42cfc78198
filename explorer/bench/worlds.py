"""How many pictures a second the worlds draw, and the trainers train on. In this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from explorer.generators.devices import choose_device
from explorer.training.base import RECIPES, read_recipe
from explorer.training.batch import as_images
from explorer.training.data import source_of
from explorer.training.loop import batch_of, trainer_for
from explorer.worlds.registry import all_worlds

BATCH = 256
WARM_UP = 16  # batches: `shapes` keeps each of its 480 geometries once drawn
SECONDS = 3.0  # a world
TRAINING_SECONDS = 8.0  # a recipe
Row = dict[str, Any]


def worlds(say: Callable[[str], None] = lambda line: None, seconds: float = SECONDS) -> list[Row]:
    """One row a world and size: ``pictures_per_second`` of new factors, and ``ratio``: the time of drawing over that of
    turning the same pictures into a tensor, taken in turns."""
    rows = []
    for world in all_worlds().values():
        for size in world.sizes:
            say(f"world {world.name} at {size} pixels")
            world.render(world.sample(WARM_UP * BATCH, seed=0), size)  # fills its caches
            drawn = converted = 0.0
            pictures = 0
            while drawn < seconds:
                begun = time.perf_counter()
                batch = world.render(world.sample(BATCH, seed=1 + pictures), size)
                middle = time.perf_counter()
                as_images(batch)
                converted += time.perf_counter() - middle
                drawn += middle - begun
                pictures += BATCH
            rows.append(
                {
                    "name": world.name,
                    "size": size,
                    "pictures_per_second": round(pictures / drawn),
                    "ratio": round(drawn / converted, 1),
                }
            )
    return rows


def training(say: Callable[[str], None] = lambda line: None, seconds: float = TRAINING_SECONDS) -> list[Row]:
    """One row a shipped recipe, of the steps with which its run begins: ``pictures_per_second`` of the optimiser's
    steps, and ``ratio``: the time of drawing a batch over that of its step (drawing goes on beside the step before)."""
    device = choose_device()
    rows = []
    for name in sorted(path.stem for path in RECIPES.glob("*.toml")):
        say(f"recipe {name}")
        recipe = read_recipe(name)
        source = source_of(recipe)
        trainer = trainer_for(recipe, source, device)
        drawing = stepping = 0.0
        step = 0
        while stepping < seconds or step < 3:
            begun = time.perf_counter()
            batch = batch_of(source, recipe, step)
            middle = time.perf_counter()
            trainer.step(step, batch.to(device))  # gives its losses as numbers, so the device has finished
            if step:  # the first one allocates
                stepping += time.perf_counter() - middle
                drawing += middle - begun
            step += 1
        rows.append(
            {
                "name": name,
                "batch": recipe.batch,
                "pictures_per_second": round((step - 1) * recipe.batch / stepping, 1),
                "ratio": round(drawing / stepping, 3),
            }
        )
    return rows
