"""The networks of a causal diffusion autoencoder: a small autoencoder, a U-Net on its latents that is told the factors,
and a reader of the factors.

After Komanduri et al., "Causal Diffusion Autoencoders" (ECAI 2024), whose semantic encoder here is a reader of factors
that have names, and whose causal layer is a structural model beside the networks. What the factors leave open is the
noise from which a picture is sampled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from explorer.generators.base import standard_normal
from explorer.generators.conditions import (
    Condition,
    coordinates_of,
    problem_of,
    where_present,
    widths_seen,
)
from explorer.generators.diffusion_scheduler import SchedulerConfig
from explorer.generators.schedule import Plan
from explorer.numerics.randomness import seeded
from explorer.numerics.samplers import last
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork

GROUPS = 8  # of channels, each normalised for itself
TRAIN_STEPS = 1000
SCHEDULER = SchedulerConfig(
    num_train_timesteps=TRAIN_STEPS,
    beta_schedule="squaredcos_cap_v2",
    prediction_type="v_prediction",
    timestep_spacing="trailing",
    clip_sample=False,
)
ROWS = 1  # stream of random numbers
Widths = tuple[int, ...]


class CausalDiffusionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json``. The autoencoder halves the picture once for every one of its widths, the U-Net its latents once
    for every width but the first. ``map_channels``: of the picture of the factors that the U-Net is given beside the
    latents; ``octaves``: see :func:`explorer.generators.conditions.waves`; ``rows``: combinations of factors that come
    with the model; ``full_steps`` and ``interactive_steps``: of the sampler."""

    family: str = "causal_diffusion"
    format: int = 1
    size: int = 64
    channels: int = 3
    latent_channels: int = 4
    autoencoder_widths: Widths = (32, 64)
    unet_widths: Widths = (48, 96)
    map_channels: int = 8
    hidden: int = 128
    octaves: int = 4
    rows: int = 512
    conditions: tuple[Condition, ...]
    reader: PredictorConfig
    full_steps: int = 10
    interactive_steps: int = 5

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Of what is noised: (channels, height, width)."""
        side = self.size >> len(self.autoencoder_widths)
        return self.latent_channels, side, side

    @property
    def point_width(self) -> int:
        """Numbers in a point; see :class:`explorer.generators.causal_diffusion_generator.CausalDiffusionGenerator`."""
        return math.prod(self.latent_shape) + 2 * len(self.conditions) + 2

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if self.format != 1:
            return f"format {self.format} is of a newer program"
        deepest = len(self.autoencoder_widths) + len(self.unet_widths) - 1
        if not self.autoencoder_widths or not self.unet_widths or deepest > 10 or not 1 <= self.size <= 4096:
            return "it needs 1..10 widths, and a size of 1..4096 pixels"
        if self.size % 2**deepest:
            return f"{self.size} pixels cannot be halved {deepest} times"
        if any(not 8 <= width <= 1024 or width % GROUPS for width in (*self.autoencoder_widths, *self.unet_widths)):
            return f"a width is no multiple of {GROUPS} in {GROUPS}..1024"
        if self.channels not in (1, 3) or not 1 <= self.latent_channels <= 64:
            return "channels must be 1 or 3 and latent_channels 1..64"
        if not 1 <= self.map_channels <= 64 or not 1 <= self.hidden <= 4096 or not 0 <= self.octaves <= 16:
            return "map_channels must be 1..64, hidden 1..4096 and octaves 0..16"
        if not all(1 <= count <= TRAIN_STEPS for count in (self.full_steps, self.interactive_steps)):
            return f"a picture takes 1..{TRAIN_STEPS} steps"
        if not 1 <= self.rows <= 1 << 20:
            return "it needs 1..1048576 rows of factors"
        if tuple(one.factor for one in self.conditions) != self.reader.factors:
            return "its reader reads other factors than its pictures are drawn from"
        if (self.reader.size, self.reader.channels) != (self.size, self.channels):
            return "its reader reads pictures of another shape"
        return problem_of(self.conditions) or self.reader.problem()


class Guidance(NamedTuple):
    """``changed`` (B, K): which factors are not what they were; ``strengths`` (B, 2): how strongly pictures follow
    these, ω_X, and how strongly the others, ω_I."""

    changed: Tensor
    strengths: Tensor


class SmallAutoencoder(nn.Module):
    """Pictures in [-1, 1] ↔ (B, C, h, w) latents, each channel with mean 0 and variance 1 over the data."""

    def __init__(self, channels: int, widths: Sequence[int], latents: int) -> None:
        super().__init__()
        down: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, widths[0], 3, padding=1)]
        for before, after in itertools.pairwise(widths):
            down += [Residual(before), nn.Conv2d(before, after, 4, stride=2, padding=1)]
        up: list[nn.Module] = [nn.Conv2d(latents, widths[-1], 3, padding=1), Residual(widths[-1])]
        for before, after in itertools.pairwise(reversed(widths)):
            up += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1), Residual(after)]
        self.encoder = nn.Sequential(*down, Residual(widths[-1]), *_ending(widths[-1], latents))
        self.standard = nn.BatchNorm2d(latents, affine=False)
        self.decoder = nn.Sequential(*up, *_ending(widths[0], 4 * channels), nn.PixelShuffle(2))

    def encode(self, pictures: Tensor) -> Tensor:
        """(B, C, h, w) latents."""
        latents: Tensor = self.standard(self.encoder(pictures).float())
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures, not yet cut off at ±1."""
        pictures: Tensor = self.decoder(latents)
        return pictures


