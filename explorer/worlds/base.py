"""A world: procedural pictures whose factors are known. The ground truth that everything is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Factor:
    """One ground-truth variable: its name, the values it takes (float, ascending), and whether the last is next to
    the first."""

    name: str
    values: tuple[float, ...]
    cyclic: bool = False


class World(Protocol):
    """Found by :mod:`explorer.worlds.registry` as the module-level ``WORLD`` of a file in this folder."""

    name: ClassVar[str]
    size: ClassVar[int]  # pictures are size x size
    channels: ClassVar[int]
    factors: ClassVar[tuple[Factor, ...]]

    def sample(self, n: int, seed: int) -> Array:
        """(n, number of factors) factor values, drawn independently and uniformly from the grid; repeatable for a
        seed."""

    def render(self, factors: Array) -> NDArray[np.uint8]:
        """(n, size, size, channels) pictures, 0..255, of (n, number of factors) values; values between the grid's
        are allowed."""


def as_rows(world: World, values: Mapping[str, float], base: Array) -> Array:
    """``base`` (n, factors) with the named factors set. Raises KeyError for a name the world does not have."""
    rows = base.copy()
    names = [factor.name for factor in world.factors]
    for name, value in values.items():
        if name not in names:
            raise KeyError(f"'{world.name}' has no factor '{name}'; it has {', '.join(names)}")
        rows[:, names.index(name)] = value
    return rows
