"""The conditional VAE: q(z|x, c) and p(x|z, c), where c are the known factors of a picture (Sohn et al., NeurIPS 2015).

A point is one vector: first the L latents z, then one *coordinate* a factor (:mod:`explorer.generators.conditions`).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from explorer.generators.conditions import Condition, embedded, problem_of, told_by, waves, widths_seen
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
        if not 1 <= self.rows <= 1 << 20:
            return "it needs 1..1048576 rows of factors"
        if not 0 <= self.octaves <= 16:
            return "octaves must be 0..16"
        if self.decoder == "normalised" and not normalised_widths(self):
            return "a normalised decoder has widths that are multiples of 8"
        return problem_of(self.conditions) or super().problem()


class ConditionalVaeNetwork(nn.Module):
    """Encoder, decoder, and a reader that tells the factors of a picture, so that any picture can be encoded.

    ``rows`` (rows, factors): coordinates of the factors of some of the data, from which samples take theirs.
    """

    rows: Tensor

    def __init__(self, config: ConditionalVaeConfig) -> None:
        super().__init__()
        self.config = config
        width = sum(condition.width for condition in config.conditions)
        self.encoder = encoder_trunk(config)
        self.reader = nn.Linear(config.hidden, width)
        beside = width + config.channels * config.channel_means
        self.mixed = nn.Sequential(nn.Linear(config.hidden + beside, config.hidden), nn.SiLU())
        self.mean = nn.Linear(config.hidden, config.latents)
        self.log_variance = nn.Linear(config.hidden, config.latents)
        self.decoder: nn.Module
        self.output: nn.Module
        if config.decoder == "normalised":
            self.decoder, self.output = normalised_decoder(config, self.decoder_inputs()), shuffled_output(config)
        else:
            self.decoder, self.output = decoder_trunk(config, self.decoder_inputs()), output_layer(config)
        initialise(self, self.output)
        with torch.no_grad():  # begin near variance 1, and reading nothing
            self.reader.weight.mul_(0.1)
            self.mean.weight.mul_(0.7)
            self.log_variance.weight.mul_(0.1)
        self.register_buffer("rows", torch.zeros(config.rows, len(config.conditions)))

    def embed(self, coordinates: Tensor) -> Tensor:
        """What networks see (B, width) of coordinates (B, factors)."""
        return torch.cat(embedded(self.config.conditions, coordinates), dim=1)

    def coordinates(self, read: Tensor) -> Tensor:
        """The coordinates (B, factors) nearest to (B, width) that the reader told."""
        return told_by(self.config.conditions, read)

    def posterior(self, pictures: Tensor, features: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents), of q(z|x, c), of pictures (B, C, size, size) and the encoder's
        features (B, hidden) of them."""
        means = (pictures.mean(dim=(2, 3)),) if self.config.channel_means else ()
        hidden = self.mixed(torch.cat([features, embedded, *means], dim=1))
        return self.mean(hidden), self.log_variance(hidden)

    def logits(self, z: Tensor, coordinates: Tensor) -> Tensor:
        """(B, C, size, size) logits of p(x|z, c)."""
        logits: Tensor = self.output(self.decoder(self.drawn_from(z, coordinates)))
        return logits

    def decoder_inputs(self) -> int:
        """How many numbers :meth:`drawn_from` gives."""
        return self.config.latents + sum(widths_seen(self.config.conditions, self.config.octaves))

    def drawn_from(self, z: Tensor, coordinates: Tensor) -> Tensor:
        """(B, :meth:`decoder_inputs`) what the decoder is given."""
        parts = [z, self.embed(coordinates), *waves(self.config.conditions, coordinates, self.config.octaves)]
        return torch.cat(parts, dim=1)

    def encode(self, pictures: Tensor) -> Tensor:
        """The point (B, latents + factors) of pictures (B, C, size, size) in [0, 1]: the factors as the reader tells
        them, and the mean of q(z|x, c) for these."""
        features = self.encoder(pictures)
        coordinates = self.coordinates(self.reader(features))
        return torch.cat([self.posterior(pictures, features, self.embed(coordinates))[0], coordinates], dim=1)

    def decode(self, point: Tensor) -> Tensor:
        """(B, C, size, size) pictures in [0, 1] of points (B, latents + factors)."""
        return torch.sigmoid(self.logits(point[:, : self.config.latents], point[:, self.config.latents :]))

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
    return mean_of(0.5 * (told - embedded).square().sum(dim=1), labelled)


def mean_of(values: Tensor, where: Tensor) -> Tensor:
    """The mean of those of ``values`` (B,) for which ``where`` (B,) is true; 0 of none."""
    return torch.where(where, values, 0.0).sum() / where.sum().clamp_min(1)
