"""Divergences of diagonal Gaussians against closed forms and torch.distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from explorer.numerics.gaussian_posterior import (
    aggregate_covariance,
    along,
    decompose_kl,
    kl_to_standard_normal,
    posterior_statistics,
)


def test_kl_is_that_of_torch_distributions_and_0_at_the_prior() -> None:
    source = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(50, 4, generator=source), torch.randn(50, 4, generator=source)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_to_standard_normal(mean, log_variance), expected, atol=1e-5)
    assert kl_to_standard_normal(torch.zeros(3), torch.zeros(3)).tolist() == [0, 0, 0]


def test_statistics_are_those_of_the_definition() -> None:
    mean = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    variance = torch.tensor([[1.0, 0.5], [1.0, 0.1]])
    found = posterior_statistics(mean, variance.log())
    assert found.kl[0].item() == pytest.approx((0 + 2) / 2)  # (0 + 1 - 0 - 1) / 2 and (4 + 1 - 0 - 1) / 2
    assert found.mean_variance.tolist() == pytest.approx([1.0, 0.3])
    assert found.variance_of_variance.tolist() == pytest.approx([0.0, 0.04])
    assert found.variance_of_mean.tolist() == pytest.approx([1.0, 0.0])
    assert found.mean_of_mean.tolist() == [1.0, 1.0]
    assert found.lowest_mean.tolist() == [0.0, 1.0]
    assert found.highest_mean.tolist() == [2.0, 1.0]


def test_the_covariance_of_draws_follows_the_law_of_total_covariance() -> None:
    source = torch.Generator().manual_seed(0)
    mean = 3 + torch.randn(50, 4, generator=source, dtype=torch.float64)
    log_variance = torch.randn(50, 4, generator=source, dtype=torch.float64)
    expected = np.cov(mean.numpy().T, bias=True) + np.diag(log_variance.exp().numpy().mean(axis=0))
    np.testing.assert_allclose(aggregate_covariance(mean, log_variance).numpy(), expected, atol=1e-12)
    # And of draws.
    draws = mean + torch.randn(20_000, 50, 4, generator=source, dtype=torch.float64) * (0.5 * log_variance).exp()
    sampled = np.cov(draws.reshape(-1, 4).numpy().T)
    np.testing.assert_allclose(sampled, expected, atol=0.02)


def test_the_posterior_along_directions_is_the_marginal() -> None:
    source = torch.Generator().manual_seed(2)
    mean, log_variance = torch.randn(5, 4, generator=source), torch.randn(5, 4, generator=source)
    directions = torch.linalg.qr(torch.randn(4, 4, generator=source)).Q[:3]
    found_mean, found_log_variance = along(mean, log_variance, directions)
    covariance = directions.double() @ torch.diag_embed(log_variance.double().exp()) @ directions.double().T
    assert torch.allclose(found_log_variance.exp(), covariance.diagonal(dim1=-2, dim2=-1))
    assert torch.allclose(found_mean.float(), mean @ directions.T, atol=1e-6)


def test_parts_sum_to_the_sampled_kl() -> None:
    source = torch.Generator().manual_seed(1)
    mean, log_variance = torch.randn(32, 3, generator=source), -torch.rand(32, 3, generator=source)
    z = mean + torch.randn(32, 3, generator=source) * (log_variance / 2).exp()
    parts = decompose_kl(z, mean, log_variance, 1000)
    log_posterior = Normal(mean, (log_variance / 2).exp()).log_prob(z).sum(1)
    expected = (log_posterior - Normal(0.0, 1.0).log_prob(z).sum(1)).mean()
    assert sum(parts).item() == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_parts_are_those_of_jointly_gaussian_codes(correlation: float) -> None:
    """Means ~ N(0, a² C), posterior variance 1 - a², C a 2×2 correlation: the aggregate is N(0, a² C + (1 - a²) I).

    Mutual information, total correlation and the axes' KL (0) then have closed forms.
    """
    a, batch = 0.9, 3000
    source = torch.Generator().manual_seed(2)
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]])
    mean = a * torch.randn(batch, 2, generator=source) @ torch.linalg.cholesky(covariance).T
    log_variance = torch.full_like(mean, math.log(1 - a**2))
    z = mean + math.sqrt(1 - a**2) * torch.randn(batch, 2, generator=source)
    parts = decompose_kl(z, mean, log_variance, 10**9)
    aggregate = a**2 * covariance + (1 - a**2) * torch.eye(2)
    total_correlation = -0.5 * math.log(torch.linalg.det(aggregate).item())
    mutual_information = -math.log(1 - a**2) - total_correlation
    assert parts.mutual_information.item() == pytest.approx(mutual_information, abs=0.06)
    assert parts.total_correlation.item() == pytest.approx(total_correlation, abs=0.06)
    assert parts.dimension_wise.item() == pytest.approx(0.0, abs=0.06)


def test_one_picture_alone_carries_what_the_data_set_holds() -> None:
    """Posteriors that never overlap: the information is the logarithm of the size of the data."""
    mean = torch.arange(8.0)[:, None] * 100
    parts = decompose_kl(mean.clone(), mean, torch.zeros(8, 1), 5000)
    assert parts.mutual_information.item() == pytest.approx(math.log(5000), abs=1e-4)
