"""Jacobian SVD: the directions along which the picture changes most, on average over many points."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.discovery.pictures import LARGEST, PictureMap, Spread, spread_of
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.numerics.linalg import fix_signs
from explorer.scene.cards import WITHOUT_END, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

PROBED, SAMPLER_PROBED = 512, 128
COLUMNED, SAMPLER_COLUMNED = 16, 4

TRUNCATION = SettingCard(
    name="truncation",
    title="Truncation ψ",
    default=1.0,
    low=0.0,
    high=1.0,
    help="Of the points at which derivatives are taken; 1: the whole distribution.",
)


class JacobianSvd(CheckedMethod):
    """Eigenvectors of the mean of JᵀJ, where J is the Jacobian of the picture in one space, by falling eigenvalue.

    Two estimates without bias: one product with Jᵀ at each of many points, or all columns of J at each of a few. The
    first is the better one for the same time, because points differ more than products do.
    """

    card = MethodCard(
        name="jacobian",
        title="Jacobian SVD",
        spaces=("z", "w", "w_plus", "x_T", "h"),
        trained=False,
        paper="Ramesh, Choi & LeCun, A Spectral Regularizer for Unsupervised Disentanglement, 2018; by random "
        "products: Hutchinson, A Stochastic Estimator of the Trace of the Influence Matrix, 1990",
        description="The directions along which the picture changes most, on average, measured by derivatives.",
        settings=(
            SettingCard(
                name="samples",
                title="Samples",
                default=0,
                low=0,
                high=1_000_000,
                help=f"Points at which derivatives are taken; 0: {PROBED} ({SAMPLER_PROBED} for a diffusion model), or "
                f"{COLUMNED} ({SAMPLER_COLUMNED}) by columns.",
            ),
            SettingCard(
                name="estimate",
                title="Estimate",
                default="probes",
                choices=("probes", "columns"),
                help="probes: one random product with the Jacobian a point; columns: the whole Jacobian at each, which "
                f"needs no gradients of the model, only pictures, of at most {LARGEST} pixels a side.",
            ),
            TRUNCATION,
            *LAYER_SETTINGS,
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return without_derivatives(model)

    def grows_to(self, model: ModelCard, settings: Mapping[str, Scalar]) -> int:
        """By random products, more directions than half the usual points take more points."""
        if settings["estimate"] != "probes" or settings["samples"]:
            return WITHOUT_END
        return (SAMPLER_PROBED if "steps" in model.capabilities else PROBED) // 2

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading eigenvectors; one unit is one standard deviation of the space along the vector."""
        k, seed = asked.k, asked.seed
        model, space, psi = asked.model, asked.space, asked.real("truncation")
        sampler = "steps" in model.capabilities
        probes = asked.text("estimate") == "probes"
        few, many = (SAMPLER_PROBED, PROBED) if probes else (SAMPLER_COLUMNED, COLUMNED)
        count = asked.number("samples") or max(few if sampler else many, 2 * k if probes else 1)
        if probes and count < k:
            raise ControlError(f"{k} directions need more than {count} samples; raise 'samples' or ask for fewer.")
        spread, measured = spread_of(generator, space, seed, asked.watch.part(0, 0.2))
        pictures = PictureMap(generator, space, asked.layers, 0 if probes else LARGEST)
        if probes:
            values, vectors = pictures.probed(count, seed, psi, asked.watch.part(0.2, 1))
            how = f"{count} points, one random product with J each"
        else:
            values, vectors, by = _by_columns(asked, pictures, spread, count, psi)
            how = f"{count} points, all columns of J by {by}"
        directions = vectors[:k]
        deviations = spread.along(directions)
        shares = values / values.sum().clamp_min(1e-30)
        asked.watch(1.0)
        controls = tuple(
            asked.linear(
                f"Jacobian {index + 1}",
                directions[index],
                float(deviations[index]),
                f"{float(shares[index]):.1%}",
                f"singular value {float(values[index].sqrt()):.3g}, {float(shares[index]):.2%} of the squared "
                "change of the picture",
                unit="; changes a pixel by about "
                f"{float(values[index].sqrt() * deviations[index]) / pictures.pixels**0.5:.2g} of 2",
            )
            for index in range(k)
        )
        note = f"Eigenvectors of the mean JᵀJ: {how}."
        return asked.found(controls, pictures.calls + measured, note)


def _by_columns(
    asked: Request, pictures: PictureMap, spread: Spread, count: int, psi: float
) -> tuple[Tensor, Tensor, str]:
    """All eigenvalues (width,), falling, and eigenvectors as rows, of the mean of JᵀJ over ``count`` points, and how J
    was got."""
    step = pictures.difference_step(spread)
    mean = torch.zeros(pictures.width, pictures.width, dtype=torch.float64)
    for columns in pictures.jacobians(count, asked.seed, psi, step, asked.watch.part(0.2, 1)):
        mean += (columns.double() @ columns.double().T).cpu() / count
    values, vectors = torch.linalg.eigh(mean)
    by = "forward derivatives" if step is None else "central differences"
    return values.flip(0).clamp_min(0), fix_signs(vectors.flip(1).T), by


def without_derivatives(model: ModelCard) -> str:
    """Why directions cannot be read off derivatives of the pictures of ``model``, or an empty string."""
    if "axes" in model.capabilities:
        space = next(iter(model.spaces))
        return f"The space '{space}' of '{model.name}' has axes with a meaning of their own; choose Latent axes."
    return ""


METHOD = JacobianSvd()
