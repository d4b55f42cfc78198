"""Points and pictures drawn from a generator, in chunks, the same for a seed: what methods learn from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from explorer.generators.base import Generator, Latent, Progress
from explorer.numerics.linalg import Moments, merge, moments
from explorer.scene.model import Quality


class BottleneckShown(Protocol):
    """What a diffusion model with the capability ``bottleneck`` adds."""

    def bottleneck(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, *shape of h): the middle block's own output, averaged over the sampler's steps at which h is added."""

    def bottlenecks(self, latent: Latent, quality: Quality) -> tuple[tuple[float, ...], Tensor]:
        """(S,) shares of noise and (B, S, *shape of h): the same output in each of these steps."""


def drawn_latents(
    generator: Generator, count: int, seed: int, chunk: int, progress: Progress | None = None
) -> Iterator[Latent]:
    """``count`` untruncated prior points in chunks of ``chunk``; repeatable for a seed.

    ``progress`` hears the finished share before each chunk and after the last; what it raises passes through.
    """
    seeds = drawn_seeds(count, seed)
    for start in range(0, count, chunk):
        if progress is not None:
            progress(start / count)
        yield generator.sample(seeds[start : start + chunk], truncation_psi=1.0)
    if progress is not None:
        progress(1.0)


def drawn_seeds(count: int, seed: int) -> list[int]:
    """Those of the points that :func:`drawn_latents` draws."""
    return [int(each) for each in np.random.default_rng(seed).integers(0, 2**32, count)]


def space_moments(generator: Generator, space: str, count: int, seed: int, progress: Progress | None = None) -> Moments:
    """Mean and covariance of ``space``, flattened to (d,), over ``count`` untruncated prior points."""
    seen: Moments | None = None
    with torch.no_grad():
        for latent in drawn_latents(generator, count, seed, 1000, progress):
            found = moments(generator.advance(latent, space).tensors[space].flatten(1))
            seen = found if seen is None else merge(seen, found)
    if seen is None:
        raise ValueError(f"{count} points have no moments")
    return seen


def deviations_along(directions: Tensor, seen: Moments) -> Tensor:
    """(k,) standard deviations of the points behind ``seen`` along the rows of ``directions`` (k, d), in float64."""
    wide = directions.detach().cpu().double()
    variances = torch.einsum("kd,de,ke->k", wide, seen.covariance, wide).clamp_min(0)
    deviations: Tensor = variances.sqrt() / wide.norm(dim=1)
    return deviations


@dataclass(frozen=True)
class Place:
    """Where points of a space lie: their mean ``centre`` (d,), and ``sigma``, the typical deviation of an axis."""

    centre: Tensor
    sigma: float


def place_of(generator: Generator, space: str, count: int, seed: int) -> Place:
    """Of a space of vectors, on the generator's device: known for a prior, else from ``count`` untruncated points."""
    card = generator.card.spaces[space]
    if card.prior:
        sigma = typical_deviation(generator, space, count, seed)
        return Place(torch.zeros(card.shape[0], device=generator.device), sigma)
    seen = space_moments(generator, space, count, seed)
    return Place(seen.mean.float().to(generator.device), float(seen.covariance.diagonal().mean().sqrt()))


def bottleneck_rows(generator: Generator, count: int, seed: int, progress: Progress | None = None) -> Tensor:
    """(count, d) float32 on the CPU: what the bottleneck of a diffusion model holds for ``count`` drawn pictures.

    As many sampler steps as while dragging: the bottleneck says what is where, and that is settled early.
    """
    shown, quality = cast("BottleneckShown", generator), Quality(steps=generator.card.interactive_steps)
    with torch.no_grad():
        latents = drawn_latents(generator, count, seed, 8, progress)
        return torch.cat([shown.bottleneck(latent, quality).flatten(1).float().cpu() for latent in latents])


def typical_deviation(
    generator: Generator, space: str, count: int, seed: int, progress: Progress | None = None
) -> float:
    """The root of the mean variance of the axes of ``space``: known for a prior, otherwise that of ``count``
    untruncated points."""
    prior = generator.card.spaces[space].prior
    if prior:
        return 1.0 if prior == "normal" else 1 / math.sqrt(3)  # uniform on [-1, 1]
    if space == "h":
        rows = bottleneck_rows(generator, count, seed, progress)
    else:
        latents = drawn_latents(generator, count, seed, 1000, progress)
        with torch.no_grad():
            rows = torch.cat([generator.advance(latent, space).tensors[space].flatten(1).cpu() for latent in latents])
    return float(rows.double().var(0).mean().sqrt())
