"""Attribute readers measure properties of pictures: what supervised methods learn from and effects are read with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer.scene.cards import ModelCard

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Attribute:
    """One property of a picture. ``period``: after how much a cyclic one repeats, else 0. ``number``: any real number;
    ``share``: the probability that something is there, 0..1; ``category``: one of the numbers in ``levels``.
    """

    name: str
    kind: Literal["number", "share", "category"] = "number"
    period: float = 0.0
    levels: tuple[float, ...] = ()
    unit: str = ""


class AttributeReader(Protocol):
    """Reads all its attributes from a batch of pictures. One kind of reader is one file in this folder, found by its
    module-level ``SOURCE`` (:class:`Source`)."""

    name: str
    attributes: tuple[Attribute, ...]
    digest: str
    """SHA-256 of what it reads with: the same digest gives the same values."""

    def read(self, pictures: Tensor) -> Values:
        """(B, A) values of pictures (B, C, H, W) in [-1, 1]; NaN where a picture does not show an attribute.

        Raises :class:`explorer.errors.ExplorerError` for pictures of the wrong form.
        """


class Source(Protocol):
    """Makes readers of one kind from what the user wrote: a world's name, a path to a network or to labels."""

    name: ClassVar[str]

    def claims(self, text: str) -> bool:
        """Whether ``text`` names something of this kind; looks at names and suffixes only."""

    def open(self, text: str, model: ModelCard | None) -> AttributeReader:
        """The reader. ``model``: the generator whose pictures it will read, where that matters.

        Raises :class:`explorer.errors.ExplorerError` with one sentence.
        """
