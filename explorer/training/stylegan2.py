"""Trains a StyleGAN2 generator on a small budget, in four stages of one run; with steps in the last stage alone, from
nothing, as published.

1. *Autoencoder*: an encoder gives each training picture a standardised code w, and the synthesis network learns to draw
   the picture from it (L1 over a pyramid of sizes; Gaussian noise on the code keeps the drawing smooth in w).
2. *Flow*: the distribution of these codes is learned by flow matching (Lipman et al., ICLR 2023) from the sphere that
   the
   mapping network's normalised z lies on, with optimally coupled batches (Tong et al., TMLR 2024).
3. *Distillation*: the mapping network learns to reach in one pass what the flow's integration reaches from the same z.
4. *Adversarial refinement* of mapping and synthesis: non-saturating logistic loss with lazy R1 (Karras et al., CVPR
   2020),
   half of each generator batch drawing encoded pictures with the loss of stage 1 as an anchor; where the data is
   little, with adaptive augmentation (``augment.py``).

Shipped weights are exponential moving averages. Everything random comes from (seed, step).
"""

from __future__ import annotations

import copy
import time
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.generators.base import standard_normal
from explorer.generators.stylegan2 import save_stylegan2
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.numerics.randomness import seeded
from explorer.training.augment import Adaptive, augment
from explorer.training.averaging import average_into
from explorer.training.base import Recipe, Trainer
from explorer.training.batch import Batch, Source
from explorer.training.loop import batch_of
from explorer.training.muon import Muon
from explorer.training.precision import Precision
from explorer.training.rates import cosine_decay, set_rate
from explorer.training.sheets import save_sheet
from explorer.training.stylegan2_card import write_card_of
from explorer.training.stylegan2_networks import Discriminator, Encoder
from explorer.training.stylegan2_prior import Prior
from explorer.training.stylegan2_settings import Settings, pyramid_distance


