"""Distances of samples against their closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import wasserstein_distance

from explorer.numerics.distances import frechet_distance, pyramid_sliced_wasserstein, sliced_wasserstein


def whitened(n: int, d: int, seed: int) -> torch.Tensor:
    """A sample (n, d) whose mean is exactly 0 and covariance exactly the identity, up to rounding."""
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T


def test_frechet_of_commuting_covariances() -> None:
    """For C_a = diag(s²), C_b = diag(t²) it is |m|² + sum of (s - t)²."""
    s, t, m = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([3.0, 0.1, 0.5]), torch.tensor([0.3, -2.0, 1.0])
    a, b = whitened(500, 3, 0) * s, whitened(700, 3, 1) * t + m
    assert frechet_distance(a, b) == pytest.approx(float(m @ m + (s - t).square().sum()), rel=1e-6)


def test_frechet_of_rotated_covariances() -> None:
    """Against the matrix square root of the product, computed by scipy."""
    import numpy as np
    from scipy.linalg import sqrtm

    source = torch.Generator().manual_seed(3)
    left, right = torch.randn(2, 4, 4, generator=source, dtype=torch.float64)
    a, b = whitened(400, 4, 4) @ left, whitened(400, 4, 5) @ right
    first, second = (left.T @ left).numpy(), (right.T @ right).numpy()
    expected = np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-8)


def test_one_dimension_is_the_wasserstein_distance() -> None:
    source = torch.Generator().manual_seed(0)
    a, b = torch.randn(200, 1, generator=source), torch.rand(200, 1, generator=source) * 3
    assert sliced_wasserstein(a, b) == pytest.approx(wasserstein_distance(a[:, 0].numpy(), b[:, 0].numpy()), rel=1e-5)


def test_a_shift_counts_by_its_mean_projection() -> None:
    """A sample shifted by v is |v| E|cos| away; in the plane E|cos| = 2 / pi."""
    a = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shift = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert sliced_wasserstein(a, a + shift, directions=20000) == pytest.approx(5 * 2 / math.pi, rel=0.01)


def test_unequal_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="must be the same"):
        sliced_wasserstein(torch.zeros(3, 2), torch.zeros(4, 2))


def test_pyramid_has_every_size_and_is_zero_for_the_same_pictures() -> None:
    pictures = torch.rand(12, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert list(pyramid_sliced_wasserstein(pictures, pictures)) == [32, 16, 8]
    assert set(pyramid_sliced_wasserstein(pictures, pictures.flip(0)).values()) == {0.0}


def test_pyramid_sees_fine_noise_only_at_its_size() -> None:
    pictures = torch.zeros(64, 1, 32, 32)
    checkers = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1.0
    found = pyramid_sliced_wasserstein(pictures, pictures + checkers)
    assert found[32] > 0.01
    assert found[16] == pytest.approx(0.0, abs=1e-7)
