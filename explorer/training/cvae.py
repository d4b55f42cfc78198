"""Training of conditional VAEs (Sohn et al., NeurIPS 2015) on a world, whose factors are the condition."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from explorer.causal import model_file
from explorer.causal.fitting import Fit
from explorer.errors import ExplorerError
from explorer.generators.causes import CAUSES
from explorer.generators.conditions import Condition, coordinates_of
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork, mean_of, reading_error
from explorer.numerics.gaussian_posterior import kl_to_standard_normal
from explorer.numerics.randomness import seeded, step_seed
from explorer.training.autoencoder import (
    EVALUATION_BATCH,
    AutoencoderTrainer,
    reconstruction_figures,
    settings_of,
)
from explorer.training.averaging import average_into
from explorer.training.base import Recipe, Trainer
from explorer.training.batch import Source, as_images
from explorer.training.causes import ROWS, Rows, graph_of, rows_of, taught
from explorer.training.cvae_settings import ConditionalVaeSettings
from explorer.training.data import EVALUATION_SEED, WorldSource
from explorer.worlds.attributes import distance
from explorer.worlds.base import World

NOISE, LABELS, INDEPENDENT, GAINS, HELD_OUT_GAINS, REFIT_GAINS, REFIT, INDEPENDENT_GAINS = range(1, 9)
"""Streams of random numbers."""


class ConditionalVaeTrainer(AutoencoderTrainer[ConditionalVaeSettings, ConditionalVaeNetwork]):
    """One run. The likelihood is summed over subpixels. While training the posterior is given the true factors; the
    reader learns to tell them beside it."""

    settings_type: ClassVar[type[ConditionalVaeSettings]] = ConditionalVaeSettings

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        if not isinstance(source, WorldSource) or source.world is None:
            raise ExplorerError(
                "The trainer 'cvae' needs to know the factors of every picture, and a folder of images has none; "
                "train on a world, or choose the trainer 'vae'."
            )
        self.world: World = source.world
        self._source = source
        settings = settings_of(recipe, self.settings_type)
        self.names = settings.factors or self.world.names
        self._columns = [self.world.column(name) for name in self.names]
        if settings.causes:
            graph_of(self.world, self.names)  # refused now, and not when all is trained
        self._drawn = torch.from_numpy(source.factors(ROWS, EVALUATION_SEED))
        super().__init__(recipe, source, device, settings)
        self.network.rows.copy_(self.coordinates(self._drawn))
        self.average = copy.deepcopy(self.network).requires_grad_(False) if settings.average else None
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)

    def build(self) -> ConditionalVaeNetwork:
        settings = self.settings
        return ConditionalVaeNetwork(
            self.config(
                ConditionalVaeConfig,
                conditions=conditions_of(self.world, self.names, self._drawn),
                rows=ROWS,
                octaves=settings.octaves,
                decoder=settings.decoder,
                channel_means=settings.channel_means,
            )
        )

    @property
    def finished(self) -> ConditionalVaeNetwork:
        return self.average or self.network

    @property
    def notes(self) -> str:
        return f"Conditional VAE, trained on '{self.source.name}' given {', '.join(self.names)}."

    def export(self, folder: Path) -> None:
        """As every autoencoder; besides, how far the reader is wrong, and how the factors come about."""
        if self.settings.refit:
            self._refit()
        self.finished.config = self._with_errors()
        if self.settings.causes:
            count = round(self.settings.causes * self.settings.labels)
            learned = self.learned(rows_of(self._source, self.names, count, self.recipe.seed))
            model_file.save(learned.model, folder / CAUSES, learned.cards)
        super().export(folder)

    def learned(self, rows: Rows) -> Fit:
        """How the factors come about, as ``rows`` of them tell."""
        return taught(graph_of(self.world, self.names), rows, self.recipe.seed)

    def held_out(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """As of every autoencoder, with the colour gains."""
        for number, (targets, factors) in enumerate(super().held_out()):
            yield self._tinted(targets, number, HELD_OUT_GAINS), factors

    @torch.no_grad()
    def _refit(self) -> None:
        """The reader's last layer by least squares, with a little decay, on features in float32: what it learned was
        of features in the precision of the training, and each of its steps was noisy. On as many pictures as
        ``refit`` says of the data, and as many of independent factors where the reader learns of such."""
        network, width = self.finished, self.settings.hidden + 1
        products = torch.zeros(width, width, dtype=torch.float64)
        targets = torch.zeros(width, network.reader.out_features, dtype=torch.float64)
        count = max(1, round(self.settings.refit * self.settings.labels))
        for start in range(0, count, EVALUATION_BATCH):
            batch = self.source.draw(min(EVALUATION_BATCH, count - start), step_seed(self.recipe.seed, start, REFIT))
            assert batch.factors is not None
            pictures = self._tinted((batch.images.to(self.device) + 1.0) / 2.0, start, REFIT_GAINS)
            read, factors = self._for_reading(start, pictures, batch.factors, len(pictures), REFIT)
            features = network.encoder(read).double().cpu()
            features = torch.cat([features, features.new_ones(len(features), 1)], dim=1)
            products += features.T @ features
            targets += features.T @ network.embed(self.coordinates(factors).float()).double().cpu()
        products.diagonal().add_(1e-6 * float(products.diagonal().mean()))
        solved = torch.linalg.solve(products, targets).to(network.reader.weight)
        network.reader.weight.copy_(solved[:-1].T)
        network.reader.bias.copy_(solved[-1])

    @torch.no_grad()
    def _with_errors(self) -> ConditionalVaeConfig:
        """The config with the reader's errors on held-out pictures."""
        network = self.finished
        away = [self._misread(network.encode(targets), factors) for targets, factors in self.held_out()]
        errors = np.sqrt(np.square(np.concatenate(away)).mean(axis=0))
        conditions = tuple(
            msgspec.structs.replace(condition, error=round(float(error), 6))
            for condition, error in zip(network.config.conditions, errors, strict=True)
        )
        return msgspec.structs.replace(network.config, conditions=conditions)

    def _misread(self, point: Tensor, factors: Tensor | None) -> NDArray[np.float64]:
        """(B, conditions) how far the factors of ``point`` are from the truth, in their own units; of a category 0 or
        1."""
        assert factors is not None
        config = self.network.config
        told, truth = point[:, config.latents :].cpu().numpy(), self.coordinates(factors).float().cpu().numpy()
        columns = []
        for k, condition in enumerate(config.conditions):
            scale = 1.0 if condition.factor.kind == "category" else condition.deviation
            columns.append(distance(condition.factor, scale * told[:, k], scale * truth[:, k]))
        return np.stack(columns, axis=1)

    def rate(self, number: int) -> float:
        return super().rate(number) * min(1.0, (number + 1) / (self.settings.warm_up + 1))

    def coordinates(self, factors: Tensor) -> Tensor:
        """(B, conditions) coordinates of a point, of the world's values (B, factors)."""
        return coordinates_of(self.network.config.conditions, factors[:, self._columns])

    def learn(self, number: int, targets: Tensor, factors: Tensor | None) -> dict[str, float]:
        """One step of Adam; ``loss`` is reconstruction + beta · kl + reading · factors.

        A reader that is wrong about a picture without labels leaves something to tell. Would such pictures teach the
        latents, these would learn to tell it, the factors themselves in the end, and a decoder that finds all of a
        picture in its latents does not follow the factors when they are set. So latents and encoder learn from
        pictures with labels, for which factors in the latents cost and gain nothing; and the decoder is given the
        others when it has learned to follow the factors, and the reader to tell them.
        """
        assert factors is not None
        network, settings = self.network, self.settings
        targets = self._tinted(targets, number, GAINS)
        read, truth = self._for_reading(number, targets, factors, settings.independent, INDEPENDENT)
        coordinates = self.coordinates(factors).float()
        labelled = self._labelled(number, len(read))
        known = labelled[: len(targets)]
        with self.precision.autocast():
            features = network.encoder(read)
            told = network.reader(features).float()
            features = features[: len(targets)]
            if settings.labels < 1.0:
                guess = network.coordinates(told[: len(targets)].detach())
                coordinates = torch.where(known[:, None], coordinates, guess)
            embedded = network.embed(coordinates)
            mean, log_variance = (part.float() for part in network.posterior(targets, features, embedded))
            noise = torch.randn(mean.shape, generator=seeded(self.recipe.seed, number, NOISE)).to(self.device)
        z = mean + noise * (0.5 * log_variance).exp()
        z = torch.where(known[:, None], z, z.detach())
        drawn = known | (number >= settings.unlabelled_from * self.recipe.steps)
        parts = {
            "reconstruction": self._redrawn(z[drawn], coordinates[drawn], targets[drawn]),
            "kl": mean_of(kl_to_standard_normal(mean, log_variance).sum(dim=1), known),
            "factors": reading_error(told, network.embed(self.coordinates(truth).float()), labelled),
        }
        loss = parts["reconstruction"] + settings.beta * parts["kl"] + settings.reading * parts["factors"]
        further = self.further(number, coordinates)
        loss = torch.stack([loss, *further.values()]).sum()
        parts |= further
        self.precision.update(loss, [self.optimiser])
        if self.average is not None:
            average_into(self.average, network, min(settings.average, (1.0 + number) / (10.0 + number)))
        return {"loss": loss.item(), **{name: part.item() for name, part in parts.items()}}

    def further(self, number: int, coordinates: Tensor) -> dict[str, Tensor]:
        """More terms of the loss in step ``number``, by name, of the factors' ``coordinates`` (B, conditions), known or
        read."""
        return {}

    def state(self) -> dict[str, Any]:
        averaged = {} if self.average is None else {"average": self.average.state_dict()}
        return {**super().state(), **averaged}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _redrawn(self, z: Tensor, coordinates: Tensor, targets: Tensor) -> Tensor:
        """:meth:`_reconstruction` of ``targets`` from their points; 0 of no pictures."""
        if not len(targets):
            return z.sum()
        with self.precision.autocast():
            logits = self.network.logits(z, coordinates).float()
        return self._reconstruction(logits, targets)

    def _reconstruction(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The negative log-likelihood of a picture, in nats; of a Gaussian without its constant."""
        if self.settings.likelihood == "gaussian":
            return 0.5 * targets[0].numel() * functional.mse_loss(torch.sigmoid(logits), targets).log()
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(targets)

    def _tinted(self, targets: Tensor, number: int, stream: int) -> Tensor:
        """Pictures (B, C, H, W) after their colour gains."""
        if not self.settings.colour_gains:
            return targets
        generator = seeded(self.recipe.seed, number, stream)
        return tinted(targets, self.settings.colour_gains, generator)

    def _for_reading(
        self, number: int, targets: Tensor, factors: Tensor, count: int, stream: int
    ) -> tuple[Tensor, Tensor]:
        """The pictures that are read in step ``number``, and their factors: first those that are drawn again; then
        ``count`` of independent factors, where the reader learns of such."""
        if not self.settings.independent:
            return targets, factors
        rows = self.world.independent(count, step_seed(self.recipe.seed, number, stream))
        more = (as_images(self.world.render(rows, self.source.size)).to(targets) + 1.0) / 2.0
        read = torch.cat([targets, self._tinted(more, number, INDEPENDENT_GAINS + stream)])
        return read.contiguous(memory_format=torch.channels_last), torch.cat(
            [factors, torch.from_numpy(rows).to(factors)]
        )

    def _labelled(self, number: int, count: int) -> Tensor:
        """(count,) whether the factors of a picture are known."""
        drawn = torch.rand(count, generator=seeded(self.recipe.seed, number, LABELS))
        return (drawn < self.settings.labels).to(self.device)

    @torch.no_grad()
    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1] of prior points; picture i is the one that seed ``seed + i`` shows."""
        pictures: Tensor = self.finished.decode(self.finished.draw(list(range(seed, seed + count)))).cpu()
        return pictures * 2.0 - 1.0

    def measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """Reconstruction error with the factors given and with the factors read, KL, and how far each is misread: the
        mean distance in its own unit, of a category the share of pictures."""
        network, count = self.finished, self.settings.evaluation
        given, read, kl = 0.0, 0.0, 0.0
        wrong = np.zeros(len(self.names))
        for targets, factors in self.held_out():
            assert factors is not None
            coordinates = self.coordinates(factors).float()
            mean, log_variance = network.posterior(targets, network.encoder(targets), network.embed(coordinates))
            kl += float(kl_to_standard_normal(mean, log_variance).sum())
            point = network.encode(targets)
            given += _squared(network.decode(torch.cat([mean, coordinates], dim=1)), targets)
            read += _squared(network.decode(point), targets)
            wrong += self._misread(point, factors).sum(axis=0)
        figures: dict[str, float | str] = {
            **reconstruction_figures(given / count),
            "reconstruction_mse_factors_read": read / count,
            "kl_nats": kl / count,
            **{f"{name}_reading_error": total / count for name, total in zip(self.names, wrong.tolist(), strict=True)},
        }
        return figures, {}


def conditions_of(world: World, names: Sequence[str], factors: Tensor) -> tuple[Condition, ...]:
    """The world's factors called ``names`` as conditions; means and deviations over the drawn values (n, factors)."""
    columns = [world.column(name) for name in names]
    values = factors[:, columns].double()
    means, deviations = values.mean(dim=0).tolist(), values.std(dim=0).tolist()
    return tuple(
        Condition(factor=world.factors[column], mean=round(mean, 6), deviation=round(deviation, 6))
        for column, mean, deviation in zip(columns, means, deviations, strict=True)
    )


def tinted(pictures: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    """Pictures (B, C, H, W) in [0, 1], each channel of each times a number of [1 - ``spread``, 1 + ``spread``], and all
    by 1 / (1 + ``spread``), so that they stay in [0, 1]."""
    drawn = torch.rand(*pictures.shape[:2], 1, 1, generator=generator).to(pictures)
    return pictures * ((1.0 + spread * (2.0 * drawn - 1.0)) / (1.0 + spread))


def _squared(pictures: Tensor, targets: Tensor) -> float:
    return float((pictures - targets).square().mean(dim=(1, 2, 3)).sum())


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return ConditionalVaeTrainer(recipe, source, device)


TRAINER = make
