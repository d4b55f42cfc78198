"""What labelling needs of the engine: samples to look at, a probe of the labels, the attributes that there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.attributes.base import AttributeReader
from explorer.attributes.labels import LabelledSamples, Validation
from explorer.attributes.registry import open_reader
from explorer.engine.painting import thumbnails
from explorer.generators.base import Generator
from explorer.memory import BoundedCache
from explorer.outputs.sizes import within
from explorer.scene.labels import Labels
from explorer.scene.model import ModelRef, Quality

TOGETHER = 16  # samples rendered at once: between two batches the live view has its turn
MODELS_KEPT = 2


class Labelling:
    """``generator`` gives the generator of a model, one whose calls take turns with the live view.

    The features of labelled samples are kept, so that each is drawn once while somebody labels.
    """

    def __init__(self, generator: Callable[[ModelRef], Generator]) -> None:
        self._generator = generator
        self._samples: BoundedCache[str, LabelledSamples] = BoundedCache(MODELS_KEPT)

    def draw(self, model: ModelRef, seeds: Sequence[int], size: int, truncation_psi: float) -> NDArray[np.uint8]:
        """(n, height, width, 3) RGB: the samples of ``seeds`` in full quality, the longer side at most ``size``
        pixels."""
        generator = self._generator(model)
        drawn = [np.empty((0, *within(generator.card.size, size), 3), np.uint8)]
        with torch.inference_mode():
            for start in range(0, len(seeds), TOGETHER):
                latent = generator.sample(seeds[start : start + TOGETHER], truncation_psi)
                drawn.append(thumbnails(generator.card, generator.render(latent, Quality()), size))
        return np.concatenate(drawn)

    def validated(self, model: ModelRef, labels: Labels) -> Validation:
        """How well a probe of ``labels`` reads samples that it did not learn. Raises
        :class:`explorer.errors.ExplorerError` for labels of another model, or fewer than two of a kind."""
        generator = self._generator(model)
        samples = self._samples.get(generator.card.fingerprint)
        if samples is None:
            samples = LabelledSamples(generator)
            self._samples.put(generator.card.fingerprint, samples)
        return samples.validated(labels)

    def reader(self, model: ModelRef, attributes: str) -> AttributeReader:
        """What ``attributes`` names, for pictures of ``model``. Raises :class:`explorer.errors.ExplorerError`."""
        generator = self._generator(model)
        return open_reader(attributes, generator.card, generator)
