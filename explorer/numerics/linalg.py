"""Linear algebra that discovery methods share: principal components, random frames, angles between subspaces.

Everything is computed in float64 on the CPU and has one sign convention, so that the same input gives the same vectors
on every machine and device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LARGEST_EIGENPROBLEM = 2048
"""Rows of a symmetric matrix, to which its eigenvectors are computed all at once: seconds."""
SUBSPACE_STEPS = 12
ROWS_AT_ONCE = 2000


@dataclass(frozen=True)
class Moments:
    """What is kept of rows seen so far: their count, mean (d,) and scatter Σ (x - mean)(x - mean)ᵀ (d, d), in
    float64.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @property
    def covariance(self) -> Tensor:
        """(d, d), with the divisor count - 1. Needs two rows at least."""
        return self.scatter / (self.count - 1)


@dataclass(frozen=True)
class PrincipalComponents:
    """``components`` (k, d) orthonormal rows by falling variance, ``variances`` (k,), ``mean`` (d,), and the variance
    of all d axes.
    """

    mean: Tensor
    components: Tensor
    variances: Tensor
    total_variance: float

    @property
    def explained(self) -> Tensor:
        """(k,) share of the total variance that each component explains; 0 where there is no variance at all."""
        return self.variances / self.total_variance if self.total_variance > 0 else torch.zeros_like(self.variances)


def moments(rows: Tensor) -> Moments:
    """The moments of ``rows`` (n, d)."""
    wide = rows.detach().cpu().double()
    mean = wide.mean(0)
    centred = wide - mean
    return Moments(len(wide), mean, centred.T @ centred)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of the rows of both (Chan, Golub & LeVeque 1979): any number of rows in chunks, without keeping
    them.
    """
    count = a.count + b.count
    shift = b.mean - a.mean
    scatter = a.scatter + b.scatter + torch.outer(shift, shift) * (a.count * b.count / count)
    return Moments(count, a.mean + shift * (b.count / count), scatter)


def components_of(seen: Moments, k: int) -> PrincipalComponents:
    """The first ``k`` principal components (1 ≤ k ≤ d), by the eigenvectors of the covariance."""
    values, vectors = torch.linalg.eigh(seen.covariance)
    variances = values.flip(0)[:k].clamp_min(0)
    return PrincipalComponents(
        seen.mean, fix_signs(vectors.flip(1)[:, :k].T), variances, float(values.clamp_min(0).sum())
    )


def principal_components(rows: Tensor, k: int) -> PrincipalComponents:
    """The first ``k`` principal components of ``rows`` (n, d), 1 ≤ k ≤ min(n - 1, d).

    Wide rows (d > n, activations of a whole layer) go through the n × n Gram matrix, which has the same eigenvalues.
    Where both n and d are beyond :data:`LARGEST_EIGENPROBLEM`, the leading subspace is iterated to instead.
    """
    count, width = rows.shape
    if min(count, width) > max(LARGEST_EIGENPROBLEM, 4 * k):
        return _leading_components(rows, k)
    if width <= count:
        return components_of(moments(rows), k)
    wide = rows.detach().cpu().double()
    mean = wide.mean(0)
    centred = wide - mean
    values, vectors = torch.linalg.eigh(centred @ centred.T / (count - 1))
    variances = values.flip(0)[:k].clamp_min(0)
    components = (vectors.flip(1)[:, :k].T @ centred) / (variances * (count - 1)).sqrt().clamp_min(1e-150)[:, None]
    return PrincipalComponents(mean, fix_signs(components), variances, float(values.clamp_min(0).sum()))


def _leading_components(rows: Tensor, k: int) -> PrincipalComponents:
    """By subspace iteration with more columns than are wanted (Halko, Martinsson and Tropp 2011, algorithm 4.4): the
    time of a few products with ``rows``, in place of the cube of their width. Seeded, in float64, a part of the rows
    at a time, of which nothing else is copied."""
    count, width = rows.shape
    mean = rows.mean(0, dtype=torch.float64)
    parts = [rows[start : start + ROWS_AT_ONCE] for start in range(0, count, ROWS_AT_ONCE)]

    def centred(part: Tensor) -> Tensor:
        return part.double() - mean

    basis = torch.randn(width, 2 * k + 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for _ in range(SUBSPACE_STEPS):
        spread = sum((part.T @ (part @ basis) for part in map(centred, parts)), torch.zeros_like(basis))
        basis = torch.linalg.qr(spread).Q
    seen = [centred(part) @ basis for part in parts]
    values, vectors = torch.linalg.eigh(sum((part.T @ part for part in seen), torch.zeros(())) / (count - 1))
    components = (basis @ vectors.flip(1)[:, :k]).T
    total = sum(float(centred(part).square().sum()) for part in parts) / (count - 1)
    return PrincipalComponents(mean, fix_signs(components), values.flip(0)[:k].clamp_min(0), total)


def fix_signs(rows: Tensor) -> Tensor:
    """``rows`` (k, d), each times ±1 so that its entry of largest magnitude is positive: a sign that repeats."""
    largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
    return torch.where(largest < 0, -rows, rows)


def align_signs(frames: Tensor) -> Tensor:
    """``frames`` (S, k, d), each row times ±1 so that its inner product with the same row of the frame before it, as
    that was turned, is not negative; the first frame as it is."""
    turned = [frames[0]]
    for frame in frames[1:]:
        along = (frame * turned[-1]).sum(1, keepdim=True)
        turned.append(torch.where(along < 0, -frame, frame))
    return torch.stack(turned)


def gram_schmidt(columns: Tensor) -> Tensor:
    """(d, k): the columns of (d, k), k ≤ d, made orthonormal in their order, each pointing to the side on which it was.

    What Gram-Schmidt gives for independent columns, by Householder's QR, which loses no digits; differentiable.
    """
    q, r = torch.linalg.qr(columns)
    frame: Tensor = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    return frame


def random_orthonormal(k: int, width: int, seed: int) -> Tensor:
    """(k, width) orthonormal rows, uniform over all frames (Haar), float64; the same for a seed on every device. 1 ≤
    k ≤ width.

    QR of a normal matrix is uniform only when the signs of R's diagonal are taken out (Mezzadri 2007, eq. 5.10).
    """
    source = torch.Generator("cpu").manual_seed(seed)
    return gram_schmidt(torch.randn(width, k, generator=source, dtype=torch.float64)).T.contiguous()


def principal_angles(a: Tensor, b: Tensor) -> Tensor:
    """The angles (min(k_a, k_b),) in radians, ascending, between the row spaces of ``a`` (k_a, d) and ``b`` (k_b, d).

    Small angles come from their sines, large ones from their cosines (Björck & Golub 1973), so both are accurate.
    """
    if len(a) < len(b):
        a, b = b, a
    q_a = torch.linalg.qr(a.detach().cpu().double().T).Q
    q_b = torch.linalg.qr(b.detach().cpu().double().T).Q
    cosines = torch.linalg.svdvals(q_a.T @ q_b).clamp(0, 1)  # falling, so angles ascend
    sines = torch.linalg.svdvals(q_b - q_a @ (q_a.T @ q_b)).clamp(0, 1).flip(0)
    return torch.where(cosines**2 > 0.5, sines.asin(), cosines.acos())