class Residual(nn.Module):
    """x + a change of it by two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(*_ending(width, width), *_ending(width, width))

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = x + self.change(x)
        return changed


def _ending(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.GroupNorm(GROUPS, before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1)


class FactorUnet(nn.Module):
    """A U-Net that is told the factors, beside the time and as a picture of ``map_channels`` beside the latents; some
    or all may be withheld (:func:`explorer.generators.conditions.where_present`)."""

    def __init__(self, config: CausalDiffusionConfig) -> None:
        super().__init__()
        from diffusers import UNet2DModel

        self.config = config
        channels, side, _ = config.latent_shape
        depths, widths = config.unet_widths, widths_seen(config.conditions, config.octaves)
        self.unet: Any = UNet2DModel(
            sample_size=side,
            in_channels=channels + config.map_channels,
            out_channels=channels,
            block_out_channels=depths,
            down_block_types=("DownBlock2D",) * len(depths),
            up_block_types=("UpBlock2D",) * len(depths),
            layers_per_block=1,
            norm_num_groups=GROUPS,
            attention_head_dim=8,
            class_embed_type="identity",
        )
        self.factors = nn.Sequential(
            nn.Linear(len(widths) + sum(widths), config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.SiLU(),
        )
        self.beside_time = nn.Linear(config.hidden, 4 * depths[0])
        self.as_picture = nn.Sequential(
            nn.Linear(config.hidden, config.map_channels * side * side),
            nn.Unflatten(1, (config.map_channels, side, side)),
        )

    def forward(self, x: Tensor, times: Tensor, coordinates: Tensor, present: Tensor) -> Tensor:
        """(B, C, h, w) v of the noisy latents ``x``, at ``times`` (B,) or (1,), given ``coordinates`` (B, K) where
        ``present`` (B, K) is 1."""
        told = self.factors(where_present(self.config.conditions, coordinates, self.config.octaves, present))
        beside = torch.cat([x, self.as_picture(told).to(x)], dim=1)
        predicted: Tensor = self.unet(beside, times, class_labels=self.beside_time(told), return_dict=False)[0]
        return predicted


class CausalDiffusionNetwork(nn.Module):
    """All that a model's folder holds. ``rows`` (rows, K): coordinates of the factors of some of the data, from which
    samples take theirs."""

    rows: Tensor

    def __init__(self, config: CausalDiffusionConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = SmallAutoencoder(config.channels, config.autoencoder_widths, config.latent_channels)
        self.unet = FactorUnet(config)
        self.reader = PredictorNetwork(config.reader)
        self.register_buffer("rows", torch.zeros(config.rows, len(config.conditions)))

    def draw(self, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Noise (len(seeds), C, h, w) and the factors' coordinates (len(seeds), K) of one of the rows; a function of
        the seed alone, drawn on the CPU."""
        # From a stream of their own: of the same random numbers, rows and noise would not be independent.
        chosen = [int(torch.randint(self.config.rows, (1,), generator=seeded(int(seed), 0, ROWS))) for seed in seeds]
        return standard_normal(seeds, self.config.latent_shape), self.rows[torch.tensor(chosen)]

    def read(self, pictures: Tensor) -> Tensor:
        """(B, K) the factors' coordinates, as the reader tells them of pictures (B, C, size, size) in [-1, 1]."""
        values = torch.from_numpy(self.reader.read(self.reader(pictures)))
        return coordinates_of(self.config.conditions, values).to(pictures)

    def plan(self, steps: int) -> Plan:
        """The way of a picture in ``steps``."""
        return SCHEDULER.plan(steps)

    def sampled(self, noise: Tensor, coordinates: Tensor, steps: int) -> Tensor:
        """(B, C, size, size) pictures in [-1, 1] from ``noise`` (B, c, h, w), of factors with ``coordinates`` (B, K),
        by deterministic DDIM. Differentiable."""
        plan = self.plan(steps)
        x = SCHEDULER.run(lambda x, t: self.guided(x, t, coordinates, None), noise, plan, 0, len(plan.timesteps))
        return self.decoded(x)

    def decoded(self, latents: Tensor) -> Tensor:
        """(B, C, size, size) pictures in [-1, 1] of ``latents`` (B, c, h, w)."""
        return self.autoencoder.decode(latents).clamp(-1.0, 1.0)

    @torch.no_grad()
    def inverted(self, pictures: Tensor, coordinates: Tensor, steps: int, refinements: int) -> Tensor:
        """(B, c, h, w): the noise from which :meth:`sampled` arrives at what the autoencoder makes of ``pictures``."""
        plan = self.plan(steps)
        z = self.autoencoder.encode(pictures)
        return last(SCHEDULER.way_back(lambda x, t: self.guided(x, t, coordinates, None), z, plan, refinements))

    def guided(self, x: Tensor, t: float, coordinates: Tensor, guidance: Guidance | None) -> Tensor:
        """v at step ``t``, under decoupled guidance: that of no factor, ω_I times what the factors that are as they
        were add to it, and ω_X times what the others then add. At ω_X = ω_I = 1 it is v given all factors."""
        times = torch.tensor([t], device=x.device)
        everything = torch.ones_like(coordinates)
        if guidance is None or bool((guidance.strengths == 1.0).all()):
            plain: Tensor = self.unet(x, times, coordinates, everything)
            return plain
        kept = (~guidance.changed).to(coordinates)
        present = torch.cat([torch.zeros_like(kept), kept, everything])
        none, those, given = self.unet(x.repeat(3, 1, 1, 1), times, coordinates.repeat(3, 1), present).chunk(3)
        changing, others = guidance.strengths[:, :, None, None, None].unbind(1)
        guided = none + others * (those - none) + changing * (given - those)
        unguided = (guidance.strengths == 1.0).all(dim=1)[:, None, None, None]
        return torch.where(unguided, given, guided)
