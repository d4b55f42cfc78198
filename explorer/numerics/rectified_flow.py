"""Rectified flow (Liu et al., ICLR 2023): straight lines from pictures to noise, x(σ) = (1 - σ) x_0 + σ noise, and the
velocity dx/dσ along them, which a network has learned. Free functions over a callable velocity.

σ is the share of noise, 0 to 1; ``sigmas`` are where the steps begin, and the last one ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from explorer.numerics.integrators import Integrator, step
from explorer.numerics.samplers import Callback, last

Velocity = Callable[[Tensor, float], Tensor]
"""(x, σ) → dx/dσ, of the shape of x (B, ...)."""


def change(method: Integrator, velocity: Velocity, x: Tensor, sigma: float, following: float) -> Tensor:
    """By how much ``x`` changes from ``sigma`` to ``following``. A step that ends without noise is Euler's, as in
    diffusers: no network has been trained there."""
    chosen: Integrator = method if following > 0.0 else "euler"
    moved: Tensor = step(chosen, lambda x, s: velocity(x, float(s)), x, sigma, following - sigma)
    return moved - x


def solved(
    method: Integrator,
    velocity: Velocity,
    x: Tensor,
    sigmas: Sequence[float],
    start: int = 0,
    stop: int | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """The sample after steps ``start`` .. ``stop - 1``, step i from ``sigmas[i]`` to ``sigmas[i + 1]``.

    ``x`` (B, ...) is the sample before step ``start``: noise for 0, a kept sample to resume; resuming repeats the
    uninterrupted run bit for bit.
    """
    for index in range(start, len(sigmas) - 1 if stop is None else stop):
        x = x + change(method, velocity, x, sigmas[index], sigmas[index + 1])
        if callback is not None:
            callback(index + 1, x)
    return x


def inverted(
    method: Integrator, velocity: Velocity, x: Tensor, sigmas: Sequence[float], refinements: int = 0
) -> Tensor:
    """The noise from which :func:`solved` arrives at ``x`` (B, ...): the end of the :func:`way_back`."""
    return last(way_back(method, velocity, x, sigmas, refinements))


def way_back(
    method: Integrator, velocity: Velocity, x: Tensor, sigmas: Sequence[float], refinements: int = 0
) -> Iterator[Tensor]:
    """The samples that :func:`solved` passed through on its way to ``x`` (B, ...), the last first.

    A step is first taken by a midpoint rule, whose error over all steps is of second order, and then ``refinements``
    times corrected to what the very step of ``method`` demands, x = x' - change(x): a fixed point, and where the
    iteration converges the sampler's own inverse. The velocity is never asked for where there is no noise.
    """
    for index in reversed(range(len(sigmas) - 1)):
        sigma, following = sigmas[index], sigmas[index + 1]
        length = following - sigma
        middle = x - 0.5 * length * velocity(x, sigma)
        guess = x - length * velocity(middle, 0.5 * (sigma + following))
        for _ in range(refinements):
            guess = x - change(method, velocity, guess, sigma, following)
        x = guess
        yield x


def steered(
    own: Velocity,
    towards: Sequence[Velocity],
    x_0: Tensor,
    amounts: Tensor,
    sigmas: Sequence[float],
    noises: Sequence[Tensor],
    callback: Callback | None = None,
) -> Tensor:
    """Pictures ``x_0`` (B, ...) changed along the difference of two velocities (FlowEdit, Kulikov et al. 2025), split
    into a part that keeps and a part that steers, of which the second is scaled (FlowSlider, Endo et al. 2026).

    At each step both picture and changed picture lie on a line to the same noise, ``noises[i]`` (B, ... or broadcast):
    with source = (1 - σ) x_0 + σ noise and target = source + change,

        keeps = own(target) - own(source)          steers = Σ_k amounts[:, k] (towards[k](target) - own(target))

    and the change moves by both, from ``sigmas[i]`` to ``sigmas[i + 1]``. ``amounts`` (S, B, K) are those of each step;
    steps before the first that steers are left out, because nothing changes there. Rows whose amounts are all 0 are
    ``x_0``, bit for bit.
    """
    changed = torch.zeros_like(x_0)
    for index, (noise, shares) in enumerate(zip(noises, amounts.to(x_0), strict=True)):
        if bool((amounts[: index + 1] != 0).any()):
            sigma = sigmas[index]
            source = torch.lerp(x_0, noise.expand_as(x_0), sigma)
            target = source + changed
            kept = own(target, sigma)
            slope = kept - own(source, sigma)
            for velocity, share in zip(towards, shares.unbind(1), strict=True):
                if bool((share != 0).any()):
                    slope = slope + _column(share, x_0) * (velocity(target, sigma) - kept)
            changed = changed + (sigmas[index + 1] - sigma) * slope
        if callback is not None:
            callback(index + 1, x_0 + changed)
    return torch.where(_column((amounts != 0).any(2).any(0), x_0), x_0 + changed, x_0)


def _column(values: Tensor, like: Tensor) -> Tensor:
    """``values`` (B,), to be broadcast over ``like`` (B, ...)."""
    return values.reshape(-1, *[1] * (like.dim() - 1))
