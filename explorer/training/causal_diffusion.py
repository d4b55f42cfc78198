"""Training of causal diffusion autoencoders (after Komanduri et al., ECAI 2024): a small autoencoder, then a U-Net on
its latents that is told the factors. The reader is the world's attribute predictor, which saw factors independent of
one another, so that it reads an effect's own noise and does not guess the effect from its causes.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from explorer.causal import model_file
from explorer.errors import ExplorerError, ModelError
from explorer.generators import own_folder
from explorer.generators.causal_diffusion_network import (
    CausalDiffusionConfig,
    CausalDiffusionNetwork,
    FactorUnet,
    SmallAutoencoder,
)
from explorer.generators.causes import CAUSES
from explorer.generators.conditions import Condition, coordinates_of
from explorer.numerics.distances import decibels
from explorer.numerics.randomness import seeded
from explorer.training.base import Count, Recipe, Share, Trainer, Weight, Whole
from explorer.training.batch import Source
from explorer.training.card import write_card
from explorer.training.causes import ROWS, rows_of, taught
from explorer.training.cvae import conditions_of
from explorer.training.data import EVALUATION_SEED, WorldSource
from explorer.training.diffusion import DiffusionTrainer
from explorer.training.diffusion_figures import measure
from explorer.training.diffusion_settings import DiffusionSettings, SamplerSteps, Widths
from explorer.training.hardware import hardware
from explorer.training.sheets import save_sheet
from explorer.worlds.attributes import distance, predictors_folder
from explorer.worlds.base import World
from explorer.worlds.predictor.network import PredictorNetwork, load_predictor

WITHHELD, SHAKEN = 2, 3  # streams of random numbers
PART = 50  # pictures sampled together


class CausalDiffusionSettings(DiffusionSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a recipe, besides those of every diffusion recipe, of which ``autoencoder_widths`` are here
    one for every halving, ``kl_weight`` and ``h_window`` do nothing, and v is predicted.

    ``labels``: the share of pictures whose factors are known; the U-Net is not told those of the others. ``withheld``:
    the share of pictures of which it is told some factors alone, each by the toss of a coin: what guidance needs.
    ``causes``: so many rows of the data, of which ``labels`` are known, teach how the factors come about, along the
    arrows of the world's graph. ``shaken``: the deviation of noise on the latents while the autoencoder learns, so that
    what lies near is drawn alike. ``refinements``: iterations of each step of the inversion, for the card's figures.
    """

    autoencoder_widths: Widths = (32, 64)
    unet_widths: Widths = (48, 96)
    map_channels: Count = 8
    hidden: Count = 128
    octaves: Whole = 4
    labels: Share = 1.0
    withheld: Share = 0.2
    shaken: Weight = 0.03
    causes: Count = 20_000
    refinements: Annotated[int, msgspec.Meta(ge=0, le=100)] = 3
    full_steps: SamplerSteps = 10


