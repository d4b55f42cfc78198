"""Generators whose factors are known: what measures of directions are tried on, and methods shown to win or to fail.

A code z ~ N(0, I) of width 8 is turned into five numbers, each of which drives one factor of a drawn disc
(:mod:`explorer.generators.known_factors_drawing`). Three ways of the code change nothing. Six variants:

* ``distinct``: an orthonormal mixture, every factor changes the picture by another amount;
* ``equal``: the same, all factors change it equally, so that no method that looks at the amount alone can find them;
* ``correlated``: the numbers are correlated, so that the true directions are not orthogonal;
* ``curved``: z is bent first, so that the true directions differ from point to point;
* ``ring``: the hue is an angle, which goes round in a plane of z;
* ``arc``: the hue goes along curves that turn by a known angle.

How a code becomes numbers: :mod:`explorer.generators.known_factors_codes`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from explorer.checkpoint import load_exactly, read_json, read_safetensors, safetensors_shapes
from explorer.controls.base import Control
from explorer.errors import ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Latent, Progress, Verdict, specimen
from explorer.generators.known_factors_codes import HUE, Arc, Bent, CodeMap, Ring, Straight
from explorer.generators.known_factors_drawing import FACTORS, draw, factors_of
from explorer.generators.normal_prior import NormalPrior
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.numerics.bending import Bend
from explorer.numerics.linalg import random_orthonormal
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

Variant = Literal["distinct", "equal", "curved", "correlated", "ring", "arc"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
STRAIGHT: tuple[Variant, ...] = ("distinct", "equal", "correlated")
WIDTH, SIZE = 8, 32
SPACES = {"z": SpaceCard(shape=(WIDTH,), prior="normal")}
CORRELATION = 0.6  # of neighbours in the list of factors; of those n apart its n-th power
WAVES, HEIGHTS = 1.2, 0.8
HALF_ANGLE = 60.0  # degrees
BALANCE_POINTS, BALANCE_ROUNDS, NUDGE = 128, 8, 1e-4
FIRST_GAIN = 0.5  # of x, where all factors change the picture equally
STRENGTHS = (1.3, 1.0, 0.8, 1.6, 2.0)
"""By how much more a factor of the distinct variant changes the picture than one of the equal variant."""


class KnownFactorsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json``. ``half_angle``: of the arc, in degrees; others have none."""

    family: str = "known_factors"
    format: int = 1
    variant: Variant = "distinct"
    size: int = SIZE
    half_angle: float = 0.0

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if self.format != 1:
            return f"format {self.format} is of a newer program"
        if self.variant == "arc" and not 0 < self.half_angle <= 90:
            return "the half-angle must be above 0 and at most 90 degrees"
        return "" if 8 <= self.size <= 1024 else "the size must be 8..1024 pixels"


