"""A world's factors, read by the predictor that comes with the program: ``faces``, ``shapes``, …"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from explorer.attributes.base import Attribute, Values
from explorer.attributes.pictures import checked, grey
from explorer.errors import ExplorerError
from explorer.generators.base import Generator
from explorer.scene.cards import ModelCard
from explorer.worlds.attributes import Attributes, attributes_of, predicted_world, predictors_folder
from explorer.worlds.base import Factor
from explorer.worlds.registry import all_worlds
from explorer.worlds.trained_on import trained_on


@dataclass(frozen=True)
class PredictorReader:
    """Reads with ``predictor``, which is called ``name``."""

    name: str
    predictor: Attributes

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(_attribute(factor) for factor in self.predictor.factors)

    @property
    def digest(self) -> str:
        return self.predictor.fingerprint

    def read(self, pictures: Tensor) -> Values:
        """(B, A); see :meth:`explorer.attributes.base.AttributeReader.read`."""
        return np.asarray(self.predictor.measure(self._coloured(pictures)), np.float64)

    def features(self, pictures: Tensor) -> Values:
        """(B, d) the numbers from which the predictor reads its attributes."""
        return np.asarray(self.predictor.features(self._coloured(pictures)).numpy(), np.float64)

    def _coloured(self, pictures: Tensor) -> Tensor:
        """A predictor of grey pictures reads the luminance of coloured ones; none can read colours of grey ones."""
        pictures = checked(pictures)
        if self.predictor.channels == 1:
            return grey(pictures)
        if pictures.shape[1] == 1:
            raise ExplorerError(
                f"'{self.name}' reads coloured pictures, and these are grey; choose attributes of grey pictures."
            )
        return pictures


class WorldSource:
    """Claims the names of worlds."""

    name: ClassVar[str] = "world"
    noun: ClassVar[str] = "world"
    title: ClassVar[str] = "the name of a world"

    def claims(self, text: str) -> bool:
        return text in all_worlds()

    def files(self, text: str) -> tuple[Path, ...]:
        """None: predictors come with the program."""
        return ()

    def open(self, text: str, model: ModelCard | None, generator: Generator | None = None) -> PredictorReader:
        """The reader of the world ``text``. Raises :class:`ExplorerError` where there is no predictor of it."""
        return PredictorReader(text, attributes_of(text, _device(generator)))


def own_world(model: ModelCard) -> str:
    """The world that ``model`` was trained on, if it says so and there is a predictor of it; else empty."""
    try:
        world = trained_on(model, "name one")
    except ExplorerError:
        return ""
    return world if predicted_world(predictors_folder() / world) == world else ""


def _device(generator: Generator | None) -> torch.device | None:
    return None if generator is None else generator.device


def _attribute(factor: Factor) -> Attribute:
    if factor.kind == "category":
        return Attribute(factor.name, "category", levels=factor.values, labels=factor.labels)
    return Attribute(factor.name, period=factor.period if factor.cyclic else 0.0, unit=factor.unit)


SOURCE = WorldSource()
