"""Training of the convolutional VAEs: the evidence lower bound with one of the regularisers of
:mod:`explorer.training.vae_losses`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from explorer.generators.base import standard_normal
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.numerics.gaussian_posterior import evidence_lower_bound, posterior_statistics
from explorer.numerics.randomness import seeded
from explorer.training.autoencoder import AutoencoderTrainer, reconstruction_figures
from explorer.training.base import Recipe, Trainer
from explorer.training.batch import Source
from explorer.training.data import SequenceSource
from explorer.training.sequences import equivariance
from explorer.training.vae_losses import Codes, Context, Term, VaeLoss, VaeSettings, loss_of

NOISE, SHUFFLING, EXAMINING = 1, 2, 3  # streams of random numbers


class VaeTrainer(AutoencoderTrainer[VaeSettings, VaeNetwork]):
    """One run. The likelihood is Bernoulli over [0, 1], summed over subpixels."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        kind, settings = self.losses(recipe)
        super().__init__(recipe, source, device, settings)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed + 1)
            self.loss = kind(settings, Context(settings.latents, source.count, device))

    def losses(self, recipe: Recipe) -> tuple[type[VaeLoss], VaeSettings]:
        """The regulariser that the recipe names, and its settings. Raises :class:`ExplorerError`."""
        return loss_of(recipe)

    def build(self) -> VaeNetwork:
        return VaeNetwork(self.config(VaeConfig))

    @property
    def notes(self) -> str:
        return f"{self.loss.title}, trained on '{self.source.name}'."

    def learn(self, number: int, targets: Tensor, factors: Tensor | None) -> dict[str, float]:
        """One step of Adam; returns ``loss`` and its parts in nats a picture."""
        with self.precision.autocast():
            mean, log_variance = (part.float() for part in self.network.encode(targets))
            noise = torch.randn(mean.shape, generator=seeded(self.recipe.seed, number, NOISE)).to(self.device)
            codes = Codes(mean + noise * (0.5 * log_variance).exp(), mean, log_variance)
            logits = self.network.logits(codes.z).float()
        reconstruction = functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(targets)
        terms = self.loss.terms(codes)
        ramp = min(1.0, (number + 1) / max(1, self.settings.warm_up))
        loss = reconstruction + ramp * torch.stack([term.weight * term.value for term in terms.values()]).sum()
        beside = self.beside(number, targets, factors, codes)
        loss = sum((term.weight * term.value for term in beside.values() if term.weight), loss)
        terms |= beside
        self.precision.update(loss, [self.optimiser])
        further = self.loss.after(codes, seeded(self.recipe.seed, number, SHUFFLING))
        parts = {"loss": loss, "reconstruction": reconstruction, **{name: term.value for name, term in terms.items()}}
        return {**{name: part.item() for name, part in parts.items()}, **further}

    def beside(self, number: int, targets: Tensor, factors: Tensor | None, codes: Codes) -> dict[str, Term]:
        """Further terms of step ``number``, of a trainer that asks for more than a VAE: none."""
        return {}

    def state(self) -> dict[str, Any]:
        return {**super().state(), "regulariser": self.loss.state()}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.loss.restore(state["regulariser"])

    @torch.no_grad()
    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1] of prior points; picture i is the one that seed ``seed + i`` shows."""
        z = standard_normal(range(seed, seed + count), (self.settings.latents,)).to(self.device)
        pictures: Tensor = self.network.decode(z).cpu()
        return pictures * 2.0 - 1.0

    def measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """Reconstruction error, evidence lower bound and the statistics of the posteriors, on held-out pictures; of a
        source of sequences also :func:`explorer.training.sequences.equivariance`."""
        means, log_variances, squared, bound, count = [], [], 0.0, 0.0, self.settings.evaluation
        for number, (targets, _) in enumerate(self.held_out()):
            mean, log_variance = self.network.encode(targets)
            squared += float((self.network.decode(mean) - targets).square().mean(dim=(1, 2, 3)).sum())
            drawn = evidence_lower_bound(
                lambda z, x=targets: bernoulli(self.network.logits(z), x),  # type: ignore[misc]
                mean,
                log_variance,
                seeded(self.recipe.seed, number, EXAMINING),
            )
            bound += float(drawn.sum())
            means.append(mean.cpu())
            log_variances.append(log_variance.cpu())
        found = posterior_statistics(torch.cat(means), torch.cat(log_variances))
        activity = {name: [round(float(v), 6) for v in values] for name, values in found._asdict().items()}
        figures = {
            **reconstruction_figures(squared / count),
            "elbo_nats": bound / count,
            "kl_nats": float(found.kl.sum()),
            **self.along_sequences(),
        }
        return figures, {"latent_activity": {"data": self.source.name, "n": count, **activity}}

    def along_sequences(self) -> dict[str, float | str]:
        """:func:`explorer.training.sequences.equivariance` of this network; nothing where there are no sequences."""
        if not isinstance(self.source, SequenceSource):
            return {}
        return {**equivariance(self.network, self.source, self.device)}


def bernoulli(logits: Tensor, targets: Tensor) -> Tensor:
    """(B,) the log-likelihoods in nats of pictures ``targets`` in [0, 1], both (B, C, H, W), summed over subpixels."""
    lost = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return -lost.flatten(1).sum(1)


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return VaeTrainer(recipe, source, device)


TRAINER = make
