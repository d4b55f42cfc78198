"""Training of a diffusion model: latent (Rombach et al. 2022), first a small autoencoder, then a U-Net on its latents;
or on the latents of a model that there is; or, with neither, a U-Net on the pixels (Ho et al. 2020).

The step number says which: steps below ``autoencoder_steps`` train the autoencoder, the others the U-Net.
"""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.generators.base import standard_normal
from explorer.generators.diffusion_scheduler import SchedulerConfig
from explorer.numerics.randomness import seeded
from explorer.training.averaging import average_into
from explorer.training.base import Recipe, Trainer
from explorer.training.batch import Batch, Source
from explorer.training.card import write_card
from explorer.training.diffusion_figures import measure
from explorer.training.diffusion_networks import autoencoder_of, build_autoencoder, build_unet, standardise_latents
from explorer.training.diffusion_settings import TRAIN_STEPS, DiffusionSettings
from explorer.training.hardware import hardware
from explorer.training.precision import Precision
from explorer.training.rates import set_rate
from explorer.training.sheets import save_sheet

NOISE = 1  # stream of random numbers; 0 is the data's
SCHEDULES = {"v_prediction": "squaredcos_cap_v2", "epsilon": "linear"}


class DiffusionTrainer:
    """One run. Pictures in [-1, 1] come in; ``latent_shape`` is that of what is noised. Trainers of other networks say
    what these are (:meth:`build_unet`, :meth:`build_autoencoder`) and what the U-Net is given (:meth:`predicted`)."""

    settings_type: ClassVar[type[DiffusionSettings]] = DiffusionSettings
    kind: ClassVar[str] = "Diffusion"
    pixel_pipeline: ClassVar[str] = "DDIMPipeline"
    """diffusers' class for models in pixels."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        self.recipe, self.source, self.device = recipe, source, device
        try:
            self.settings = settings = msgspec.convert(recipe.settings, self.settings_type)
        except msgspec.ValidationError as error:
            raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {error}.") from error
        trains = settings.autoencoder_steps > 0
        if settings.autoencoder and trains:
            raise ExplorerError(
                f"The recipe '{recipe.name}' names an autoencoder and trains one as well; leave out 'autoencoder', or "
                "set autoencoder_steps to 0."
            )
        self.autoencoder: Any = None
        if settings.autoencoder:
            self.autoencoder = autoencoder_of(settings.autoencoder, source).to(device)
        latent = trains or self.autoencoder is not None
        size, rest = divmod(source.size, 2 ** self.halvings() if latent else 1)
        if rest or not size or size % 2 ** (len(settings.unet_widths) - 1):
            raise ExplorerError(
                f"The settings of recipe '{recipe.name}' halve pictures of {source.size} pixels too often; "
                "give autoencoder_widths or unet_widths fewer entries."
            )
        if recipe.steps <= settings.autoencoder_steps:
            raise ExplorerError(f"The recipe '{recipe.name}' needs more steps than the autoencoder takes.")
        channels = self.autoencoder.config.latent_channels if self.autoencoder else settings.latent_channels
        self.latent_shape = (channels if latent else source.channels, size, size)
        self.precision = Precision(settings.precision, device)
        self.unet = self.build_unet().to(device)
        self.average = copy.deepcopy(self.unet).requires_grad_(False)
        trained = {"unet": self.unet}
        if trains:
            self.autoencoder = trained["autoencoder"] = self.build_autoencoder().to(device)
        self.optimisers = {
            name: torch.optim.AdamW(network.parameters(), betas=(0.9, 0.99), weight_decay=0.0)
            for name, network in trained.items()
        }
        self.networks = {**trained, "average": self.average}
        self.scheduler = self.build_scheduler()
        self.spent = {"autoencoder_pictures": 0, "unet_pictures": 0, "seconds": 0.0}

    # --- what trainers of other networks say otherwise ------------------------------------------------------------

    def halvings(self) -> int:
        """How often the autoencoder halves a picture."""
        widths = self.autoencoder.config.block_out_channels if self.autoencoder else self.settings.autoencoder_widths
        return len(widths) - 1

    def build_unet(self) -> Any:
        """The U-Net with its initial weights, a function of the recipe's seed."""
        channels, size, _ = self.latent_shape
        return build_unet(size, channels, self.settings.unet_widths, self.recipe.seed)

    def build_autoencoder(self) -> Any:
        """The same of the autoencoder."""
        settings = self.settings
        return build_autoencoder(
            self.source.size, self.source.channels, settings.autoencoder_widths, settings.latent_channels,
            self.recipe.seed,
        )  # fmt: skip

    def build_scheduler(self) -> Any:
        """What is written down of noise levels, for the folder; sampling follows it."""
        return SchedulerConfig(
            num_train_timesteps=TRAIN_STEPS,
            beta_schedule=SCHEDULES[self.settings.prediction],
            prediction_type=self.settings.prediction,
            timestep_spacing="trailing",
            clip_sample=False,
        )

    def exported_scheduler(self) -> Any:
        """The same as a scheduler of diffusers."""
        from diffusers import DDIMScheduler

        return DDIMScheduler(**msgspec.structs.asdict(self.scheduler))

    def noised(self, z: Tensor, noise: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(noisy z, times, what the U-Net shall say) of ``z`` and ``noise`` (B, C, h, w), at ``share`` (B,) of the
        schedule."""
        times = (share * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)
        alpha = self.scheduler.alphas_cumprod().to(z.device)[times].float()[:, None, None, None]
        noisy = alpha.sqrt() * z + (1.0 - alpha).sqrt() * noise
        if self.settings.prediction == "v_prediction":
            return noisy, times, alpha.sqrt() * noise - (1.0 - alpha).sqrt() * z
        return noisy, times, noise

    @property
    def sampler(self) -> str:
        """For the card: what is predicted, and how pictures are drawn."""
        return f"{self.settings.prediction}, DDIM"

    @property
    def class_text(self) -> str:
        """For the card: a space and a sentence on the classes that the U-Net is told; empty where that are none."""
        return ""

    @property
    def target(self) -> str:
        """What the U-Net is taught, for the log."""
        return "v" if self.settings.prediction == "v_prediction" else "noise"

    def predicted(self, number: int, noisy: Tensor, times: Tensor, factors: Tensor | None) -> Tensor:
        """What the U-Net predicts of ``noisy`` (B, C, h, w) at ``times`` (B,), in step ``number``, of pictures with
        ``factors`` (B / draws, K)."""
        predicted: Tensor = self.unet(noisy, times).sample
        return predicted

    def encoded(self, images: Tensor) -> Tensor:
        """(B, C, h, w) of ``images``, by the autoencoder that is finished."""
        config = self.autoencoder.config
        z: Tensor = self.autoencoder.encode(images).latent_dist.mean
        scaled: Tensor = (z - (config.get("shift_factor") or 0.0)) * config.scaling_factor
        return scaled

    def decoded(self, z: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] of ``z`` (B, C, h, w)."""
        if self.autoencoder is not None:
            config = self.autoencoder.config
            z = self.autoencoder.decode(z / config.scaling_factor + (config.get("shift_factor") or 0.0)).sample
        return z.clamp(-1.0, 1.0)

    def drawn(self, x: Tensor, seeds: Sequence[int], steps: int) -> Tensor:
        """The latents (B, C, h, w) that the averaged weights make of the noise ``x`` of ``seeds`` in ``steps``."""
        plan = self.scheduler.plan(steps)
        z: Tensor = self.scheduler.run(lambda x, t: self.average(x, t).sample, x, plan, 0, len(plan.timesteps))
        return z

    def finish_autoencoder(self, images: Tensor) -> None:
        """Called once, with a batch of pictures, when the autoencoder is trained."""
        # Its latents become the standard-normal scale of diffusion.
        standardise_latents(self.autoencoder, self.encoded(images))

    # --- what they share ------------------------------------------------------------------------------------------

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One step of AdamW; returns the losses of the phase that ``number`` falls into."""
        started = time.perf_counter()
        if number < self.settings.autoencoder_steps:
            losses = self.autoencoder_step(number, batch.images)
        else:
            losses = self._unet_step(number, batch)
        self.spent["seconds"] += time.perf_counter() - started
        return losses

    def autoencoder_step(self, number: int, images: Tensor) -> dict[str, float]:
        """One step of the first phase."""
        noise = self.noise(number, (len(images), *self.latent_shape))
        with self.precision.autocast():
            posterior = self.autoencoder.encode(images).latent_dist
            z = posterior.mean + (0.5 * posterior.logvar).exp() * noise
            error = (self.autoencoder.decode(z).sample.float() - images).abs().mean()
        kl = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1.0 - posterior.logvar).float().mean()
        self.improve_autoencoder(number, error + self.settings.kl_weight * kl, len(images))
        return {"absolute_error": error.item(), "kl": kl.item()}

    def improve_autoencoder(self, number: int, loss: Tensor, pictures: int) -> None:
        """Step ``number`` of its optimiser, down the gradient of ``loss``, which so many ``pictures`` gave."""
        rate = self.settings.autoencoder_learning_rate * self._rate(number, self.settings.autoencoder_steps)
        self._update("autoencoder", loss, rate)
        self.spent["autoencoder_pictures"] += pictures

    def _unet_step(self, number: int, batch: Batch) -> dict[str, float]:
        images = batch.images
        own = number - self.settings.autoencoder_steps
        z = self._latents(images, first=own == 0).repeat(self.settings.draws, 1, 1, 1)
        drawn = self.noise(number, (len(z) * z[0].numel() + len(z),))
        noise = drawn[len(z) :].reshape(z.shape)
        # Stratified: one time in every slice of the schedule, so that no batch is all noise or all picture.
        share = (torch.arange(len(z), device=self.device) + torch.special.ndtr(drawn[: len(z)])) / len(z)
        noisy, times, target = self.noised(z, noise, share)
        with self.precision.autocast():
            predicted = self.predicted(number, noisy, times, batch.factors).float()
        loss = functional.mse_loss(predicted, target)
        phase = self.recipe.steps - self.settings.autoencoder_steps
        self._update("unet", loss, self.settings.learning_rate * self._rate(own, phase))
        average_into(self.average, self.unet, min(self.settings.average, (1 + own) / (10 + own)))
        self.spent["unet_pictures"] += len(images)
        return {f"{self.target}_error": loss.item()}

    @torch.no_grad()
    def _latents(self, images: Tensor, first: bool) -> Tensor:
        """(B, C, h, w) of ``images``, shaped as ``latent_shape``; ``first``: the autoencoder is just finished."""
        if self.autoencoder is None:
            return images
        if first and self.settings.autoencoder_steps:
            self.autoencoder.requires_grad_(False)
            self.finish_autoencoder(images)
        with self.precision.autocast():
            return self.encoded(images).float()

    def _update(self, name: str, loss: Tensor, rate: float) -> None:
        set_rate(self.optimisers[name], rate)
        self.precision.update(loss, [self.optimisers[name]], clip=1.0)

    def _rate(self, step: int, phase: int) -> float:
        """Share of the learning rate at ``step`` of a phase."""
        remaining = (phase - step) / max(1.0, self.settings.cool_down * phase)
        return min(1.0, (step + 1) / max(1, self.settings.warm_up), remaining)

    def noise(self, step: int, shape: tuple[int, ...], stream: int = NOISE) -> Tensor:
        """N(0, 1) of the recipe's seed, the step and the ``stream`` alone."""
        return torch.randn(shape, generator=seeded(self.recipe.seed, step, stream)).to(self.device)

    def state(self) -> dict[str, Any]:
        """Weights, averaged weights, the optimisers' moments, and what has been spent."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "precision": self.precision.state(),
            "spent": dict(self.spent),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.precision.restore(state["precision"])
        self.spent = dict(state["spent"])

    @torch.no_grad()
    def samples(self, count: int, seed: int, steps: int = 0) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1] of the averaged weights; ``steps`` of DDIM (0: the full count).

        Picture i is the one that seed ``seed + i`` shows.
        """
        pictures = []
        for first in range(0, count, 50):
            seeds = range(seed + first, seed + min(count, first + 50))
            x = standard_normal(seeds, self.latent_shape).to(self.device)
            pictures.append(self.decoded(self.drawn(x, seeds, steps or self.settings.full_steps)).cpu())
        return torch.cat(pictures)

    @torch.no_grad()
    def reconstructions(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1]: ``images`` through the autoencoder and back, by the posterior's mean."""
        return self.decoded(self.encoded(images.to(self.device))).cpu()

    def export(self, folder: Path) -> None:
        """Write a pipeline folder that diffusers opens as it is, ``card.json`` with figures, and ``samples.png``."""
        import diffusers

        scheduler = self.exported_scheduler()
        if self.autoencoder is None:
            pipeline = getattr(diffusers, self.pixel_pipeline)(unet=self.average, scheduler=scheduler)
            kind = f"{self.kind} in pixels"
        else:
            pipeline = diffusers.LDMPipeline(vqvae=self.autoencoder, unet=self.average, scheduler=scheduler)
            kind = f"Latent {self.kind.lower()}"
        pipeline.save_pretrained(folder, safe_serialization=True)
        for weights in folder.rglob("*.safetensors"):  # diffusers leaves them readable by their owner alone
            shutil.copymode(folder / "model_index.json", weights)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        figures = {
            **measure(self.samples, self.reconstructions if self.autoencoder else None, self.source, self.settings),
            **self.spent,
            "seconds": round(self.spent["seconds"], 1),
            "hardware": hardware(self.device),
        }
        notes = f"{kind} ({self.sampler}), trained on '{self.source.name}'.{self.class_text}"
        window = {"h_window": list(self.settings.h_window)} if self.settings.h_window else {}
        write_card(
            folder, self.recipe, self.source, notes, figures,
            full_steps=self.settings.full_steps, interactive_steps=self.settings.interactive_steps, **window,
        )  # fmt: skip


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return DiffusionTrainer(recipe, source, device)


TRAINER = make
