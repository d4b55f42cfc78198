"""Training of conditional VAEs (Sohn et al., NeurIPS 2015) on a world, whose factors are the condition."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.generators.cvae_network import Condition, ConditionalVaeConfig, ConditionalVaeNetwork, reading_error
from explorer.numerics.gaussian_posterior import kl_to_standard_normal
from explorer.numerics.randomness import seeded
from explorer.training.autoencoder import (
    AutoencoderSettings,
    AutoencoderTrainer,
    reconstruction_figures,
    settings_of,
)
from explorer.training.base import Recipe, Trainer, Weight
from explorer.training.batch import Source
from explorer.training.data import EVALUATION_SEED, WorldSource
from explorer.worlds.attributes import distance
from explorer.worlds.base import World

ROWS = 512
NOISE = 1  # stream of random numbers


class ConditionalVaeSettings(AutoencoderSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a conditional VAE's recipe, besides those of every autoencoder.

    ``beta`` weighs the KL term, ``reading`` the squared error of the factors that the encoder reads from the picture.
    """

    latents: int = 4
    beta: Weight = 1.0
    reading: Weight = 50.0


class ConditionalVaeTrainer(AutoencoderTrainer[ConditionalVaeSettings, ConditionalVaeNetwork]):
    """One run. The likelihood is Bernoulli over [0, 1], summed over subpixels. While training the posterior is given
    the true factors; the reader learns to tell them beside it."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        if not isinstance(source, WorldSource) or source.world is None:
            raise ExplorerError(
                "The trainer 'cvae' needs to know the factors of every picture, and a folder of images has none; "
                "train on a world, or choose the trainer 'vae'."
            )
        self.world: World = source.world
        self._drawn = torch.from_numpy(source.factors(ROWS, EVALUATION_SEED))
        super().__init__(recipe, source, device, settings_of(recipe, ConditionalVaeSettings))
        self.network.rows.copy_(self.coordinates(self._drawn))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=self.settings.learning_rate)

    def build(self) -> ConditionalVaeNetwork:
        return ConditionalVaeNetwork(
            self.config(ConditionalVaeConfig, conditions=conditions_of(self.world, self._drawn), rows=ROWS)
        )

    @property
    def notes(self) -> str:
        names = ", ".join(self.world.names)
        return f"Conditional VAE, trained on '{self.source.name}' given {names}."

    def coordinates(self, factors: Tensor) -> Tensor:
        """(B, factors) coordinates of a point, of the world's values (B, factors)."""
        levels = torch.from_numpy(self.world.levels_of(factors.cpu().numpy())).to(factors)
        columns = [
            levels[:, k]
            if condition.factor.kind == "category"
            else (factors[:, k] - condition.mean) / condition.deviation
            for k, condition in enumerate(self.network.config.conditions)
        ]
        return torch.stack(columns, dim=1)

    def learn(self, number: int, targets: Tensor, factors: Tensor | None) -> dict[str, float]:
        """One step of Adam; ``loss`` is reconstruction + beta · kl + reading · factors."""
        assert factors is not None
        network, settings = self.network, self.settings
        embedded = network.embed(self.coordinates(factors).float())
        with self.precision.autocast():
            features = network.encoder(targets)
            told = network.reader(features).float()
            mean, log_variance = (part.float() for part in network.posterior(features, embedded))
            noise = torch.randn(mean.shape, generator=seeded(self.recipe.seed, number, NOISE)).to(self.device)
            logits = network.logits(mean + noise * (0.5 * log_variance).exp(), embedded).float()
        parts = {
            "reconstruction": functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
            / len(targets),
            "kl": kl_to_standard_normal(mean, log_variance).sum(dim=1).mean(),
            "factors": reading_error(told, embedded),
        }
        loss = parts["reconstruction"] + settings.beta * parts["kl"] + settings.reading * parts["factors"]
        self.precision.update(loss, [self.optimiser])
        return {"loss": loss.item(), **{name: part.item() for name, part in parts.items()}}

    @torch.no_grad()
    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1] of prior points; picture i is the one that seed ``seed + i`` shows."""
        pictures: Tensor = self.network.decode(self.network.draw(list(range(seed, seed + count)))).cpu()
        return pictures * 2.0 - 1.0

    def measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """Reconstruction error with the factors given and with the factors read, KL, and how far each is misread: the
        mean distance in its own unit, of a category the share of pictures."""
        network, count = self.network, self.settings.evaluation
        given, read, kl = 0.0, 0.0, 0.0
        wrong = dict.fromkeys(self.world.names, 0.0)
        for targets, factors in self.held_out():
            assert factors is not None
            coordinates = self.coordinates(factors).float()
            mean, log_variance = network.posterior(network.encoder(targets), network.embed(coordinates))
            kl += float(kl_to_standard_normal(mean, log_variance).sum())
            point = network.encode(targets)
            given += _squared(network.decode(torch.cat([mean, coordinates], dim=1)), targets)
            read += _squared(network.decode(point), targets)
            told = point[:, network.config.latents :]
            for k, condition in enumerate(network.config.conditions):
                scale = 1.0 if condition.factor.kind == "category" else condition.deviation
                away = distance(
                    condition.factor, scale * told[:, k].cpu().numpy(), scale * coordinates[:, k].cpu().numpy()
                )
                wrong[condition.factor.name] += float(away.sum())
        figures: dict[str, float | str] = {
            **reconstruction_figures(given / count),
            "reconstruction_mse_factors_read": read / count,
            "kl_nats": kl / count,
            **{f"{name}_reading_error": total / count for name, total in wrong.items()},
        }
        return figures, {}


def conditions_of(world: World, factors: Tensor) -> tuple[Condition, ...]:
    """The world's factors as conditions; means and deviations over the drawn values (n, factors)."""
    values = factors.double()
    found = zip(world.factors, values.mean(dim=0).tolist(), values.std(dim=0).tolist(), strict=True)
    return tuple(Condition(factor=factor, mean=round(m, 6), deviation=round(d, 6)) for factor, m, d in found)


def _squared(pictures: Tensor, targets: Tensor) -> float:
    return float((pictures - targets).square().mean(dim=(1, 2, 3)).sum())


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return ConditionalVaeTrainer(recipe, source, device)


TRAINER = make