class CausalDiffusionTrainer(DiffusionTrainer):
    """One run."""

    settings_type: ClassVar[type[DiffusionSettings]] = CausalDiffusionSettings
    settings: CausalDiffusionSettings
    source: WorldSource

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        if not isinstance(source, WorldSource) or source.world is None:
            raise ExplorerError(
                f"The trainer '{recipe.trainer}' needs to know the factors of every picture, and a folder of images "
                "has none; train on a world, or choose the trainer 'diffusion'."
            )
        self.world: World = source.world
        self.reader = reader_of(self.world, source, device)
        drawn = torch.from_numpy(source.factors(ROWS, EVALUATION_SEED))
        self.conditions = conditions_of(self.world, self.world.names, drawn)
        self.rows = coordinates_of(self.conditions, drawn)
        super().__init__(recipe, source, device)
        if not self.settings.autoencoder_steps or self.settings.prediction != "v_prediction":
            raise ExplorerError(
                f"The recipe '{recipe.name}' trains no autoencoder, or predicts no v; give autoencoder_steps, and "
                "leave out 'prediction'."
            )

    @property
    def config(self) -> CausalDiffusionConfig:
        """``config.json``. Raises :class:`ExplorerError` where the settings contradict one another."""
        s = self.settings
        config = CausalDiffusionConfig(
            size=self.source.size,
            channels=self.source.channels,
            latent_channels=s.latent_channels,
            autoencoder_widths=s.autoencoder_widths,
            unet_widths=s.unet_widths,
            map_channels=s.map_channels,
            hidden=s.hidden,
            octaves=s.octaves,
            rows=ROWS,
            conditions=self.conditions,
            reader=self.reader.config,
            full_steps=s.full_steps,
            interactive_steps=s.interactive_steps,
        )
        if problem := config.problem():
            raise ExplorerError(f"The settings of recipe '{self.recipe.name}' cannot be used: {problem}.")
        return config

    def halvings(self) -> int:
        return len(self.settings.autoencoder_widths)

    def build_unet(self) -> FactorUnet:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            return FactorUnet(self.config)

    def build_autoencoder(self) -> SmallAutoencoder:
        s = self.settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            return SmallAutoencoder(self.source.channels, s.autoencoder_widths, s.latent_channels)

    def autoencoder_step(self, number: int, images: Tensor) -> dict[str, float]:
        """One step of the first phase: half the logarithm of the mean squared error, the likelihood of a Gaussian of
        the deviation that fits best."""
        with self.precision.autocast():
            z = self.autoencoder.train().encode(images)
            shaken = z + self.settings.shaken * self.noise(number, tuple(z.shape), SHAKEN)
            squared = functional.mse_loss(self.autoencoder.decode(shaken).float(), images)
        self.improve_autoencoder(number, 0.5 * squared.log(), len(images))
        return {"psnr_db": decibels(squared.item() / 4.0)}

    def encoded(self, images: Tensor) -> Tensor:
        z: Tensor = self.autoencoder.eval().encode(images)
        return z

    def finish_autoencoder(self, images: Tensor) -> None:
        """Nothing: its latents have been standard all the time."""

    def predicted(self, number: int, noisy: Tensor, times: Tensor, factors: Tensor | None) -> Tensor:
        assert factors is not None
        coordinates = coordinates_of(self.conditions, factors).float()
        present = self.told(number, len(factors)).to(coordinates)
        told = [part.repeat(self.settings.draws, 1) for part in (coordinates, present)]
        predicted: Tensor = self.unet(noisy, times, *told)
        return predicted

    def told(self, number: int, count: int) -> Tensor:
        """(count, K) which factors the U-Net is told in step ``number``: all, of some pictures a random few, and of
        those without labels none."""
        source = seeded(self.recipe.seed, number, WITHHELD)
        labelled, few = torch.rand(count, 2, 1, generator=source).unbind(1)
        coin = torch.rand(count, len(self.conditions), generator=source) < 0.5
        return (labelled < self.settings.labels) & (coin | (few >= self.settings.withheld))

    def network(self) -> CausalDiffusionNetwork:
        """What is exported: the parts, with the averaged weights of the U-Net."""
        network = CausalDiffusionNetwork(msgspec.structs.replace(self.config, conditions=self.with_errors()))
        network.autoencoder.load_state_dict(self.autoencoder.state_dict())
        network.unet.load_state_dict(self.average.state_dict())
        network.reader.load_state_dict(self.reader.state_dict())
        network.rows.copy_(self.rows)
        return network.to(self.device).eval().requires_grad_(False)

    @torch.no_grad()
    def samples(self, count: int, seed: int, steps: int = 0) -> Tensor:
        network, pictures = self.network(), []
        for first in range(seed, seed + count, PART):
            noise, rows = network.draw(range(first, min(first + PART, seed + count)))
            drawn = network.sampled(noise.to(self.device), rows, steps or self.settings.full_steps)
            pictures.append(drawn.cpu())
        return torch.cat(pictures)

    @torch.no_grad()
    def reconstructions(self, images: Tensor) -> Tensor:
        decoded: Tensor = self.autoencoder.decode(self.encoded(images.to(self.device)))
        return decoded.clamp(-1.0, 1.0).cpu()

    def export(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, ``card.json`` with measured figures, and ``samples.png``."""
        count = round(self.settings.causes * self.settings.labels)
        rows = rows_of(self.source, self.world.names, count, self.recipe.seed)
        learned = taught(self.world.model.graph, rows, self.recipe.seed)
        model_file.save(learned.model, folder / CAUSES, learned.cards)
        network = self.network()
        own_folder.save(network, network.config, folder)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        figures: dict[str, object] = {
            **measure(self.samples, self.reconstructions, self.source, self.settings),
            **self.inversion_figures(network),
            **self.spent,
            "seconds": round(self.spent["seconds"], 1),
            "hardware": hardware(self.device),
        }
        notes = (
            f"Causal diffusion autoencoder, trained on '{self.source.name}' given {', '.join(self.world.names)}; DDIM "
            f"in {self.settings.full_steps} steps."
        )
        write_card(folder, self.recipe, self.source, notes, figures)

    @torch.no_grad()
    def with_errors(self) -> tuple[Condition, ...]:
        """The conditions with the reader's errors on held-out pictures."""
        batch = self.source.held_out(self.settings.evaluation, 0)
        assert batch.factors is not None
        parts = [self.reader.read(self.reader(part)) for part in torch.split(batch.images.to(self.device), PART)]
        away = [
            distance(factor, read, truth)
            for factor, read, truth in zip(
                self.world.factors, np.concatenate(parts).T, batch.factors.numpy().T, strict=True
            )
        ]
        errors = np.sqrt(np.square(np.stack(away)).mean(axis=1))
        return tuple(
            msgspec.structs.replace(condition, error=round(float(error), 6))
            for condition, error in zip(self.conditions, errors, strict=True)
        )

    def inversion_figures(self, network: CausalDiffusionNetwork) -> dict[str, float]:
        """How far pictures are from themselves after the way to noise and back, at the full number of steps, of as many
        as are evaluated; and how large the noise is that was found, which is 1 for a drawn one."""
        s = self.settings
        images = self.source.held_out(s.evaluation, 0).images
        squared, size = 0.0, 0.0
        for part in torch.split(images.to(self.device), PART):
            rows = network.read(part)
            noise = network.inverted(part, rows, s.full_steps, s.refinements)
            back = network.sampled(noise, rows, s.full_steps)
            squared += float(((back - part) / 2.0).square().mean(dim=(1, 2, 3)).sum())
            size += float(noise.square().mean(dim=(1, 2, 3)).sum())
        return {
            "round_trip_psnr_db": decibels(squared / len(images)),
            "inverted_noise_deviation": math.sqrt(size / len(images)),
        }


def reader_of(world: World, source: Source, device: torch.device) -> PredictorNetwork:
    """The attribute predictor of ``world`` that comes with the program. Raises :class:`ExplorerError` where there is
    none for such pictures."""
    try:
        reader = load_predictor(predictors_folder() / world.name, device)
    except ModelError as error:
        raise ExplorerError(f"The factors of '{world.name}' cannot be read from pictures: {error}") from error
    if (reader.config.size, reader.config.channels) != (source.size, source.channels):
        raise ExplorerError(
            f"The factors of '{world.name}' are read from pictures of {reader.config.size} pixels, not {source.size}; "
            "change 'size'."
        )
    return reader


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return CausalDiffusionTrainer(recipe, source, device)


TRAINER = make
