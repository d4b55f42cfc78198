"""Training of quantised latent autoencoders: Hsu et al., "Disentanglement via Latent Quantization", NeurIPS 2023."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from explorer.generators.qlae_network import QlaeConfig, QlaeNetwork
from explorer.training.autoencoder import (
    AutoencoderSettings,
    AutoencoderTrainer,
    reconstruction_figures,
    settings_of,
)
from explorer.training.base import Recipe, Trainer, Weight
from explorer.training.batch import Source

PICTURES_FOR_SAMPLES = 500  # from which the use of the codes is told while training goes on
GRADIENT_LIMIT = 1.0  # of every number in the gradient of the weights that decay


class QlaeSettings(AutoencoderSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a QLAE recipe, besides those of every autoencoder.

    ``codes``: values of each latent; ``quantisation`` and ``commitment`` weigh the two terms of the codebook against
    the reconstruction (a mean over subpixels); ``weight_decay`` is decoupled (Loshchilov and Hutter 2019): a step
    shrinks weights by the learning rate times this. Authors: 2 latents a factor, 10 codes, 0.01, 0.01, 0.1.
    """

    latents: int = 12
    codes: int = 10
    quantisation: Weight = 0.01
    commitment: Weight = 0.01
    weight_decay: Weight = 0.1


def parameter_groups(network: QlaeNetwork, weight_decay: float) -> list[dict[str, Any]]:
    """The weights that decay, and those that do not: biases and the codebook."""
    kept = [p for name, p in network.named_parameters() if name.endswith("bias") or name == "codebook"]
    decaying = [p for name, p in network.named_parameters() if not (name.endswith("bias") or name == "codebook")]
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]


class QlaeTrainer(AutoencoderTrainer[QlaeSettings, QlaeNetwork]):
    """One run. The likelihood is Bernoulli over [0, 1], averaged over subpixels."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        super().__init__(recipe, source, device, settings_of(recipe, QlaeSettings))
        groups = parameter_groups(self.network, self.settings.weight_decay)
        self.optimiser = torch.optim.AdamW(groups, lr=self.settings.learning_rate)

    def build(self) -> QlaeNetwork:
        return QlaeNetwork(self.config(QlaeConfig, codes=self.settings.codes))

    @property
    def notes(self) -> str:
        return f"QLAE, trained on '{self.source.name}'."

    def learn(self, number: int, targets: Tensor, factors: Tensor | None) -> dict[str, float]:
        """One step of AdamW on reconstruction + quantisation + commitment; ``loss`` is their weighted sum."""
        with self.precision.autocast():
            continuous = self.network.continuous(targets).float()
            found = self.network.quantise(continuous)
            logits = self.network.logits(found.codes)
        reconstruction = functional.binary_cross_entropy_with_logits(logits.float(), targets)
        loss = (
            reconstruction
            + self.settings.quantisation * found.quantisation
            + self.settings.commitment * found.commitment
        )
        decaying = self.optimiser.param_groups[0]["params"]
        self.precision.update(loss, [self.optimiser], limited=decaying, limit=GRADIENT_LIMIT)
        return {
            "loss": loss.item(),
            "reconstruction": reconstruction.item(),
            "quantisation": found.quantisation.item(),
            "commitment": found.commitment.item(),
        }

    @torch.no_grad()
    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1]: every latent takes each value as often as held-out pictures do."""
        usage = self.network.usage if bool(self.network.usage.any()) else self._usage(PICTURES_FOR_SAMPLES)
        pictures: Tensor = self.network.decode(self.network.draw(range(seed, seed + count), usage)).cpu()
        return pictures * 2.0 - 1.0

    def _usage(self, count: int) -> Tensor:
        """(latents, codes): the share of ``count`` held-out pictures that takes each value."""
        pictures = self.source.held_out(count, 0).images.to(self.device)
        indices = self.network.quantise(self.network.continuous((pictures + 1.0) / 2.0)).indices
        return functional.one_hot(indices, self.settings.codes).double().mean(dim=0).float()

    def measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """Puts the values of the codebook into ascending order and measures how often each is taken."""
        network = self.network
        network.codebook.copy_(network.codebook.sort(dim=1).values)
        squared, counts = 0.0, torch.zeros(self.settings.latents, self.settings.codes, dtype=torch.float64)
        for targets, _ in self.held_out():
            codes = network.encode(targets)
            squared += float((network.decode(codes) - targets).square().mean(dim=(1, 2, 3)).sum())
            indices = network.quantise(codes).indices
            counts += functional.one_hot(indices, self.settings.codes).sum(dim=0).double().cpu()
        usage = counts / self.settings.evaluation
        network.usage.copy_(usage)
        entropy = -(usage * usage.clamp_min(1e-12).log()).sum(dim=1)
        figures = reconstruction_figures(squared / self.settings.evaluation)
        return {**figures, "codes_in_use": int((usage > 0).sum()), "code_entropy_nats": float(entropy.sum())}, {}


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return QlaeTrainer(recipe, source, device)


TRAINER = make
