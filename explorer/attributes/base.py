"""Attribute readers measure properties of pictures: what supervised methods learn from and effects are read with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer.generators.base import Generator
from explorer.scene.cards import ModelCard

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Attribute:
    """One property of a picture. ``period``: after how much a cyclic one repeats, else 0. ``number``: any real number;
    ``share``: the probability that something is there, 0..1; ``category``: one of the numbers in ``levels``, which
    ``labels`` name (empty: they have no names).
    """

    name: str
    kind: Literal["number", "share", "category"] = "number"
    period: float = 0.0
    levels: tuple[float, ...] = ()
    unit: str = ""
    labels: tuple[str, ...] = ()


class AttributeReader(Protocol):
    """Reads all its attributes from a batch of pictures."""

    @property
    def name(self) -> str:
        """What it is called where several stand side by side: a world's name, a file's."""

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """What it reads, in the order of the columns; their names differ."""

    @property
    def digest(self) -> str:
        """SHA-256 of what it reads with: the same digest gives the same values."""

    def read(self, pictures: Tensor) -> Values:
        """(B, A) values of pictures (B, C, H, W) in [-1, 1]; NaN where a picture does not show an attribute.

        Raises :class:`explorer.errors.ExplorerError` for pictures of the wrong form.
        """


class Source(Protocol):
    """Makes readers of one kind from what the user wrote: a world's name, a path to a network or to labels. One source
    is one file in this folder, found by its module-level ``SOURCE``."""

    name: ClassVar[str]
    noun: ClassVar[str]
    """What one of them is called in a sentence."""

    title: ClassVar[str]
    """What the user writes for one, as the end of "… is neither a world's name nor"."""

    def claims(self, text: str) -> bool:
        """Whether ``text`` names something of this kind; looks at names and suffixes only."""

    def files(self, text: str) -> tuple[Path, ...]:
        """The files and folders of the user's that decide what the reader ``text`` gives, always as many: those that
        are left out need not exist."""

    def open(self, text: str, model: ModelCard | None, generator: Generator | None = None) -> AttributeReader:
        """The reader. ``model``: the generator whose pictures it will read, where that matters; ``generator``: that
        generator itself, for a reader that has to draw pictures first (labels), and for its device.

        Raises :class:`explorer.errors.ExplorerError` with one sentence.
        """
