"""How steadily a denoiser says what a sample is, and how near to it: where the sample lies between what it was trained
on it does not know which to say, and where it lies beside it says another.

The probe noises the finished sample again. The window is the variance of the predicted x_0 over the last steps of the
way to it (Aithal et al. 2024, "Understanding Hallucinations in Diffusion Models through Mode
Interpolation").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from explorer.numerics.randomness import seeded

NOISINGS = 8
"""Noises of the probe."""

NOISE = 0.075
"""Deviation of the noise that the probe adds, beside data of deviation 1: that of training step 3 of 1000 on the
schedule of the paper's toy, and of step 19 on the usual one. Where it comes near the distance of what is told apart the
probe says nothing."""

LAST = 10
"""Steps of the window, of a thousand: those that end nearest to the sample."""

Denoised = Callable[[Tensor], Tensor]
"""(N, ...) noisy samples → (N, ...) predicted x_0, row by row."""


def noisings(shape: Sequence[int], count: int = NOISINGS, seed: int = 0) -> Tensor:
    """(count, *shape) standard normal noise, the same for every sample: then of two samples that differ little the
    probe says about the same."""
    return torch.randn((count, *shape), generator=seeded(seed, 0))


class Renoised(NamedTuple):
    """What is predicted of a sample that is noised again, each (B, ...) ≥ 0: ``variance`` over the noises, and
    ``offset``, the squared distance of the mean prediction from the sample. Their sum is the mean squared error."""

    variance: Tensor
    offset: Tensor


def renoised(denoised: Denoised, x: Tensor, signal: float, noise: float, noisings: Tensor) -> Renoised:
    """Of what ``denoised`` predicts of ``signal`` · x + ``noise`` · ε, in one batch of K · B rows; ``noisings``: the ε,
    (K, ...).

    Where data are normal with variance v and the mean m, a prediction is m + g (x_t - signal m) with g = signal v /
    (signal² v + noise²): the variance is (g noise)² times that of the noises, wherever x lies, and the offset grows
    with the square of its distance from m. Between two modes the variance is larger by the square of how steeply the
    prediction changes from one to the other, and the offset may be none.
    """
    if len(noisings) < 2:
        raise ValueError(f"a variance is of 2 noisings at least, not {len(noisings)}")
    noisy = signal * x[None] + noise * noisings[:, None].to(x)
    predicted = denoised(noisy.flatten(0, 1)).reshape(noisy.shape)
    return Renoised(variance_over(predicted), (predicted.mean(0) - x).square())


def variance_over(predictions: Tensor | Sequence[Tensor]) -> Tensor:
    """(B, ...) ≥ 0: the mean squared deviation of (N, B, ...) predicted x_0 from their mean over N."""
    stacked = predictions if isinstance(predictions, Tensor) else torch.stack(list(predictions))
    return stacked.var(0, unbiased=False)


def score_of(variance: Tensor) -> Tensor:
    """(B,): the mean over all numbers of a sample, of (B, ...) variances."""
    return variance.flatten(1).mean(1)
