"""Jacobians learned from what steps have changed (Broyden 1965), and the least step that they ask for."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.numerics.randomness import seeded

DAMPING = 1e-3
"""The least of steps (Levenberg 1944), in squared lengths of the rows of a Jacobian: rows much shorter than its root
are hardly followed."""
LESS = 4.0
"""By how much more a step is damped until it is short enough."""


def with_secants(jacobian: Tensor, steps: Tensor, changes: Tensor) -> Tensor:
    """(A, r): the matrix nearest to ``jacobian`` (A, r), by the sum of squares, that gives the ``changes`` (n, A) for
    the ``steps`` (n, r), which are not 0 and linearly independent. For one step this is Broyden's update."""
    inverse: Tensor = torch.linalg.pinv(steps)
    return jacobian + (changes - steps @ jacobian.T).T @ inverse.T


def least_step(jacobian: Tensor, missing: Tensor, reach: float) -> Tensor:
    """(r,) the damped least step that changes a function of ``jacobian`` (A, r) by ``missing`` (A,), damped until it is
    no longer than ``reach`` (Marquardt 1963)."""
    sizes, ways = torch.linalg.eigh(jacobian @ jacobian.T)
    along = ways.T @ missing
    damping = DAMPING
    while True:
        step: Tensor = jacobian.T @ (ways @ (along / (sizes.clamp_min(0) + damping)))
        if float(step.norm()) <= reach:
            return step
        damping *= LESS


def idle(jacobian: Tensor, shift: Tensor) -> Tensor:
    """(r,) the part of ``shift`` (r,) that changes nothing of a function of ``jacobian`` (A, r), of which rows much
    shorter than the longest do not count."""
    sizes, ways = torch.linalg.eigh(jacobian @ jacobian.T)
    kept = sizes > DAMPING * sizes.max()
    active: Tensor = jacobian.T @ (ways[:, kept] @ ((ways[:, kept].T @ (jacobian @ shift)) / sizes[kept]))
    return shift - active


def spanning(jacobian: Tensor, count: int) -> Tensor:
    """(min(count, r), r) orthonormal rows, of which the first span the rows of ``jacobian`` (A, r) as far as ``count``
    allows, and the others are at random, the same always."""
    width = jacobian.shape[1]
    _, sizes, spanned = torch.linalg.svd(jacobian, full_matrices=False)
    own = spanned[sizes > 1e-6 * sizes.max().clamp_min(1e-30)]
    others = torch.randn(min(count, width), width, generator=seeded(0, width), dtype=torch.float64).to(jacobian)
    basis, _ = torch.linalg.qr(torch.cat([own, others]).T)
    rows: Tensor = basis.T[: min(count, width)]
    return rows
