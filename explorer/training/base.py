"""What a trainer is, and the recipe it follows."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
from torch import Tensor

from explorer.errors import ExplorerError, instead
from explorer.files import text_of
from explorer.reading import bounded, foreign
from explorer.scene.model import Scalar
from explorer.training.batch import Batch

Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1e30)]
"""Weights of losses, learning rates, deviations: what 32 bits hold, with room for what they are multiplied by."""
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

MOST_RECIPE_BYTES, LONGEST_LINE = 64 << 10, 1000
RECIPES = Path(__file__).resolve().parent / "recipes"


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training run, written down as TOML. The same recipe and seed give the same model on the same machine.

    ``data`` names a world, or a folder of images; ``size``: pixels a side (0: the world's own); ``uniform``: draw a
    world's factors independently from the grid instead of from its causal model; ``sequence``: so many pictures follow
    one another, in which one factor goes on from step to step (0: pictures of their own); ``steps`` optimiser steps of
    ``batch`` pictures; ``checkpoint_every`` in steps; ``settings`` are the trainer's own (learning rates, widths,
    weights of the losses).
    """

    name: str
    trainer: str
    data: Annotated[str, msgspec.Meta(min_length=1)]
    size: Whole = 0
    uniform: bool = False
    sequence: Whole = 0
    steps: Count
    batch: Annotated[int, msgspec.Meta(ge=2)]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    checkpoint_every: Count = 500
    licence: str = "Apache-2.0"
    settings: dict[str, Scalar | list[Scalar]] = {}

    def __post_init__(self) -> None:
        for name, value in self.settings.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, float) and not math.isfinite(one):
                    raise ValueError(f"{name} is {one}, and numbers are finite")


def read_recipe(name_or_path: str) -> Recipe:
    """A shipped recipe by name, or one from a ``.toml`` file. Raises :class:`ExplorerError` naming what is wrong."""
    try:
        shipped = RECIPES / f"{name_or_path}.toml"
        path = shipped if shipped.is_file() else Path(name_or_path)
        is_there = path.exists() and not path.is_dir()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise ExplorerError(f"The recipe '{name_or_path}' cannot be read: no file has such a name.") from error
    if not is_there:
        hint = instead(name_or_path, sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise ExplorerError(f"There is no recipe '{name_or_path}', and no such .toml file; {hint}")
    sentence = f"The recipe '{path}' cannot be read: it is no TOML, or far larger than any recipe; correct it."
    with foreign(path, "a recipe", ExplorerError, sentence):
        try:
            text = text_of(bounded(path, MOST_RECIPE_BYTES), path.name)
            if (
                max(map(len, text.splitlines()), default=0) > LONGEST_LINE
            ):  # dots in a key take the square of their count
                raise ValueError("a line that is longer than any of a recipe")
            return msgspec.convert(tomllib.loads(text), Recipe)
        except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ExplorerError(f"The recipe '{path}' cannot be read: {error}.") from error


def changed(recipe: Recipe, field: str, value: int | str) -> Recipe:
    """``recipe`` with one field replaced, checked like one from a file. Raises :class:`ExplorerError`."""
    try:
        return msgspec.convert({**msgspec.to_builtins(recipe), field: value}, Recipe)
    except msgspec.ValidationError as error:
        raise ExplorerError(f"The recipe's {field} cannot be {value!r}: {error}.") from error


class Trainer(Protocol):
    """One family's trainer: a file in this folder whose module-level ``TRAINER`` is a factory ``(recipe,
    source, device) -> Trainer``.

    Everything random inside a step must come from the seed and the step number, so that a resumed run repeats bit
    for bit.
    """

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One optimiser step on ``batch``, which is on the trainer's device; returns the losses by name."""

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs: tensors, numbers and plain containers only (read back with
        ``weights_only=True``)."""

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""

    def samples(self, count: int, seed: int) -> Tensor | None:
        """(count, C, H, W) pictures in [-1, 1] from the current (averaged) weights; None for networks that draw
        nothing."""

    def export(self, folder: Path) -> None:
        """Write the model's files into ``folder``, in the layout that the family's loader reads."""
