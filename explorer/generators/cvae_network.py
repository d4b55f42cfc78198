"""The conditional VAE: q(z|x, c) and p(x|z, c), where c are the known factors of a picture (Sohn et al., NeurIPS 2015).

A point is one vector: first the L latents z, then one *coordinate* a factor, on which sliders move. A number's
coordinate is its value less the mean, over the standard deviation; a category's is the index of its level. Networks
see what :meth:`ConditionalVaeNetwork.embed` makes of them: a cyclic number as cosine and sine, a category as a share of
each level (one-hot at whole indices).
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import msgspec
import torch
from torch import Tensor, nn

from explorer.generators.convolutions import (
    TrunkConfig,
    decoder_trunk,
    encoder_trunk,
    initialise,
    normalised_decoder,
    normalised_widths,
    output_layer,
    shuffled_output,
)
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import outputs_of


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One factor, and its mean and standard deviation over the training data, in its own unit."""

    factor: Factor
    mean: float
    deviation: float

    @property
    def width(self) -> int:
        """Numbers that networks see of it."""
        return outputs_of(self.factor)

    def problem(self) -> str:
        """What is impossible about it, as the end of a sentence; empty when it is fine."""
        values = self.factor.values
        if not 2 <= len(values) <= 4096 or any(not a < b for a, b in itertools.pairwise(values)):
            return f"the levels of '{self.factor.name}' do not ascend"
        if not all(map(math.isfinite, (*values, self.mean, self.deviation))) or self.deviation <= 0:
            return f"the factor '{self.factor.name}' has no extent"
        return ""


