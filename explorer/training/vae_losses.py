"""The losses of the VAE family: what is added to the reconstruction so that latents come apart. One class each.

A loss is found by its ``name``; it has its own settings, which say what a recipe may set, and its own state.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.numerics.gaussian_posterior import aggregate_covariance, decompose_kl, kl_to_standard_normal
from explorer.training.autoencoder import AutoencoderSettings, settings_of
from explorer.training.base import Count, Recipe, Weight, Whole


class VaeSettings(AutoencoderSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every VAE's recipe may say, besides what every autoencoder's may. ``loss``: the name of a class below; the
    weights of its regulariser grow linearly over ``warm_up`` steps."""

    loss: str = "btcvae"
    warm_up: Whole = 1000


class Term(NamedTuple):
    """One part of a loss, in nats a picture where it is an information, and its weight in the sum."""

    value: Tensor
    weight: float


class Context(NamedTuple):
    """What a loss may need to know of a run when it is made."""

    latents: int
    data_size: int  # different pictures there are
    device: torch.device


class Codes(NamedTuple):
    """The posteriors of a batch, each (B, L): a draw from it, its mean and its log-variance."""

    z: Tensor
    mean: Tensor
    log_variance: Tensor


class VaeLoss(ABC):
    """A regulariser. :meth:`terms` are added to the reconstruction, weighed; :meth:`after` follows the network's own
    step."""

    name: ClassVar[str]
    title: ClassVar[str]  # as papers write it
    Settings: ClassVar[type[VaeSettings]] = VaeSettings

    @abstractmethod
    def __init__(self, settings: Any, context: Context) -> None:
        """``settings`` are of this class's ``Settings``. Networks take their weights from torch's random numbers."""

    @abstractmethod
    def terms(self, codes: Codes) -> dict[str, Term]:
        """Name → part."""

    def after(self, codes: Codes, random: torch.Generator) -> dict[str, float]:
        """What else has to learn, on the detached codes of the same step; returns its losses by name."""
        return {}

    def learners(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Name → what :meth:`after` trains, and with what: a resumed run needs their state."""
        return {}

    def state(self) -> dict[str, Any]:
        """The state of the learners, for the checkpoint."""
        return {name: learner.state_dict() for name, learner in self.learners().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        for name, learner in self.learners().items():
            learner.load_state_dict(state[name])


def _kl(codes: Codes) -> Tensor:
    return kl_to_standard_normal(codes.mean, codes.log_variance).sum(dim=1).mean()


class Plain(VaeLoss):
    """Kingma and Welling 2014: the evidence lower bound."""

    name = "vae"
    title = "VAE"

    def __init__(self, settings: VaeSettings, context: Context) -> None:
        del settings, context

    def terms(self, codes: Codes) -> dict[str, Term]:
        return {"kl": Term(_kl(codes), 1.0)}


class Beta(VaeLoss):
    """Higgins et al. 2017: β weighs the KL term."""

    name = "beta"
    title = "β-VAE"

    class Settings(VaeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        beta: Weight = 4.0

    def __init__(self, settings: Settings, context: Context) -> None:
        self.beta = settings.beta

    def terms(self, codes: Codes) -> dict[str, Term]:
        return {"kl": Term(_kl(codes), self.beta)}


class TotalCorrelation(VaeLoss):
    """Chen et al. 2018: β weighs the total correlation alone, estimated within the batch."""

    name = "btcvae"
    title = "β-TCVAE"

    class Settings(VaeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        beta: Weight = 4.0

    def __init__(self, settings: Settings, context: Context) -> None:
        self.beta, self.data_size = settings.beta, context.data_size

    def terms(self, codes: Codes) -> dict[str, Term]:
        parts = decompose_kl(*codes, self.data_size)._asdict()
        return {name: Term(part, self.beta if name == "total_correlation" else 1.0) for name, part in parts.items()}


class Factor(VaeLoss):
    """Kim and Mnih 2018: γ weighs the total correlation, told by a discriminator between codes and codes whose every
    latent was shuffled over the batch on its own.

    The discriminator's logit estimates the log of the density ratio q(z) / Π q(z_j). Half of a batch shows it codes,
    the other half is shuffled, so that no picture stands on both sides (algorithm 2 draws two batches).
    """

    name = "factor"
    title = "FactorVAE"

    class Settings(VaeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """The discriminator: ``discriminator_layers`` hidden layers of ``discriminator_width`` units."""

        gamma: Weight = 35.0
        discriminator_layers: Whole = 6
        discriminator_width: Count = 1000
        discriminator_rate: Weight = 1e-4

    def __init__(self, settings: Settings, context: Context) -> None:
        self.gamma = settings.gamma
        widths = (context.latents, *[settings.discriminator_width] * settings.discriminator_layers)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.discriminator = nn.Sequential(*layers, nn.Linear(widths[-1], 1)).to(context.device)
        rate = settings.discriminator_rate
        self.optimiser = torch.optim.Adam(self.discriminator.parameters(), lr=rate, betas=(0.5, 0.9))

    def terms(self, codes: Codes) -> dict[str, Term]:
        self.discriminator.requires_grad_(False)
        log_ratio = self.discriminator(codes.z).mean()
        return {"kl": Term(_kl(codes), 1.0), "total_correlation": Term(log_ratio, self.gamma)}

    def after(self, codes: Codes, random: torch.Generator) -> dict[str, float]:
        """One step of the discriminator; its loss is ln 2 where it cannot tell codes from shuffled ones."""
        self.discriminator.requires_grad_(True)
        half = len(codes.z) // 2
        joint, shuffled = codes.z[:half].detach(), shuffled_columns(codes.z[half:].detach(), random)
        loss = discriminator_loss(self.discriminator(joint), self.discriminator(shuffled))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return {"discriminator": loss.item()}

    def learners(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        return {"discriminator": self.discriminator, "optimiser": self.optimiser}


def shuffled_columns(z: Tensor, random: torch.Generator) -> Tensor:
    """(B, L): every column of ``z`` in an order of its own, as if each latent were drawn from its own marginal
    (algorithm 1 of Kim and Mnih 2018)."""
    order = torch.stack([torch.randperm(len(z), generator=random) for _ in range(z.shape[1])], dim=1)
    return z.gather(0, order.to(z.device))


def discriminator_loss(joint: Tensor, shuffled: Tensor) -> Tensor:
    """−½ E log D(z) − ½ E log(1 − D(shuffled z)) of the logits for both, in nats."""
    return 0.5 * (functional.softplus(-joint).mean() + functional.softplus(shuffled).mean())


class Dip2(VaeLoss):
    """Kumar et al. 2018, DIP-VAE-II: the covariance of z over pictures is drawn to the identity."""

    name = "dip2"
    title = "DIP-VAE-II"

    class Settings(VaeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """``lambda_od`` weighs the squared covariances of different latents, ``lambda_d`` (variance − 1)²."""

        lambda_od: Weight = 10.0
        lambda_d: Weight = 10.0

    def __init__(self, settings: Settings, context: Context) -> None:
        self.off_diagonal, self.diagonal = settings.lambda_od, settings.lambda_d

    def terms(self, codes: Codes) -> dict[str, Term]:
        covariance = aggregate_covariance(codes.mean, codes.log_variance)
        variances = covariance.diagonal()
        return {
            "kl": Term(_kl(codes), 1.0),
            "covariances": Term(covariance.square().sum() - variances.square().sum(), self.off_diagonal),
            "variances": Term((variances - 1.0).square().sum(), self.diagonal),
        }


LOSSES: dict[Any, type[VaeLoss]] = {loss.name: loss for loss in (Plain, Beta, TotalCorrelation, Factor, Dip2)}


def loss_of(recipe: Recipe) -> tuple[type[VaeLoss], VaeSettings]:
    """The loss that the recipe names, and its settings. Raises :class:`ExplorerError` naming what is wrong."""
    name = recipe.settings.get("loss", VaeSettings().loss)
    if not isinstance(name, str) or name not in LOSSES:
        raise ExplorerError(
            f"The settings of recipe '{recipe.name}' cannot be used: there is no loss '{name}'; there are: "
            f"{', '.join(sorted(LOSSES))}."
        )
    return LOSSES[name], settings_of(recipe, LOSSES[name].Settings)
