"""PCA of the latent distribution (GANSpace, h-space): the directions along which a generator's own points differ
most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, Request
from explorer.discovery.sampling import bottleneck_rows, drawn_latents, space_moments
from explorer.errors import ControlError
from explorer.generators.base import Generator, Posterior, Progress
from explorer.numerics.linalg import components_of, merge, moments, principal_components
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.model import Quality

MAPPED_SAMPLES = 20_000
RENDERED_SAMPLES = 2_000
SAMPLED_PICTURES = 256  # diffusion: each is a whole run of the sampler


class ActivationsFirst(Protocol):
    """What a generator with the capability ``activations`` adds."""

    def first_activations(self, z: Tensor) -> Tensor:
        """(B, features): what the first layer, with its nonlinearity, makes of ``z`` (B, width)."""


@dataclass(frozen=True)
class _Found:
    """Unit ``directions`` (k, d), what one σ is along each (k,), the share of variance it explains (k,)."""

    directions: Tensor
    deviations: Tensor
    explained: Tensor
    evaluations: int
    of: str


class Pca(CheckedMethod):
    """Principal components of w, of a VAE's aggregated posterior, of a U-Net's bottleneck, or of first activations."""

    card = MethodCard(
        name="pca",
        title="PCA",
        spaces=("z", "w", "w_plus", "h"),
        trained=False,
        paper="Härkönen et al., GANSpace: Discovering Interpretable GAN Controls, NeurIPS 2020; for h: Haas et al., "
        "Discovering Interpretable Directions in the Semantic Latent Space of Diffusion Models, FG 2024",
        description="The directions along which the generator's own points differ most, in units of their deviation.",
        settings=(
            SettingCard(
                name="samples",
                title="Samples",
                default=0,
                low=0,
                high=1_000_000,
                empty="by itself",
                help=f"Points to learn from; 0: {MAPPED_SAMPLES}, {RENDERED_SAMPLES} where each needs a picture, "
                f"{SAMPLED_PICTURES} for a diffusion model.",
            ),
            *LAYER_SETTINGS,
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "w" in model.spaces or {"posterior", "bottleneck", "activations"} & set(model.capabilities):
            return ""
        space = next(iter(model.spaces))
        if "axes" in model.capabilities:
            return f"The space '{space}' of '{model.name}' has axes with a meaning of their own; choose Latent axes."
        return (
            f"The space '{space}' of '{model.name}' has the same spread in every direction, so it has no principal "
            "components; choose another method."
        )

    def place(self, model: ModelCard) -> int:
        """First where points are mapped into a space whose spread the model has learned."""
        return 0 if "w" in model.spaces else 1

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading components; one unit is one standard deviation of the points along the component."""
        k, seed = asked.k, asked.seed
        model, space, watch = asked.model, asked.space, asked.watch
        count = asked.number("samples") or _default_samples(space, model)
        if count <= k:
            raise ControlError(f"{k} components need more than {count} samples; raise 'samples' or ask for fewer.")
        with torch.no_grad():
            if space == "w":
                found = self._of_w(generator, k, count, seed, watch)
            elif space == "h":
                found = self._of_bottleneck(generator, k, count, seed, watch)
            elif "posterior" in model.capabilities:
                found = self._of_posterior(generator, k, count, seed, watch)
            else:
                found = self._of_activations(generator, k, count, seed, watch)
        controls = tuple(
            asked.linear(
                f"PC {index + 1}",
                found.directions[index],
                float(found.deviations[index]),
                f"{float(found.explained[index]):.1%}",
                f"explains {float(found.explained[index]):.2%} of the variance of {found.of}",
                unit=f", from {count} samples",
            )
            for index in range(k)
        )
        return asked.found(controls, found.evaluations, f"Principal components of {found.of}.")

    def _of_w(self, generator: Generator, k: int, count: int, seed: int, progress: Progress | None) -> _Found:
        """GANSpace, section 3.1: w = M(z) of random z; the components of w are the directions."""
        found = components_of(space_moments(generator, "w", count, seed, progress), k)
        return _Found(found.components, found.variances.sqrt(), found.explained, 0, "w")

    def _of_posterior(self, generator: Generator, k: int, count: int, seed: int, progress: Progress | None) -> _Found:
        """The aggregated posterior of a VAE, by its means: pictures of prior points, encoded again.

        The prior itself is isotropic; what the encoder gives back has no spread along passive axes.
        """
        encoder = cast("Posterior", generator)
        seen = None
        for latent in drawn_latents(generator, count, seed, 128, progress):
            mean, _ = encoder.posterior(generator.render(latent, Quality()))
            seen = moments(mean) if seen is None else merge(seen, moments(mean))
        assert seen is not None
        found = components_of(seen, k)
        of = "the posterior means of the model's own pictures"
        return _Found(found.components, found.variances.sqrt(), found.explained, count, of)

    def _of_bottleneck(self, generator: Generator, k: int, count: int, seed: int, progress: Progress | None) -> _Found:
        """Haas et al., section 3: components of the U-Net's bottleneck over drawn pictures.

        They decompose every sampler step by itself; an h of ours is one offset for all steps, so the mean over the
        steps is decomposed.
        """
        found = principal_components(bottleneck_rows(generator, count, seed, progress), k)
        of = "the U-Net's bottleneck"
        return _Found(found.components, found.variances.sqrt(), found.explained, count, of)

    def _of_activations(self, generator: Generator, k: int, count: int, seed: int, progress: Progress | None) -> _Found:
        """GANSpace, section 3.2: an isotropic z has no components, so those of the first layer's activations are taken.

        The direction of a component is the least-squares map from its coordinate (in deviations, without intercept)
        back to z, scaled to unit length; one deviation of a unit vector in z is 1.
        """
        network = cast("ActivationsFirst", generator)
        points, features = [], []
        for latent in drawn_latents(generator, count, seed, 2000, progress):
            z = latent.tensors["z"]
            points.append(z.cpu().double())
            features.append(network.first_activations(z).cpu())
        found = principal_components(torch.cat(features), k)
        onto = found.components.T / found.variances.sqrt().clamp_min(1e-30)
        coordinates = torch.cat([(part.double() - found.mean) @ onto for part in features])
        back = torch.linalg.lstsq(coordinates, torch.cat(points)).solution  # (k, width)
        directions = back / back.norm(dim=1, keepdim=True).clamp_min(1e-30)
        of = "the first layer's activations"
        return _Found(directions, torch.ones(k, dtype=torch.float64), found.explained, 0, of)


def _default_samples(space: str, model: ModelCard) -> int:
    if space == "h":
        return SAMPLED_PICTURES
    return RENDERED_SAMPLES if space != "w" and "posterior" in model.capabilities else MAPPED_SAMPLES


METHOD = Pca()
