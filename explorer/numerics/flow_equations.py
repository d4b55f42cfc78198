"""Equations that potentials of flows are held to: the wave equation, the heat equation, and the generalised
Hamilton-Jacobi equation, as residuals at points and times of their own.

Song et al., "Latent Traversals in Generative Models as Potential Flows", ICML 2023; "Flow Factorized Representation
Learning", NeurIPS 2023. Derivatives are taken in forward mode, and can be differentiated again. Points are
(..., B, d), times (..., B); every row of values depends on its own point and time alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from explorer.numerics.derivatives import differentiable_product

EXACT_UP_TO = 64
"""The width up to which a divergence is summed over all axes; above, it is estimated by probes."""

PointFunction = Callable[[Tensor, Tensor], Tensor]
"""(points, times) → a number or a vector a row."""


class Potential(Protocol):
    """A potential and its gradient: a :class:`explorer.fields.base.VectorField` that has one, or many networks."""

    def potential(self, z: Tensor, time: Tensor) -> Tensor:
        """u (..., B)."""

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """∇u (..., B, d) with respect to the points."""


def rademacher(z: Tensor, count: int, source: torch.Generator) -> Tensor | None:
    """(..., B, count, d) probes of ±1 for the points ``z``; None up to :data:`EXACT_UP_TO`, where none are needed."""
    if z.shape[-1] <= EXACT_UP_TO:
        return None
    shape = (*z.shape[:-1], count, z.shape[-1])
    return (torch.randint(0, 2, shape, generator=source) * 2 - 1).to(z)


def time_derivatives(potential: PointFunction, z: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """u_t and u_tt (..., B)."""

    def rate(at: Tensor) -> Tensor:
        return differentiable_product(lambda moment: potential(z, moment), at, torch.ones_like(at))[1]

    return differentiable_product(rate, time, torch.ones_like(time))


def divergence(velocity: PointFunction, z: Tensor, time: Tensor, probes: Tensor | None = None) -> Tensor:
    """(..., B): the trace of the Jacobian of ``velocity`` in the points; of a gradient, the Laplacian.

    Exact without ``probes``; with (..., B, m, d), the mean of vᵀ J v over them, which is right on average when their
    entries are ±1 at random (Hutchinson 1990).
    """
    width = z.shape[-1]
    axes = torch.eye(width, dtype=z.dtype, device=z.device).expand(*z.shape, width) if probes is None else probes
    count = axes.shape[-2]
    # All axes of a point as further rows, so that many networks side by side stay one product of matrices.
    rows = z[..., None, :].expand_as(axes).flatten(-3, -2).contiguous()  # of its own memory, for forward mode
    times = time[..., None].expand(*time.shape, count).flatten(-2)
    along = axes.flatten(-3, -2).contiguous()
    turned = differentiable_product(lambda points: velocity(points, times), rows, along)[1]
    each: Tensor = (turned * along).sum(-1).reshape(*z.shape[:-1], count)
    return each.sum(-1) if probes is None else each.mean(-1)


def wave(field: Potential, z: Tensor, time: Tensor, speed: Tensor, probes: Tensor | None = None) -> Tensor:
    """(..., B): u_tt - c² ∇²u with the wave speed c (..., B)."""
    return time_derivatives(field.potential, z, time)[1] - speed.square() * divergence(field.velocity, z, time, probes)


def heat(field: Potential, z: Tensor, time: Tensor, diffusivity: Tensor, probes: Tensor | None = None) -> Tensor:
    """(..., B): u_t - κ ∇²u with the diffusivity κ (..., B)."""
    return time_derivatives(field.potential, z, time)[0] - diffusivity * divergence(field.velocity, z, time, probes)


def hamilton_jacobi(field: Potential, z: Tensor, time: Tensor, force: Tensor) -> Tensor:
    """(..., B): u_t + ½ |∇u|² + f² with the force f (..., B); where f is 0, paths along ∇u are straight."""
    rate = time_derivatives(field.potential, z, time)[0]
    return rate + field.velocity(z, time).square().sum(-1) / 2 + force.square()


def released_wave(field: Potential, z: Tensor, time: Tensor, speed: Tensor) -> Tensor:
    """(..., B, d): what the authors' program takes for the residual of :func:`wave`: Σ u_tt over the B points of a
    network, minus c² times the row sums of the Hessian, H·1, in place of its trace. ``speed`` (...)."""
    summed = time_derivatives(field.potential, z, time)[1].sum(-1)
    row_sums = differentiable_product(lambda points: field.velocity(points, time), z, torch.ones_like(z))[1]
    return summed[..., None, None] - speed.square()[..., None, None] * row_sums


def released_hamilton_jacobi(field: Potential, z: Tensor, time: Tensor, force: Tensor) -> Tensor:
    """(..., B): what the authors' program takes for the residual of :func:`hamilton_jacobi`: Σ u_t over the B points of
    a network, plus half the mean over points *and* axes of (∂u/∂z_i)², plus f²."""
    summed = time_derivatives(field.potential, z, time)[0].sum(-1)
    return (summed + field.velocity(z, time).square().mean((-2, -1)) / 2)[..., None] + force.square()
