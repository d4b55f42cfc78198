"""What the trainers of autoencoders share: settings, the rhythm of a step, checkpoints, the exported folder."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import msgspec
import torch
from torch import Tensor, nn

from explorer.errors import ExplorerError
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.convolutions import TrunkConfig
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.reading import fingerprint_of
from explorer.training.base import Count, Recipe, Weight
from explorer.training.batch import Batch, Source
from explorer.training.card import write_card
from explorer.training.hardware import hardware
from explorer.training.precision import Precision
from explorer.training.rates import set_rate
from explorer.training.sheets import save_sheet

EVALUATION_BATCH = 250


class AutoencoderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ``settings`` of every autoencoder's recipe may say.

    ``widths``: channels after each halving; ``hidden``: units of the linear layers. The learning rate falls to zero
    along a cosine. ``precision`` is that of the networks while training (bfloat16 pays on processors and GPUs that
    have it, float16 is for GPUs); losses are computed in float32. ``evaluation``: pictures for the figures in the card.
    """

    latents: int = 10
    widths: tuple[int, ...] = (32, 32, 64, 64)
    hidden: int = 256
    learning_rate: Weight = 1e-3
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    evaluation: Count = 10_000


Settings = TypeVar("Settings", bound=AutoencoderSettings)
Network = TypeVar("Network", bound=nn.Module)


def settings_of(recipe: Recipe, kind: type[Settings]) -> Settings:
    """The recipe's settings. Raises :class:`ExplorerError` naming what is wrong."""
    try:
        return msgspec.convert(recipe.settings, kind)
    except msgspec.ValidationError as error:
        raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {error}.") from error


class AutoencoderTrainer(ABC, Generic[Settings, Network]):
    """One run. Pictures in [-1, 1] come in; networks see [0, 1]."""

    optimiser: torch.optim.Optimizer

    def __init__(self, recipe: Recipe, source: Source, device: torch.device, settings: Settings) -> None:
        self.recipe, self.source, self.device, self.settings = recipe, source, device, settings
        self.precision = Precision(settings.precision, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            network = self.build()
        # Channels last: the strided convolutions are half as fast again on a processor.
        self.network: Network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.pictures = 0
        self.seconds = 0.0

    # --- what each trainer says ----------------------------------------------------------------------------------

    @abstractmethod
    def build(self) -> Network:
        """The network with its initial weights, from torch's random numbers."""

    @abstractmethod
    def learn(self, number: int, targets: Tensor, factors: Tensor | None) -> dict[str, float]:
        """One optimiser step on ``targets`` (B, C, H, W) in [0, 1] and, where known, their factors (B, K)."""

    @abstractmethod
    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1]; picture i is the one that seed ``seed + i`` shows once exported."""

    @property
    @abstractmethod
    def notes(self) -> str:
        """For the card: which model this is."""

    @abstractmethod
    def measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """Figures for the card, and further entries of the card by name."""

    # --- what a trainer may say otherwise -------------------------------------------------------------------------

    @property
    def finished(self) -> Network:
        """The network that is exported."""
        return self.network

    def rate(self, number: int) -> float:
        """The learning rate of step ``number``."""
        return self.settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * number / self.recipe.steps))

    # --- what they share -----------------------------------------------------------------------------------------

    def config(self, kind: type[Any], **more: object) -> Any:
        """``config.json`` for these pictures and settings. Raises :class:`ExplorerError` where they contradict one
        another."""
        s = self.settings
        found: TrunkConfig = kind(
            size=self.source.size,
            channels=self.source.channels,
            latents=s.latents,
            widths=s.widths,
            hidden=s.hidden,
            **more,
        )
        if problem := found.problem():
            raise ExplorerError(f"The settings of recipe '{self.recipe.name}' cannot be used: {problem}.")
        return found

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One optimiser step; returns the losses by name."""
        started = time.perf_counter()
        set_rate(self.optimiser, self.rate(number))
        targets = (batch.images.contiguous(memory_format=torch.channels_last) + 1.0) / 2.0
        losses = self.learn(number, targets, batch.factors)
        self.pictures += len(targets)
        self.seconds += time.perf_counter() - started
        return losses

    def state(self) -> dict[str, Any]:
        """Weights, the optimiser's moments, and what has been spent."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "pictures": self.pictures,
            "seconds": self.seconds,
            **({"precision": scale} if (scale := self.precision.state()) else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.precision.restore(state.get("precision", {}))
        self.pictures, self.seconds = int(state["pictures"]), float(state["seconds"])

    def held_out(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """The pictures of the card's figures in batches, (B, C, H, W) in [0, 1] on the device, and their factors."""
        for start in range(0, self.settings.evaluation, EVALUATION_BATCH):
            batch = self.source.held_out(min(EVALUATION_BATCH, self.settings.evaluation - start), start)
            batch = batch.to(self.device)
            yield (batch.images + 1.0) / 2.0, batch.factors

    @torch.no_grad()
    def export(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, ``card.json`` with measured figures, and ``samples.png``."""
        figures, more = self.measure()
        save_autoencoder(self.finished, folder)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        fingerprint = fingerprint_of([folder / CONFIG, folder / WEIGHTS])
        figures = {
            **figures,
            "evaluation_pictures": self.settings.evaluation,
            "training_pictures": self.pictures,
            "training_seconds": round(self.seconds, 1),
            "hardware": hardware(self.device),
        }
        # Figures of the latents hold for exactly these weights.
        more = {name: {**entry, "fingerprint": fingerprint} for name, entry in more.items()}
        write_card(folder, self.recipe, self.source, self.notes, figures, **more)


def reconstruction_figures(squared: float) -> dict[str, float | str]:
    """The mean squared error over subpixels in [0, 1], and the same in decibels."""
    return {"reconstruction_mse": squared, "reconstruction_psnr_db": -10.0 * math.log10(squared)}
