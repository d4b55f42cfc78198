"""Jacobian SVD: the directions along which the picture changes most, on average over many points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import overload

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
PILOT = 8
"""Points that show which estimate comes closer; whole Jacobians at fewer than twice as many are not thought of."""

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

    Two estimates without bias: one product with Jᵀ at each of many points, or all columns of J at each of a few. For
    the same number of pictures the first is closer where points differ much and the space is wide, the second where J
    is nearly the same everywhere (:func:`columns_are_closer`). ``auto`` looks at :data:`PILOT` points and takes the
    closer one, without drawing more pictures than products would: columns of so few points that they say little of the
    whole are not taken.
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
                empty="by itself",
                help=f"Points at which derivatives are taken; 0: {PROBED} ({SAMPLER_PROBED} for a diffusion model), or "
                f"{COLUMNED} ({SAMPLER_COLUMNED}) by columns. Auto: pictures that they may take.",
            ),
            SettingCard(
                name="estimate",
                title="Estimate",
                default="auto",
                choices=("auto", "probes", "columns"),
                help="probes: one random product with the Jacobian a point; columns: the whole Jacobian at each, which "
                f"needs no gradients of the model, only pictures, of at most {LARGEST} pixels a side; auto: what comes "
                "closer with the same number of pictures, as a few points show.",
            ),
            TRUNCATION,
            *LAYER_SETTINGS,
        ),
        grows=True,
        version=2,
    )

    def refusal(self, model: ModelCard) -> str:
        return without_derivatives(model)

    def grows_to(self, model: ModelCard, settings: Mapping[str, Scalar]) -> int:
        """By random products, which ``auto`` may choose, more directions than half the usual points take more."""
        by_columns = settings["estimate"] == "columns" or not model.differentiable
        if by_columns or settings["samples"]:
            return WITHOUT_END
        return (SAMPLER_PROBED if "steps" in model.capabilities else PROBED) // 2

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading eigenvectors; one unit is one standard deviation of the space along the vector."""
        k, space = asked.k, asked.space
        spread, measured = spread_of(generator, space, asked.seed, asked.watch.part(0, 0.2))
        estimate = _estimate(asked, generator, spread)
        values, vectors, pixels = estimate.values, estimate.vectors, estimate.pixels
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
                f"{float(values[index].sqrt() * deviations[index]) / pixels**0.5:.2g} of 2",
            )
            for index in range(k)
        )
        note = f"Eigenvectors of the mean JᵀJ: {estimate.how}."
        return asked.found(controls, estimate.calls + measured, note)


@dataclass(frozen=True)
class _Estimate:
    """Eigenvalues (m,), falling, and eigenvectors (m, width) of the mean JᵀJ; the numbers of a picture that they were
    taken of, how, and how many pictures it took."""

    values: Tensor
    vectors: Tensor
    pixels: int
    how: str
    calls: int


