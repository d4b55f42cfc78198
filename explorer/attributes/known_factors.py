"""The five factors of a generator with known factors, read from its pictures in closed form: ``known_factors``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from explorer.attributes.base import Attribute, Values
from explorer.attributes.pictures import checked
from explorer.errors import ExplorerError
from explorer.generators.base import Generator
from explorer.generators.known_factors_drawing import FACTORS, measure
from explorer.scene.cards import ModelCard

VERSION = "1"  # of the formulas


@dataclass(frozen=True)
class KnownFactorsReader:
    """No network: centroid, area, mean colour and mean grey of what is drawn."""

    name: str = "known_factors"
    attributes: tuple[Attribute, ...] = tuple(
        Attribute(name, period=1.0 if name == "hue" else 0.0, unit="turns" if name == "hue" else "") for name in FACTORS
    )
    digest: str = hashlib.sha256(f"known_factors {VERSION}".encode()).hexdigest()

    def read(self, pictures: Tensor) -> Values:
        """(B, 5); see :meth:`explorer.attributes.base.AttributeReader.read`."""
        pictures = checked(pictures)
        if pictures.shape[1] != 3:
            raise ExplorerError(f"'{self.name}' reads coloured pictures, and these are grey; choose other attributes.")
        return np.asarray(measure(pictures).cpu().numpy(), np.float64)


class KnownFactorsSource:
    """Claims its own name."""

    name: ClassVar[str] = "known_factors"
    noun: ClassVar[str] = "factors"
    title: ClassVar[str] = "known_factors"

    def claims(self, text: str) -> bool:
        return text == self.name

    def files(self, text: str) -> tuple[Path, ...]:
        """None: formulas come with the program."""
        return ()

    def open(self, text: str, model: ModelCard | None, generator: Generator | None = None) -> KnownFactorsReader:
        """The reader, whatever the model: pictures that it cannot read give NaN."""
        return KnownFactorsReader()


SOURCE = KnownFactorsSource()
