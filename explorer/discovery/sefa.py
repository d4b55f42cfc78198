"""SeFa: the directions that a generator's first affine layer amplifies most, in closed form from its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, Request, in_digits
from explorer.discovery.sampling import deviations_along, space_moments
from explorer.generators.base import Generator
from explorer.numerics.linalg import fix_signs
from explorer.scene.cards import MethodCard, ModelCard, SettingCard

SAMPLES = 2000
"""Points from which one standard deviation along a direction is measured, where the space has no prior of its own."""


class AffineFirst(Protocol):
    """What a generator with the capability ``affine`` adds: the weights that SeFa factorises."""

    def first_affine_weights(self, layers: tuple[int, int] | None = None) -> Sequence[Tensor]:
        """One effective weight (outputs, width) for each affine layer that reads the latent, of the given layers."""


def semantic_factors(weights: Sequence[Tensor], normalised: bool) -> tuple[Tensor, Tensor]:
    """All eigenvalues (d,), falling, and eigenvectors (d, d), as rows, of AᵀA for the stacked ``weights`` A (ΣC, d).

    Shen & Zhou, "Closed-Form Factorization of Latent Semantics in GANs", CVPR 2021, equation 5: the unit vectors n
    that make ‖A n‖ stationary. ``normalised``: every row of A is first scaled to unit length, as in the authors'
    program, which makes the gain of a layer irrelevant; otherwise A is taken as it is, as in the paper's text.
    Eigenvalues that are rounding errors of 0 are 0.
    """
    stacked = torch.cat([weight.detach().cpu().double() for weight in weights])
    if normalised:
        norm = stacked.norm(dim=1, keepdim=True)
        stacked = stacked / torch.where(norm > 0, norm, torch.ones_like(norm))
    values, vectors = torch.linalg.eigh(stacked.T @ stacked)
    rounding = values[-1] * len(values) * torch.finfo(values.dtype).eps
    return values.where(values > rounding, 0.0).flip(0), fix_signs(vectors.flip(1).T)


class SeFa(CheckedMethod):
    """Eigenvectors of AᵀA of the first affine layers, by falling eigenvalue."""

    card = MethodCard(
        name="sefa",
        title="SeFa",
        spaces=("z", "w", "w_plus"),
        trained=False,
        paper="Shen & Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021",
        description="Directions that the first layers amplify most, read off their weights; needs no pictures.",
        settings=(
            SettingCard(
                name="normalisation",
                title="Weights",
                default="rows",
                choices=("rows", "none"),
                help="rows: each output of a layer counts the same, as in the authors' program; none: as in the paper.",
            ),
            *LAYER_SETTINGS,
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "affine" in model.capabilities:
            return ""
        return f"SeFa reads the affine layer that a GAN applies to its latent first; '{model.name}' has no such layer."

    def place(self, model: ModelCard) -> int:
        """First where nothing but the weights tells directions apart."""
        return 1 if "w" in model.spaces or "posterior" in model.capabilities else 0

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading eigenvectors; one unit is one standard deviation of the space along the vector."""
        k, seed = asked.k, asked.seed
        model, space = asked.model, asked.space
        weights = cast("AffineFirst", generator).first_affine_weights(asked.layers)
        values, vectors = semantic_factors(weights, asked.text("normalisation") == "rows")
        vectors = vectors[:k]
        if model.spaces[space].prior == "normal":
            deviations = torch.ones(k, dtype=torch.float64)
            asked.watch(1.0)
        else:
            deviations = deviations_along(vectors, space_moments(generator, space, SAMPLES, seed, asked.watch))
        share = values / values.sum().clamp_min(1e-30)
        controls = tuple(
            asked.linear(
                f"SeFa {index + 1}",
                vectors[index],
                float(deviations[index]),
                f"λ {in_digits(float(values[index]))}",
                f"eigenvalue {in_digits(float(values[index]), 4)}, {float(share[index]):.1%} of their sum",
            )
            for index in range(k)
        )
        return asked.found(controls)


METHOD = SeFa()