def _estimate(asked: Request, generator: Generator, spread: Spread) -> _Estimate:
    """As ``asked``. Raises :class:`ControlError` where random products are too few for the directions."""
    chosen = asked.text("estimate")
    sampler = "steps" in asked.model.capabilities
    if chosen == "columns" or (chosen == "auto" and not asked.model.differentiable):
        columns = _Columns(asked, generator, spread)
        at_once = columns.cost if chosen == "auto" else 1  # of auto, 'samples' are pictures
        count = -(-asked.number("samples") // at_once) or (SAMPLER_COLUMNED if sampler else COLUMNED)
        return _by_columns(asked, columns, count)
    count = asked.number("samples") or max(SAMPLER_PROBED if sampler else PROBED, 2 * asked.k)
    start, spent = 0.2, 0
    if chosen == "auto" and not sampler:  # a run of the sampler for each column, in spaces of thousands
        columns = _Columns(asked, generator, spread)
        if (points := count // columns.cost) >= 2 * PILOT:
            found = _by_columns(asked, columns, points, judged=True)
            if found is not None:
                return found
            start = 0.7
        spent = columns.pictures.calls
    if count < asked.k:
        raise ControlError(f"{asked.k} directions need more than {count} samples; raise 'samples' or ask for fewer.")
    pictures = PictureMap(generator, asked.space, asked.layers)
    values, vectors = pictures.probed(count, asked.seed, asked.real("truncation"), asked.watch.part(start, 1))
    how = f"{count} points, one random product with J each"
    return _Estimate(values, vectors, pictures.pixels, how, pictures.calls + spent)


class _Columns:
    """Whole Jacobians at prior points. ``cost``: pictures that one takes."""

    def __init__(self, asked: Request, generator: Generator, spread: Spread) -> None:
        self._asked = asked
        self.pictures = PictureMap(generator, asked.space, asked.layers, LARGEST)
        self.step = self.pictures.difference_step(spread)
        self.cost = self.pictures.width * (1 if self.step is None else 2)

    def grams(self, count: int) -> Iterator[Tensor]:
        """``count`` times JᵀJ (width, width), float64, each at a point of its own."""
        asked = self._asked
        psi, watch = asked.real("truncation"), asked.watch.part(0.2, 1)
        for columns in self.pictures.jacobians(count, asked.seed, psi, self.step, watch):
            yield (columns.double() @ columns.double().T).cpu()


@overload
def _by_columns(asked: Request, columns: _Columns, count: int) -> _Estimate: ...
@overload
def _by_columns(asked: Request, columns: _Columns, count: int, judged: bool) -> _Estimate | None: ...
def _by_columns(asked: Request, columns: _Columns, count: int, judged: bool = False) -> _Estimate | None:
    """From ``count`` points; where it is ``judged``, None if the first :data:`PILOT` of them show that random products
    come closer."""
    pictures = columns.pictures
    mean = torch.zeros(pictures.width, pictures.width, dtype=torch.float64)
    pilot: list[Tensor] = []
    for number, gram in enumerate(columns.grams(count)):
        mean += gram / count
        if judged and number < PILOT:
            pilot.append(gram)
            if len(pilot) == PILOT and not columns_are_closer(torch.stack(pilot), columns.cost):
                return None
    values, vectors = torch.linalg.eigh(mean)
    by = "forward derivatives" if columns.step is None else "central differences"
    how = f"{count} points, all columns of J by {by}"
    return _Estimate(values.flip(0).clamp_min(0), fix_signs(vectors.flip(1).T), pictures.pixels, how, pictures.calls)


def columns_are_closer(grams: Tensor, cost: int) -> bool:
    """Whether whole Jacobians, of ``cost`` pictures each, estimate the mean of JᵀJ with a smaller mean squared error
    than as many pictures spent on one random product each, by JᵀJ (n, d, d) at n ≥ 2 points.

    With N pictures, whole Jacobians are n = N / cost points, and the error is V / n, where V = E‖JᵀJ - E JᵀJ‖² is how
    much points differ. Products g = Jᵀu are N points, and each adds its own error to V: for normal u,
    E‖ggᵀ - JᵀJ‖² = (tr JᵀJ)² + ‖JᵀJ‖² (Isserlis), which for u of ±1 is smaller by no more than what single pixels hold.
    """
    differ = (grams - grams.mean(0)).square().sum() / (len(grams) - 1)
    traces = grams.diagonal(dim1=1, dim2=2).sum(1)
    products = (traces.square() + grams.square().sum((1, 2))).mean()
    return bool((cost - 1) * differ < products)


def without_derivatives(model: ModelCard) -> str:
    """Why directions cannot be read off derivatives of the pictures of ``model``, or an empty string."""
    if "axes" in model.capabilities:
        space = next(iter(model.spaces))
        return f"The space '{space}' of '{model.name}' has axes with a meaning of their own; choose Latent axes."
    return ""


METHOD = JacobianSvd()
