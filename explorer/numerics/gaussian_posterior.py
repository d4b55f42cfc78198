"""Diagonal Gaussian posteriors q(z|x): divergences from the prior, and the decomposition that β-TCVAE weighs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) in nats, elementwise: (μ² + σ² − log σ² − 1) / 2."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1.0)


def evidence_lower_bound(
    log_likelihood: Callable[[Tensor], Tensor], mean: Tensor, log_variance: Tensor, source: torch.Generator
) -> Tensor:
    """(B,) E_q log p(x|z) − KL(q(z|x) ‖ N(0, I)) in nats, never above log p(x) on average: of posteriors (B, L), with
    one draw z (B, L) from each for the likelihood (B,) that ``log_likelihood`` gives. Kingma and Welling 2014, eq. 7.
    """
    noise = torch.randn(mean.shape, generator=source).to(mean)
    z = mean + noise * (0.5 * log_variance).exp()
    return log_likelihood(z) - kl_to_standard_normal(mean, log_variance).sum(1)


class KlParts(NamedTuple):
    """Σ of the three is an estimate of E KL(q(z|x) ‖ p(z)); scalars, nats a picture."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor


def decompose_kl(z: Tensor, mean: Tensor, log_variance: Tensor, data_size: int) -> KlParts:
    """The KL term split as in Chen et al. 2018 (equation 2), stratified within the batch (their appendix C).

    ``z`` (B, L) was drawn from N(``mean``, exp ``log_variance``), each (B, L), B ≥ 2; ``data_size`` is the number N of
    training pictures. In the aggregate q(z) = Σ q(z|n) / N the picture that z was drawn from has weight 1 / N; the
    rest of the batch stands for all the others, so its pictures share the weight (N - 1) / N.
    """
    batch = z.shape[0]
    standard = (z[:, None] - mean) * (-0.5 * log_variance).exp()  # (B, B, L): every z under every posterior
    log_densities = -0.5 * (standard.square() + log_variance + math.log(2 * math.pi))
    log_conditional = log_densities.diagonal(dim1=0, dim2=1).sum(dim=0)  # (B,) log q(z|x)
    log_prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)
    log_weights = z.new_full((batch, batch), math.log((data_size - 1) / (data_size * (batch - 1))))
    log_weights.fill_diagonal_(-math.log(data_size))
    log_aggregate = torch.logsumexp(log_densities.sum(dim=2) + log_weights, dim=1)
    log_marginals = torch.logsumexp(log_densities + log_weights[..., None], dim=1).sum(dim=1)
    return KlParts(
        (log_conditional - log_aggregate).mean(),
        (log_aggregate - log_marginals).mean(),
        (log_marginals - log_prior).mean(),
    )


def aggregate_covariance(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(L, L): covariance of z over pictures and draws, Cov μ + E diag σ² (the law of total covariance), of posteriors
    (B, L); population covariance (divided by B)."""
    centred = mean - mean.mean(dim=0)
    return centred.T @ centred / len(mean) + torch.diag(log_variance.exp().mean(dim=0))


class PosteriorStatistics(NamedTuple):
    """Per latent axis (L,), over pictures: what *active*, *mixed* and *passive* are read from."""

    kl: Tensor  # E KL(q(z_j|x) ‖ N(0, 1)), nats
    mean_variance: Tensor  # E σ_j²
    variance_of_variance: Tensor  # Var σ_j²
    variance_of_mean: Tensor  # Var μ_j
    mean_of_mean: Tensor  # E μ_j
    lowest_mean: Tensor  # min μ_j
    highest_mean: Tensor  # max μ_j


def posterior_statistics(mean: Tensor, log_variance: Tensor) -> PosteriorStatistics:
    """Statistics of the posteriors (n, L) of n ≥ 1 pictures, in float64; population variances (divided by n)."""
    mean, log_variance = mean.double(), log_variance.double()
    variance = log_variance.exp()
    return PosteriorStatistics(
        kl_to_standard_normal(mean, log_variance).mean(dim=0),
        variance.mean(dim=0),
        variance.var(dim=0, correction=0),
        mean.var(dim=0, correction=0),
        mean.mean(dim=0),
        mean.amin(dim=0),
        mean.amax(dim=0),
    )


def along(mean: Tensor, log_variance: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance, each (n, K), of the posteriors (n, L) seen along ``directions`` (K, L): the marginals of a
    diagonal Gaussian are N(d·μ, Σ d_j² σ_j²). In float64."""
    directions = directions.double()
    return mean.double() @ directions.T, (log_variance.double().exp() @ directions.square().T).log()
