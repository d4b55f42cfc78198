"""Training of a latent diffusion model (Rombach et al. 2022): first a small autoencoder, then a U-Net on its latents.

The step number says which: steps below ``autoencoder_steps`` train the autoencoder, the others the U-Net.
"""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.files import atomic_write
from explorer.generators.base import standard_normal
from explorer.numerics.samplers import ddim
from explorer.numerics.schedules import alphas_cumprod, timesteps
from explorer.training.base import Recipe, Trainer
from explorer.training.data import Batch, Source
from explorer.training.diffusion_figures import measure
from explorer.training.diffusion_networks import (
    PREDICTION,
    SCHEDULE,
    TRAIN_STEPS,
    average_into,
    build_autoencoder,
    build_unet,
    standardise_latents,
)
from explorer.training.sheets import save_sheet


class DiffusionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a diffusion recipe.

    The autoencoder halves the picture ``len(autoencoder_widths) - 1`` times; its loss is the mean absolute error plus
    ``kl_weight`` times the KL term per latent number. Each batch of latents is noised ``draws`` times. Both learning
    rates warm up over ``warm_up`` steps, stay, and fall linearly to zero over the last ``cool_down`` share of their
    phase. ``average`` is the decay of the averaged weights. ``precision`` is that of the networks while training
    (bfloat16 pays on processors and GPUs that have it). ``full_steps``, ``interactive_steps``: sampler steps for the
    card. ``h_window``: highest and lowest training step at which edits of ``h`` act, for the card (none: all).
    ``evaluation``: pictures for the figures in the card.
    """

    autoencoder_steps: int
    autoencoder_widths: tuple[int, ...] = (16, 32, 64)
    autoencoder_learning_rate: float = 2e-3
    latent_channels: int = 4
    kl_weight: float = 2e-4
    unet_widths: tuple[int, ...] = (64, 96, 128)
    learning_rate: float = 1e-3
    draws: int = 2
    warm_up: int = 100
    cool_down: float = 0.25
    average: float = 0.998
    precision: Literal["float32", "bfloat16"] = "float32"
    full_steps: int = 50
    interactive_steps: int = 5
    h_window: tuple[int, ...] = ()
    evaluation: int = 500


class DiffusionTrainer:
    """One run. Pictures in [-1, 1] come in; the U-Net learns v (Salimans and Ho 2022) on the cosine schedule."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        self.recipe, self.source, self.device = recipe, source, device
        try:
            self.settings = settings = msgspec.convert(recipe.settings, DiffusionSettings)
        except msgspec.ValidationError as error:
            raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {error}.") from error
        self.latent_size, rest = divmod(source.size, 2 ** (len(settings.autoencoder_widths) - 1))
        if rest or not self.latent_size or self.latent_size % 2 ** (len(settings.unet_widths) - 1):
            raise ExplorerError(
                f"The settings of recipe '{recipe.name}' halve pictures of {source.size} pixels too often; "
                "give autoencoder_widths or unet_widths fewer entries."
            )
        self.autoencoder = build_autoencoder(
            source.size, source.channels, settings.autoencoder_widths, settings.latent_channels, recipe.seed
        ).to(device)
        self.unet = build_unet(self.latent_size, settings.latent_channels, settings.unet_widths, recipe.seed).to(device)
        self.average = copy.deepcopy(self.unet).requires_grad_(False)
        self.optimisers = {
            "autoencoder": torch.optim.AdamW(self.autoencoder.parameters(), betas=(0.9, 0.99), weight_decay=0.0),
            "unet": torch.optim.AdamW(self.unet.parameters(), betas=(0.9, 0.99), weight_decay=0.0),
        }
        self.alphas = alphas_cumprod(SCHEDULE, TRAIN_STEPS)
        self.spent = {"autoencoder_pictures": 0, "unet_pictures": 0, "seconds": 0.0}

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One step of AdamW; returns the losses of the phase that ``number`` falls into."""
        started = time.perf_counter()
        phase = self._autoencoder_step if number < self.settings.autoencoder_steps else self._unet_step
        losses = phase(number, batch.images)
        self.spent["seconds"] += time.perf_counter() - started
        return losses

    def _autoencoder_step(self, number: int, images: Tensor) -> dict[str, float]:
        noise = self._noise(number, (len(images), self.settings.latent_channels, self.latent_size, self.latent_size))
        with self._precision():
            posterior = self.autoencoder.encode(images).latent_dist
            z = posterior.mean + (0.5 * posterior.logvar).exp() * noise
            error = (self.autoencoder.decode(z).sample.float() - images).abs().mean()
        kl = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1.0 - posterior.logvar).float().mean()
        self._update(
            "autoencoder",
            error + self.settings.kl_weight * kl,
            self.settings.autoencoder_learning_rate * self._rate(number, self.settings.autoencoder_steps),
        )
        self.spent["autoencoder_pictures"] += len(images)
        return {"absolute_error": error.item(), "kl": kl.item()}

    def _unet_step(self, number: int, images: Tensor) -> dict[str, float]:
        own = number - self.settings.autoencoder_steps
        with torch.no_grad():
            if own == 0:  # the autoencoder is finished: its latents become the standard-normal scale of diffusion
                self.autoencoder.requires_grad_(False)
                standardise_latents(self.autoencoder, self.autoencoder.encode(images).latent_dist.mean)
            with self._precision():
                z = self.autoencoder.encode(images).latent_dist.mean.float().repeat(self.settings.draws, 1, 1, 1)
        drawn = self._noise(number, (len(z) * z[0].numel() + len(z),))
        noise = drawn[len(z) :].reshape(z.shape)
        # Stratified: one time in every slice of the schedule, so that no batch is all noise or all picture.
        share = (torch.arange(len(z), device=self.device) + torch.special.ndtr(drawn[: len(z)])) / len(z)
        times = (share * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)
        alpha = self.alphas.to(self.device)[times].float()[:, None, None, None]
        noisy = alpha.sqrt() * z + (1.0 - alpha).sqrt() * noise
        target = alpha.sqrt() * noise - (1.0 - alpha).sqrt() * z
        with self._precision():
            predicted = self.unet(noisy, times).sample.float()
        loss = functional.mse_loss(predicted, target)
        phase = self.recipe.steps - self.settings.autoencoder_steps
        self._update("unet", loss, self.settings.learning_rate * self._rate(own, phase))
        average_into(self.average, self.unet, min(self.settings.average, (1 + own) / (10 + own)))
        self.spent["unet_pictures"] += len(images)
        return {"v_error": loss.item()}

    def _update(self, name: str, loss: Tensor, rate: float) -> None:
        optimiser = self.optimisers[name]
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 1.0)
        optimiser.step()

    def _rate(self, step: int, phase: int) -> float:
        """Share of the learning rate at ``step`` of a phase."""
        remaining = (phase - step) / max(1.0, self.settings.cool_down * phase)
        return min(1.0, (step + 1) / max(1, self.settings.warm_up), remaining)

    def _noise(self, step: int, shape: tuple[int, ...]) -> Tensor:
        """N(0, 1) of the recipe's seed and the step alone (the 1 keeps it apart from the data's stream)."""
        drawn = int(np.random.SeedSequence([self.recipe.seed, step, 1]).generate_state(1)[0])
        return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(drawn)).to(self.device)

    @contextlib.contextmanager
    def _precision(self) -> Iterator[None]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            yield

    def state(self) -> dict[str, Any]:
        """Weights, averaged weights, the optimisers' moments, and what has been spent."""
        return {
            "autoencoder": self.autoencoder.state_dict(),
            "unet": self.unet.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "spent": dict(self.spent),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        for name in ("autoencoder", "unet", "average"):
            getattr(self, name).load_state_dict(state[name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.spent = dict(state["spent"])

    @torch.no_grad()
    def samples(self, count: int, seed: int, steps: int = 0) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1] of the averaged weights; ``steps`` of DDIM (0: the full count).

        Picture i is the one that seed ``seed + i`` shows.
        """
        chosen = timesteps(steps or self.settings.full_steps, TRAIN_STEPS, "trailing")
        pictures = []
        for first in range(0, count, 50):
            shape = (self.settings.latent_channels, self.latent_size, self.latent_size)
            x = standard_normal(range(seed + first, seed + min(count, first + 50)), shape).to(self.device)
            z = ddim(lambda x, t: self.average(x, t).sample, x, chosen, self.alphas, PREDICTION)
            pictures.append(self.autoencoder.decode(z).sample.clamp(-1.0, 1.0).cpu())
        return torch.cat(pictures)

    @torch.no_grad()
    def reconstructions(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1]: ``images`` through the autoencoder and back, by the posterior's mean."""
        z = self.autoencoder.encode(images.to(self.device)).latent_dist.mean
        decoded: Tensor = self.autoencoder.decode(z).sample
        return decoded.clamp(-1.0, 1.0).cpu()

    def export(self, folder: Path) -> None:
        """Write a pipeline folder that diffusers opens as it is, ``card.json`` with figures, and ``samples.png``."""
        from diffusers import DDIMScheduler, LDMPipeline

        scheduler = DDIMScheduler(
            num_train_timesteps=TRAIN_STEPS,
            beta_schedule=SCHEDULE,
            prediction_type=PREDICTION,
            clip_sample=False,
            timestep_spacing="trailing",
        )
        pipeline = LDMPipeline(vqvae=self.autoencoder, unet=self.average, scheduler=scheduler)
        pipeline.save_pretrained(folder, safe_serialization=True)
        for weights in folder.rglob("*.safetensors"):  # diffusers leaves them readable by their owner alone
            shutil.copymode(folder / "model_index.json", weights)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        figures = {
            **measure(self.samples, self.reconstructions, self.source, self.settings),
            **self.spent,
            "seconds": round(self.spent["seconds"], 1),
            "hardware": "1 core of a 2-core CPU" if self.device.type == "cpu" else "one GPU",
        }
        card = {
            "licence": self.recipe.licence,
            "origin": f"latent-explorer train {self.recipe.name}",
            "notes": f"Latent diffusion (v-prediction, DDIM), trained on '{self.source.name}'.",
            "full_steps": self.settings.full_steps,
            "interactive_steps": self.settings.interactive_steps,
            **({"h_window": list(self.settings.h_window)} if self.settings.h_window else {}),
            "recipe": json.loads(msgspec.json.encode(self.recipe)),
            "figures": figures,
        }
        atomic_write(folder / "card.json", (json.dumps(card, indent=2) + "\n").encode())


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return DiffusionTrainer(recipe, source, device)


TRAINER = make