class StyleGAN2Trainer:
    """See the module. The stage follows from the step's number alone, so a resumed run takes the same path."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        try:
            self.settings = s = msgspec.convert(recipe.settings, Settings)
            size, colours = source.size, source.channels
            config = NetworkConfig(
                size, tuple(s.channels), s.z_dim, s.w_dim, s.mapping_layers, s.mapping_width,
                s.mapping_lr_multiplier, "skip", colours,
            )  # fmt: skip
            if size >> len(s.small_steps) < 4:
                raise ValueError(f"{len(s.small_steps)} small_steps bring {size} pixels below 4")
            self.recipe, self.source, self.device = recipe, source, device
            self.precision = Precision(s.precision, device)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(recipe.seed)
                self.generator: StyleGAN2 = StyleGAN2(config).to(device)
                self.encoder = Encoder(size, s.encoder_channels, colours, s.w_dim).to(device)
                self.discriminator = Discriminator(size, s.discriminator_channels, colours).to(device)
                self.prior = Prior(s, self.generator.mapping, self.precision, device)
        except (msgspec.ValidationError, ValueError) as error:
            raise ExplorerError(f"The recipe '{recipe.name}' cannot be followed: {error}.") from error
        if not s.autoencoder_steps and (s.flow_steps or s.distillation_steps or s.anchor_weight):
            raise ExplorerError(
                f"The recipe '{recipe.name}' trains no autoencoder; then flow_steps, distillation_steps and "
                "anchor_weight are 0, too."
            )
        if s.autoencoder_steps and s.z_dim != s.w_dim:
            raise ExplorerError(f"The recipe '{recipe.name}' needs z_dim = w_dim: the flow runs between the two.")
        self.average = copy.deepcopy(self.generator).eval()
        self.average_encoder = copy.deepcopy(self.encoder).eval()
        self.flow_end = s.autoencoder_steps + s.flow_steps
        self.adversarial_start = self.flow_end + s.distillation_steps
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in self.generator.blocks.named_parameters():
            (matrices if parameter.ndim >= 2 and not name.endswith("constant") else others).append(parameter)
        groups: list[dict[str, Any]] = [{"params": list(self.encoder.parameters())}, {"params": others, "scale": 10.0}]
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "synthesis": Muon(matrices, s.synthesis_rate),
            "autoencoder": torch.optim.Adam(groups, s.autoencoder_rate, (0.9, 0.99)),
            **self.prior.optimisers,
            "generator": torch.optim.Adam(self.generator.parameters(), s.adversarial_rate, (0.0, 0.99)),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), s.discriminator_rate, (0.0, 0.99)),
        }
        self.adaptive = Adaptive(s.ada_target, s.ada_kimg)
        self.seconds = 0.0

    # The trainer's protocol

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One step of the stage that ``number`` falls into."""
        begun = time.perf_counter()
        random = seeded(self.recipe.seed, number, 1)
        images = batch.images
        if number < self.settings.autoencoder_steps:
            losses = self._autoencoder_step(number, images, random)
        elif number < self.flow_end:
            losses = self._flow_step(number - self.settings.autoencoder_steps, images, random)
        elif number < self.adversarial_start:
            losses = self._distillation_step(number - self.flow_end, random)
        else:
            losses = self._adversarial_step(number - self.adversarial_start, images, random)
        if number + 1 == self.adversarial_start or number + 1 == self.recipe.steps:
            self._measure_w()
        self.seconds += time.perf_counter() - begun
        return losses

    def state(self) -> dict[str, Any]:
        return {
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "bank": self.prior.bank,
            "pairs": self.prior.pairs,
            "augmentation": self.adaptive.state(),
            "precision": self.precision.state(),
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.adaptive.restore(state["augmentation"])
        self.precision.restore(state["precision"])
        self.prior.bank, self.prior.pairs, self.seconds = state["bank"], state["pairs"], state["seconds"]

    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, H) pictures in [-1, 1] of the averaged weights, untruncated; picture i is that of seed
        ``seed + i``. Before the mapping network has learned, codes come from the flow, and before that from N(0, I)."""
        z = standard_normal(range(seed, seed + count), (self.settings.z_dim,))
        with torch.no_grad():
            drawn = [self._draw(self.average, self._codes(part.to(self.device))) for part in torch.split(z, 64)]
        return torch.cat(drawn).clamp(-1, 1)

    def reconstructions(self, images: Tensor) -> Tensor:
        """``images`` (B, C, H, H) in [-1, 1], encoded and drawn again by the averaged weights."""
        with torch.no_grad():
            return self._draw(self.average, self.average_encoder(images)).clamp(-1, 1)

    def export(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, ``card.json`` with measured figures, and ``samples.png``."""
        save_stylegan2(self.average, folder)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        write_card_of(self, folder)

    # Stages

    def _autoencoder_step(self, number: int, images: Tensor, random: torch.Generator) -> dict[str, float]:
        s = self.settings
        shrink = 1 << sum(number < end for end in accumulate(s.small_steps))
        decay = min(1.0, (number + 1) / 30) * cosine_decay(number / s.autoencoder_steps)
        set_rate(self.optimisers["autoencoder"], s.autoencoder_rate * decay)
        set_rate(self.optimisers["synthesis"], s.synthesis_rate * decay)
        with self.precision.autocast():
            w = self.encoder(images)
        w = w + s.code_noise * self._normal(random, *w.shape)
        drawn = self._draw(self.generator, w, self.precision.dtype, images.shape[-1] // shrink)
        loss = pyramid_distance(drawn, functional.avg_pool2d(images, shrink))
        self._update(loss, "autoencoder", "synthesis")
        keep = min(s.averaging, number / (number + 10))
        average_into(self.average, self.generator, keep)
        average_into(self.average_encoder, self.encoder, keep)
        return {"reconstruction": loss.item()}

    def _flow_step(self, number: int, images: Tensor, random: torch.Generator) -> dict[str, float]:
        if number == 0:
            self._standardise_codes()
        with torch.no_grad():
            codes = self.average_encoder(images)
        return {"flow": self.prior.fit(number, codes, random)}

    def _distillation_step(self, number: int, random: torch.Generator) -> dict[str, float]:
        loss = self.prior.distil(number, random)
        # The averaged weights of the first stage are where the last one starts.
        keep = min(self.settings.averaging, number / (number + 10))
        average_into(self.average.mapping, self.generator.mapping, keep)
        return {"distillation": loss}

    def _adversarial_step(self, number: int, images: Tensor, random: torch.Generator) -> dict[str, float]:
        s = self.settings
        if number == 0:
            self.generator.load_state_dict(self.average.state_dict())
        half = len(images) // 2
        anchored = half if s.anchor_weight else 0  # pictures of the generator's batch that draw encoded ones
        z = self._normal(random, len(images), s.z_dim)
        with torch.no_grad():
            fake = self._draw(self.generator, self.generator.mapping(z), self.precision.dtype)
        self.discriminator.requires_grad_(True)
        real = self._augment(images, random)
        with self.precision.autocast():
            real_logits, fake_logits = self.discriminator(real), self.discriminator(self._augment(fake, random))
        loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        losses = {"discriminator": loss.item()}
        if s.ada_target:
            self.adaptive.observe(real_logits)
            losses |= {"augmentation": self.adaptive.p, "real_signs": self.adaptive.r}
        if number % s.r1_every == 0:
            # At the pictures that the discriminator sees: resampling has no second derivative.
            some = real[:half].detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(self.discriminator(some).sum(), some, create_graph=True)
            loss = loss + 0.5 * s.r1_weight * s.r1_every * slope.square().sum((1, 2, 3)).mean()
        set_rate(self.optimisers["discriminator"], s.discriminator_rate)
        self._update(loss, "discriminator")
        if number < s.discriminator_warm_up:
            return losses

        self.discriminator.requires_grad_(False)
        left = self.recipe.steps - self.adversarial_start
        set_rate(self.optimisers["generator"], s.adversarial_rate * cosine_decay(number / left))
        with torch.no_grad():
            codes = self.average_encoder(images[:anchored])
        codes = codes + s.code_noise * self._normal(random, anchored, s.w_dim)
        z = self._normal(random, len(images) - anchored, s.z_dim)
        drawn = self._draw(self.generator, torch.cat([codes, self.generator.mapping(z)]), self.precision.dtype)
        with self.precision.autocast():
            fooled = functional.softplus(-self.discriminator(self._augment(drawn[anchored:], random))).mean()
        loss, losses["generator"] = fooled, fooled.item()
        if anchored:
            anchor = pyramid_distance(drawn[:anchored], images[:anchored])
            loss, losses["reconstruction"] = loss + s.anchor_weight * anchor, anchor.item()
        self._update(loss, "generator")
        average_into(self.average, self.generator, s.averaging)
        return losses

    # Parts

    def _standardise_codes(self) -> None:
        """Mean and variance of the averaged encoder's own codes, over the pictures of 64 steps to come.

        Those that training kept belong to other weights: the codes' spread is small against their mean, so that
        averaging the weights shifts them far.
        """
        start, standardise = self.settings.autoencoder_steps, self.average_encoder.standardise
        codes: list[Tensor] = []
        with torch.no_grad():
            for ahead in range(64):
                images = batch_of(self.source, self.recipe, start + ahead).images.to(self.device)
                codes.append(self.average_encoder.raw(images))
            raw = torch.cat(codes)
            standardise.get_buffer("running_mean").copy_(raw.mean(0))
            standardise.get_buffer("running_var").copy_(raw.var(0))

    def _measure_w(self) -> None:
        """Mean and standard deviation of w over 16,384 points of the prior, stored with the averaged weights."""
        z = torch.randn(16384, self.settings.z_dim, generator=torch.Generator("cpu").manual_seed(self.recipe.seed))
        with torch.no_grad():
            w = self.average.mapping(z.to(self.device))
            for network in (self.average, self.generator):
                network.get_buffer("w_mean").copy_(w.mean(0))
                network.get_buffer("w_std").copy_(w.std(0))

    def _networks(self) -> dict[str, nn.Module]:
        names = ("generator", "encoder", "discriminator", "average", "average_encoder")
        own = {name: getattr(self, name) for name in names}
        return {**own, "velocity": self.prior.velocity, "average_velocity": self.prior.average_velocity}

    def _augment(self, images: Tensor, random: torch.Generator) -> Tensor:
        return augment(images, self.adaptive.p, self.settings.ada_groups, random)

    def _normal(self, random: torch.Generator, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=random).to(self.device)

    def _codes(self, z: Tensor) -> Tensor:
        """w (B, W) of ``z`` by what has been trained so far."""
        if len(self.prior.pairs) or not self.settings.distillation_steps:
            w: Tensor = self.average.mapping(z)
            return w
        return self.prior.carry(z) if len(self.prior.bank) else z

    def _draw(
        self,
        generator: StyleGAN2,
        w: Tensor,
        dtype: torch.dtype = torch.float32,
        resolution: int | None = None,
    ) -> Tensor:
        return generator.synthesis(generator.styles(generator.broadcast(w)), resolution, dtype)

    def _update(self, loss: Tensor, *names: str) -> None:
        self.precision.update(loss, [self.optimisers[name] for name in names])


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return StyleGAN2Trainer(recipe, source, device)


TRAINER = make
