"""The model's own pictures: what attributes they show, and where their codes lie in a space."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import chi
from torch import Tensor

from explorer.attributes.base import Attribute, AttributeReader
from explorer.comparison.drawing import BATCH, measured_quality
from explorer.discovery.sampling import BottleneckShown, drawn_latents
from explorer.generators.base import Generator, Latent, Progress

Floats = NDArray[np.float64]
CHUNK = 256


@dataclass(frozen=True)
class Observed:
    """``count`` pictures of the model, drawn with ``seed``: ``values`` (n, A) of their attributes. Their codes are
    drawn when they are asked for, and kept."""

    generator: Generator
    seed: int
    count: int
    attributes: tuple[Attribute, ...]
    values: Floats
    _codes: dict[str, Tensor] = field(default_factory=dict)

    def codes(self, space: str) -> Tensor:
        """(n, d) float32 on the CPU: the codes of the pictures in ``space``. In ``h``, to which controls add, what the
        bottleneck itself holds."""
        if space not in self._codes:
            rows = [
                held(self.generator, latent, space).float().cpu()
                for latent in drawn_latents(self.generator, self.count, self.seed, CHUNK)
            ]
            self._codes[space] = torch.cat(rows)
        return self._codes[space]


def observe(
    generator: Generator, reader: AttributeReader | None, count: int, seed: int, progress: Progress | None = None
) -> Observed:
    """Draw ``count`` pictures and read them; without a ``reader`` none is drawn. The same for a seed."""
    if reader is None:
        return Observed(generator, seed, count, (), np.empty((count, 0)))
    quality, values = measured_quality(generator.card), []
    with torch.no_grad():
        for latent in drawn_latents(generator, count, seed, BATCH, progress):
            values.append(reader.read(generator.render(latent, quality)))
    return Observed(generator, seed, count, reader.attributes, np.concatenate(values))


def held(generator: Generator, latent: Latent, space: str) -> Tensor:
    """(B, d) where ``latent`` lies in ``space``; in ``h``, what the bottleneck holds and what an edit added to it."""
    with torch.no_grad():
        point = generator.advance(latent, space).tensors[space]
        if space == "h":
            own = cast("BottleneckShown", generator).bottleneck(latent, measured_quality(generator.card))
            point = own + point
        return point.flatten(1)


def percentiles(points: Tensor, observed: Observed, space: str) -> Floats:
    """(B,) the share of all codes of ``space`` that lie nearer to their middle than ``points`` (B, d), 0..1.

    Under a normal prior by the χ distribution of the norm; elsewhere among the observed codes, by the distance in which
    every number counts in its own standard deviations.
    """
    wide = points.detach().double().cpu()
    if observed.generator.card.spaces[space].prior == "normal":
        return np.asarray(chi.cdf(wide.norm(dim=1).numpy(), wide.shape[1]), float)
    codes = observed.codes(space).double()
    middle, deviation = codes.mean(0), codes.std(0)
    deviation = deviation.clamp_min(1e-6 * float(deviation.max()) or 1.0)
    distances = ((codes - middle) / deviation).norm(dim=1).sort().values
    own = ((wide - middle) / deviation).norm(dim=1)
    return np.asarray(torch.searchsorted(distances, own).double().numpy() / len(distances), float)