class KnownFactorsNetwork(nn.Module):
    """``mixing`` (5, 8), of a ring (6, 8), makes the numbers of a code, ``gains`` (5,) say how strongly each drives its
    factor."""

    mixing: Tensor
    gains: Tensor
    waves: Tensor
    heights: Tensor

    def __init__(self, config: KnownFactorsConfig) -> None:
        super().__init__()
        self.config = config
        rows = len(FACTORS) + (config.variant == "ring")
        self.register_buffer("mixing", torch.zeros(rows, WIDTH))
        self.register_buffer("gains", torch.zeros(len(FACTORS)))
        if config.variant == "curved":
            self.register_buffer("waves", torch.zeros(2, WIDTH // 2, WIDTH // 2))
            self.register_buffer("heights", torch.zeros(2, WIDTH // 2, WIDTH // 2))

    @property
    def codes(self) -> CodeMap:
        """How a code becomes the five numbers."""
        match self.config.variant:
            case "curved":
                return Bent(self.mixing, Bend(self.waves, self.heights))
            case "ring":
                return Ring(self.mixing)
            case "arc":
                return Arc(self.mixing, math.radians(self.config.half_angle))
            case _:
                return Straight(self.mixing)

    def forward(self, z: Tensor) -> Tensor:
        """(B, 3, size, size) pictures in [-1, 1] of codes (B, 8)."""
        pictures: Tensor = draw(factors_of(self.codes.numbers(z) * self.gains), self.config.size)
        return pictures


class KnownFactorsGenerator(NormalPrior):
    """A loaded one. Always float32."""

    def __init__(self, card: ModelCard, network: KnownFactorsNetwork, device: torch.device) -> None:
        self.card = card
        self.device = device
        self.network = network.eval().to(device)

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, 3, size, size) in [-1, 1]; any quality is full quality. Differentiable in z."""
        pictures: Tensor = self.network(latent.tensors["z"].to(self.device, torch.float32))
        return pictures

    def first_affine_weights(self, layers: tuple[int, int] | None = None) -> Sequence[Tensor]:
        """What SeFa factorises: (5, 8), the mixture times the gains. There are no layers to choose."""
        if layers is not None:
            raise ValueError(f"'{self.card.name}' has no layers to choose from")
        return [self.network.gains[:, None] * self.network.mixing]

    def true_directions(self, latent: Latent | None = None) -> Tensor:
        """(B, 5, 8) unit rows: the way in which each of :meth:`true_controls` sets out at each point, in the order x,
        y, radius, hue, background. Without ``latent`` at the prior's middle, (5, 8), where the hue of a ring has none:
        0.

        One factor alone changes; of the (bent) code no more than that takes.
        """
        z = torch.zeros(1, WIDTH) if latent is None else latent.tensors["z"]
        ways = self.network.codes.ways(z.to(self.device, torch.float64))
        units: Tensor = (ways / ways.norm(dim=2, keepdim=True).clamp_min(1e-12)).float()
        return units[0] if latent is None else units

    def true_controls(self) -> tuple[Control, ...]:
        """One control a factor, named after it, which follows its true direction."""
        return self.network.codes.controls()


class KnownFactorsFamily:
    """Finds and loads them."""

    name = "known_factors"
    title = "generators with known factors"
    short_title = "known factors"

    def specimens(self) -> tuple[ModelCard, ...]:
        """One a variant."""
        return tuple(specimen(self.name, SPACES, _capabilities(variant)) for variant in VARIANTS)

    def identify(self, path: Path) -> Verdict:
        """Mine: a folder whose ``config.json`` says so."""
        return own_folder.identify(path, self.name, self._config)

    def describe(self, path: Path) -> ModelCard:
        """The card, from ``config.json``, the header of the weights and ``card.json``."""
        config = self._config(path)
        safetensors_shapes(path / WEIGHTS)  # readable, or it says why not
        return own_folder.describe(
            path,
            [path / CONFIG, path / WEIGHTS],
            family=self.name,
            output=IMAGE.card((3, config.size, config.size)),
            spaces=SPACES,
            capabilities=_capabilities(config.variant),
            parameters=sum(tensor.numel() for tensor in KnownFactorsNetwork(config).state_dict().values()),
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        card = self.describe(path)
        network = KnownFactorsNetwork(self._config(path))
        load_exactly(network, read_safetensors(path / WEIGHTS), path / WEIGHTS)
        if progress is not None:
            progress(1.0)
        return KnownFactorsGenerator(card, network, device)

    def _config(self, path: Path) -> KnownFactorsConfig:
        try:
            config = msgspec.convert(read_json(path / CONFIG), KnownFactorsConfig)
        except msgspec.ValidationError as error:
            raise ModelError(f"'{CONFIG}' in '{path.name}' describes no known factors: {error}.") from error
        if problem := config.problem():
            raise ModelError(f"'{CONFIG}' in '{path.name}' describes no known factors: {problem}.")
        return config


def _capabilities(variant: Variant) -> tuple[str, ...]:
    """Only straight variants have an affine layer that reads the code as it is."""
    linear = ("affine",) if variant in STRAIGHT else ()
    return ("truncation", "true_directions", *linear)


def write_known_factors(
    folder: Path, variant: Variant, seed: int = 0, size: int = SIZE, half_angle: float = HALF_ANGLE
) -> None:
    """Write a generator of ``variant`` with a mixture drawn from ``seed`` into ``folder``; the same for a seed.
    ``half_angle``: of the arc, in degrees."""
    config = KnownFactorsConfig(variant=variant, size=size, half_angle=half_angle if variant == "arc" else 0.0)
    network = KnownFactorsNetwork(config)
    # Seeds of its own: the random directions of the same seed must not be the true ones.
    source = int(np.random.default_rng([seed, 0xFAC7]).integers(2**31))
    mixing = random_orthonormal(len(network.mixing), WIDTH, source)
    if variant == "correlated":
        places = torch.arange(len(FACTORS)).double()
        wanted = CORRELATION ** (places[:, None] - places).abs()
        mixing = torch.linalg.cholesky(wanted) @ mixing
    network.mixing.copy_(mixing)
    network.gains.copy_(balanced(size, (1.0,) * len(FACTORS) if variant == "equal" else STRENGTHS))
    if variant == "ring":
        network.gains[HUE] = 1.0  # an angle is a whole turn, whatever it changes
    if variant == "curved":
        for which in (0, 1):
            frames = [random_orthonormal(WIDTH // 2, WIDTH // 2, source + 10 * which + one) for one in (1, 2)]
            network.waves[which].copy_(WAVES * frames[0])
            network.heights[which].copy_(HEIGHTS * frames[1])
    own_folder.save(network, config, folder)


@cache
def balanced(size: int, strengths: tuple[float, ...]) -> Tensor:
    """(5,) the gains with which the picture changes with each of five independent N(0, 1) numbers in proportion to
    ``strengths``, at the root mean square over twice :data:`BALANCE_POINTS` points.

    By fixed-point iteration: a factor that changes the picture too little is driven harder.
    """
    drawn = torch.randn(BALANCE_POINTS, len(FACTORS), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    numbers = torch.cat([drawn, -drawn])
    gains = torch.full((len(FACTORS),), FIRST_GAIN, dtype=torch.float64)
    wanted = change_rates(numbers, gains, size)[0]
    for _ in range(BALANCE_ROUNDS):
        gains = gains * wanted * torch.tensor(strengths).double() / change_rates(numbers, gains, size)
    return gains


def change_rates(numbers: Tensor, gains: Tensor, size: int) -> Tensor:
    """(5,) the root mean square of ∂pixel / ∂number over all pixels and the rows of ``numbers`` (n, 5) in float64, by
    central differences."""
    rates = []
    for index in range(len(FACTORS)):
        way = torch.zeros_like(numbers)
        way[:, index] = NUDGE
        there, back = (draw(factors_of((numbers + sign * way) * gains), size) for sign in (1, -1))
        rates.append(((there - back) / (2 * NUDGE)).square().mean().sqrt())
    return torch.stack(rates)


FAMILY = KnownFactorsFamily()
