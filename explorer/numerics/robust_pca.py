"""Robust PCA: a matrix as the sum of one of low rank and a sparse one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LowRankAndSparse:
    """``low_rank`` + ``sparse`` = the matrix, but for ``residual`` of its Frobenius norm; after ``iterations`` steps.

    ``rank``: singular values of ``low_rank`` above 0; the steps cut the others off exactly.
    """

    low_rank: Tensor
    sparse: Tensor
    rank: int
    residual: float
    iterations: int


def robust_pca(
    matrix: Tensor,
    sparsity: float = 0.0,
    penalty: float = 0.0,
    growth: float = 1.0,
    tolerance: float = 1e-7,
    iterations: int = 10_000,
) -> LowRankAndSparse:
    """Minimise ‖L‖_* + λ ‖S‖_1 subject to L + S = ``matrix`` (m, n), by alternating directions in float64 on the CPU.

    ``sparsity`` is λ; 0: 1/√max(m, n), with which L and S come back exactly where L is of low rank and spread out and S
    has few entries at random places (Candès, Li, Ma & Wright, Robust Principal Component Analysis?, 2011, theorem 1.1).
    ``penalty`` is μ of the augmented Lagrangian; 0: m n / (4 ‖M‖_1), ibid. section 5. Every step multiplies μ by
    ``growth``: 1 is the alternating direction method; above, the inexact augmented Lagrange multipliers of Lin, Chen &
    Ma, 2010, which need fewer steps and come less close to the minimum the faster μ grows. Ends when ‖M - L - S‖_F ≤
    ``tolerance`` ‖M‖_F, or after ``iterations`` (1 at least).
    """
    wide = matrix.detach().cpu().double()
    size = float(wide.norm())
    if size == 0:
        return LowRankAndSparse(wide.clone(), wide.clone(), 0, 0.0, 0)
    weight = sparsity or max(wide.shape) ** -0.5
    mu = penalty or wide.numel() / (4 * float(wide.abs().sum()))
    shrunk = _shrunk_eigenvalues if wide.shape[0] == wide.shape[1] and torch.equal(wide, wide.T) else _shrunk_singular
    sparse, multiplier = torch.zeros_like(wide), torch.zeros_like(wide)
    residual, steps = float("inf"), 0
    while residual > tolerance and steps < iterations:
        low_rank, rank = shrunk(wide - sparse + multiplier / mu, 1 / mu)
        sparse = nearer_to_zero(wide - low_rank + multiplier / mu, weight / mu)
        rest = wide - low_rank - sparse
        residual = float(rest.norm()) / size
        multiplier += mu * rest
        mu *= growth
        steps += 1
    return LowRankAndSparse(low_rank, sparse, rank, residual, steps)


def nearer_to_zero(values: Tensor, step: float) -> Tensor:
    """``values``, each ``step`` nearer to 0, and 0 where it was no further away."""
    return values.sign() * (values.abs() - step).clamp_min(0)


def _shrunk_singular(matrix: Tensor, step: float) -> tuple[Tensor, int]:
    """``matrix`` with its singular values ``step`` nearer to 0, and how many are left."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = nearer_to_zero(values, step)
    return (left * kept) @ right, int((kept > 0).sum())


def _shrunk_eigenvalues(matrix: Tensor, step: float) -> tuple[Tensor, int]:
    """The same of a symmetric matrix, whose singular values are the magnitudes of its eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    kept = nearer_to_zero(values, step)
    found = (vectors * kept) @ vectors.T
    return (found + found.T) / 2, int((kept != 0).sum())
