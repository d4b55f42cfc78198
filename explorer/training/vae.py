"""Training of the convolutional VAEs: plain, β-VAE (Higgins et al. 2017) and β-TCVAE (Chen et al. 2018)."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.files import atomic_write, fingerprint_of
from explorer.generators.base import standard_normal
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.generators.vae import save_vae
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.numerics.gaussian_posterior import decompose_kl, kl_to_standard_normal, posterior_statistics
from explorer.training.base import Recipe, Trainer
from explorer.training.data import EVALUATION_SEED, Batch, Source
from explorer.training.sheets import save_sheet

EVALUATION_BATCH = 250


class VaeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a VAE recipe.

    ``loss``: ``vae`` (β is ignored), ``beta`` (β weighs the KL term) or ``btcvae`` (β weighs the total correlation).
    The regulariser grows linearly over ``warm_up`` steps; the learning rate falls to zero along a cosine.
    ``evaluation``: pictures for the figures in the card.
    """

    loss: Literal["vae", "beta", "btcvae"] = "btcvae"
    beta: float = 4.0
    latents: int = 10
    widths: tuple[int, ...] = (32, 32, 64, 64)
    hidden: int = 256
    learning_rate: float = 1e-3
    warm_up: int = 1000
    evaluation: int = 10_000


class VaeTrainer:
    """One run. Pictures in [-1, 1] come in; the likelihood is Bernoulli over [0, 1], summed over pixels."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        self.recipe, self.source, self.device = recipe, source, device
        try:
            self.settings = msgspec.convert(recipe.settings, VaeSettings)
        except msgspec.ValidationError as error:
            raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {error}.") from error
        config = VaeConfig(
            size=source.size,
            channels=source.channels,
            latents=self.settings.latents,
            widths=self.settings.widths,
            hidden=self.settings.hidden,
        )
        if problem := config.problem():
            raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {problem}.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            network = VaeNetwork(config)
        # Channels last: the strided convolutions are half as fast again on a processor.
        self.network: VaeNetwork = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=self.settings.learning_rate)
        self.pictures = 0
        self.seconds = 0.0

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One step of Adam; returns ``loss`` and its parts in nats a picture."""
        images = batch.images
        started = time.perf_counter()
        share = number / self.recipe.steps
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))
        targets = (images.contiguous(memory_format=torch.channels_last) + 1.0) / 2.0
        mean, log_variance = self.network.encode(targets)
        noise = _noise(self.recipe.seed, number, mean.shape).to(self.device)
        z = mean + noise * (0.5 * log_variance).exp()
        logits = self.network.logits(z)
        parts = {
            "reconstruction": functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
            / len(images),
            **self._regulariser(z, mean, log_variance),
        }
        ramp = min(1.0, (number + 1) / max(1, self.settings.warm_up))
        beta = 1.0 if self.settings.loss == "vae" else self.settings.beta
        weights = {"reconstruction": 1.0, "kl": ramp * beta, "mutual_information": ramp,
                   "total_correlation": ramp * beta, "dimension_wise": ramp}  # fmt: skip
        loss = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.pictures += len(images)
        self.seconds += time.perf_counter() - started
        return {"loss": loss.item(), **{name: part.item() for name, part in parts.items()}}

    def _regulariser(self, z: Tensor, mean: Tensor, log_variance: Tensor) -> dict[str, Tensor]:
        if self.settings.loss == "btcvae":
            return decompose_kl(z, mean, log_variance, self.source.count)._asdict()
        return {"kl": kl_to_standard_normal(mean, log_variance).sum(dim=1).mean()}

    def state(self) -> dict[str, Any]:
        """Weights, Adam's moments, and what has been spent."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "pictures": self.pictures,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.pictures, self.seconds = int(state["pictures"]), float(state["seconds"])

    @torch.no_grad()
    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1] of prior points; picture i is the one that seed ``seed + i`` shows."""
        z = standard_normal(range(seed, seed + count), (self.settings.latents,)).to(self.device)
        pictures: Tensor = self.network.decode(z).cpu()
        return pictures * 2.0 - 1.0

    def export(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, ``card.json`` with measured figures, and ``samples.png``."""
        save_vae(self.network, folder)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        figures, activity = self._measure()
        activity["fingerprint"] = fingerprint_of([folder / CONFIG, folder / WEIGHTS])
        card = {
            "licence": self.recipe.licence,
            "origin": f"latent-explorer train {self.recipe.name}",
            "notes": f"{_LOSS_NAMES[self.settings.loss]}, trained on '{self.source.name}'.",
            "recipe": json.loads(msgspec.json.encode(self.recipe)),
            "data": self.source.description,
            "figures": figures,
            "latent_activity": activity,
        }
        atomic_write(folder / "card.json", (json.dumps(card, indent=2) + "\n").encode())

    @torch.no_grad()
    def _measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """Reconstruction error and the statistics of the posteriors, on pictures drawn with seeds of their own."""
        means, log_variances, squared, count = [], [], 0.0, self.settings.evaluation
        for start in range(0, count, EVALUATION_BATCH):
            size = min(EVALUATION_BATCH, count - start)
            targets = (self.source.draw(size, EVALUATION_SEED + start).images.to(self.device) + 1.0) / 2.0
            mean, log_variance = self.network.encode(targets)
            squared += float((self.network.decode(mean) - targets).square().mean(dim=(1, 2, 3)).sum())
            means.append(mean.cpu())
            log_variances.append(log_variance.cpu())
        found = posterior_statistics(torch.cat(means), torch.cat(log_variances))
        error = squared / count
        figures: dict[str, float | str] = {
            "reconstruction_mse": error,
            "reconstruction_psnr_db": -10.0 * math.log10(error),
            "kl_nats": float(found.kl.sum()),
            "training_pictures": self.pictures,
            "training_seconds": round(self.seconds, 1),
            "hardware": "1 core of a 2-core CPU" if self.device.type == "cpu" else "one GPU",
        }
        activity = {name: [round(float(v), 6) for v in values] for name, values in found._asdict().items()}
        return figures, {"data": self.source.name, "n": count, **activity}


_LOSS_NAMES = {"vae": "VAE", "beta": "β-VAE", "btcvae": "β-TCVAE"}


def _noise(seed: int, step: int, shape: torch.Size) -> Tensor:
    """N(0, 1) that depends on the recipe's seed and the step alone (the 1 keeps it apart from the data's stream)."""
    drawn = int(np.random.SeedSequence([seed, step, 1]).generate_state(1)[0])
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(drawn))


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return VaeTrainer(recipe, source, device)


TRAINER = make