class ConditionalVaeConfig(TrunkConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json`` of a conditional VAE. ``rows``: how many combinations of factors come with the model.

    ``octaves``: how many sines and cosines of each number the decoder is given besides the number, each twice as fast
    as the one before; ``decoder``: transposed convolutions, or normalised ones whose last layer draws 2 × 2 pixels at
    a time; ``channel_means``: the posterior is given the mean of each colour channel, which convolutions tell badly.
    """

    family: str = "cvae"
    conditions: tuple[Condition, ...]
    rows: int = 512
    octaves: int = 0
    decoder: Literal["transposed", "normalised"] = "transposed"
    channel_means: bool = False

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if not 1 <= len(self.conditions) <= 256 or not 1 <= self.rows <= 1 << 20:
            return "it needs 1..256 factors, and rows of them"
        if not 0 <= self.octaves <= 16:
            return "octaves must be 0..16"
        if self.decoder == "normalised" and not normalised_widths(self):
            return "a normalised decoder has widths that are multiples of 8"
        names = [condition.factor.name for condition in self.conditions]
        if len(set(names)) < len(names):
            return "two factors have one name"
        return next(filter(None, (condition.problem() for condition in self.conditions)), super().problem())


class ConditionalVaeNetwork(nn.Module):
    """Encoder, decoder, and a reader that tells the factors of a picture, so that any picture can be encoded.

    ``rows`` (rows, factors): coordinates of the factors of some of the data, from which samples take theirs.
    """

    rows: Tensor

    def __init__(self, config: ConditionalVaeConfig) -> None:
        super().__init__()
        self.config = config
        width = sum(condition.width for condition in config.conditions)
        seen = width + 2 * config.octaves * sum(condition.factor.kind == "number" for condition in config.conditions)
        self.encoder = encoder_trunk(config)
        self.reader = nn.Linear(config.hidden, width)
        beside = width + config.channels * config.channel_means
        self.mixed = nn.Sequential(nn.Linear(config.hidden + beside, config.hidden), nn.SiLU())
        self.mean = nn.Linear(config.hidden, config.latents)
        self.log_variance = nn.Linear(config.hidden, config.latents)
        self.decoder: nn.Module
        self.output: nn.Module
        if config.decoder == "normalised":
            self.decoder, self.output = normalised_decoder(config, config.latents + seen), shuffled_output(config)
        else:
            self.decoder, self.output = decoder_trunk(config, config.latents + seen), output_layer(config)
        initialise(self, self.output)
        with torch.no_grad():  # begin near variance 1, and reading nothing
            self.reader.weight.mul_(0.1)
            self.mean.weight.mul_(0.7)
            self.log_variance.weight.mul_(0.1)
        self.register_buffer("rows", torch.zeros(config.rows, len(config.conditions)))

    def embed(self, coordinates: Tensor) -> Tensor:
        """What networks see (B, width) of coordinates (B, factors)."""
        parts = []
        for column, condition in zip(coordinates.T, self.config.conditions, strict=True):
            if condition.factor.kind == "category":
                levels = torch.arange(condition.width).to(column)
                within = column.clamp(0, condition.width - 1)  # between two levels it is partly either
                parts.append((1.0 - (within[:, None] - levels).abs()).clamp_min(0.0))
            elif condition.factor.cyclic:
                angle = (column * condition.deviation + condition.mean) * (2 * math.pi / condition.factor.period)
                parts.append(torch.stack([angle.cos(), angle.sin()], dim=1))
            else:
                parts.append(column[:, None])
        return torch.cat(parts, dim=1)

    def coordinates(self, embedded: Tensor) -> Tensor:
        """The coordinates (B, factors) nearest to (B, width) that the reader told."""
        parts = []
        blocks = torch.split(embedded, [condition.width for condition in self.config.conditions], dim=1)
        for block, condition in zip(blocks, self.config.conditions, strict=True):
            factor = condition.factor
            if factor.kind == "category":
                parts.append(block.argmax(dim=1).to(block))
            elif factor.cyclic:
                value = torch.atan2(block[:, 1], block[:, 0]) * (factor.period / (2 * math.pi))
                value = factor.low + (value - factor.low).remainder(factor.period)
                parts.append((value - condition.mean) / condition.deviation)
            else:
                parts.append(block[:, 0])
        return torch.stack(parts, dim=1)

    def posterior(self, pictures: Tensor, features: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of q(z|x, c), of pictures (B, C, size, size) and the encoder's
        features (B, hidden) of them."""
        means = (pictures.mean(dim=(2, 3)),) if self.config.channel_means else ()
        hidden = self.mixed(torch.cat([features, embedded, *means], dim=1))
        return self.mean(hidden), self.log_variance(hidden)

    def logits(self, z: Tensor, coordinates: Tensor) -> Tensor:
        """(B, C, size, size) logits of p(x|z, c)."""
        parts = [z, self.embed(coordinates), *self._octaves(coordinates)]
        logits: Tensor = self.output(self.decoder(torch.cat(parts, dim=1)))
        return logits

    def encode(self, pictures: Tensor) -> Tensor:
        """The point (B, latents + factors) of pictures (B, C, size, size) in [0, 1]: the factors as the reader tells
        them, and the mean of q(z|x, c) for these."""
        features = self.encoder(pictures)
        coordinates = self.coordinates(self.reader(features))
        return torch.cat([self.posterior(pictures, features, self.embed(coordinates))[0], coordinates], dim=1)

    def decode(self, point: Tensor) -> Tensor:
        """(B, C, size, size) pictures in [0, 1] of points (B, latents + factors)."""
        return torch.sigmoid(self.logits(point[:, : self.config.latents], point[:, self.config.latents :]))

    def _octaves(self, coordinates: Tensor) -> list[Tensor]:
        """Sines and cosines of the numbers among coordinates (B, factors), each (B, octaves). The slowest goes round
        once in four standard deviations of the data; of a cyclic number, twice in its period."""
        if not self.config.octaves:
            return []
        found = []
        for column, condition in zip(coordinates.T, self.config.conditions, strict=True):
            if condition.factor.kind == "number":
                turns = 4.0
                if condition.factor.cyclic:
                    turns = condition.factor.period / condition.deviation / 2.0
                rates = 2 * math.pi / turns * 2.0 ** torch.arange(self.config.octaves).to(column)
                phases = column[:, None] * rates
                found += [phases.sin(), phases.cos()]
        return found

    def draw(self, seeds: list[int], psi: float = 1.0) -> Tensor:
        """(len(seeds), latents + factors): z = psi · N(0, I) and the factors of one of the rows; a function of the seed
        alone, drawn on the CPU."""
        points = []
        for seed in seeds:
            source = torch.Generator("cpu").manual_seed(int(seed))
            z = torch.randn(self.config.latents, generator=source) * psi
            row = int(torch.randint(self.config.rows, (1,), generator=source))
            points.append(torch.cat([z.to(self.rows), self.rows[row]]))
        return torch.stack(points)


def reading_error(told: Tensor, embedded: Tensor, labelled: Tensor) -> Tensor:
    """½ Σ (told − true)² over the numbers of a picture, averaged over those of the batch that are ``labelled`` (B,)."""
    squared = 0.5 * (told - embedded).square().sum(dim=1)
    return torch.where(labelled, squared, 0.0).sum() / labelled.sum().clamp_min(1)
