"""Robust PCA: exact recovery where the theorem promises it, the conditions of the minimum, and the exact rank."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer.numerics.robust_pca import nearer_to_zero, robust_pca


def _parts(
    seed: int, rows: int, columns: int, rank: int, share: float, symmetric: bool = False
) -> tuple[Tensor, Tensor]:
    """A low-rank matrix of normal factors, and a sparse one of ±1 at random places."""
    random = np.random.default_rng(seed)
    left = random.standard_normal((rows, rank))
    right = left if symmetric else random.standard_normal((columns, rank))
    places = random.random((rows, columns)) < share
    sparse = np.where(places, random.choice([-5.0, 5.0], (rows, columns)), 0.0)
    if symmetric:
        sparse = np.triu(sparse) + np.triu(sparse, 1).T
    return torch.from_numpy(left @ right.T), torch.from_numpy(sparse)


@pytest.mark.parametrize("growth", [1.0, 1.1, 1.5])
@pytest.mark.parametrize(("rows", "columns", "symmetric"), [(60, 60, True), (60, 60, False), (40, 90, False)])
def test_low_rank_and_sparse_come_back_exactly(rows: int, columns: int, symmetric: bool, growth: float) -> None:
    low_rank, sparse = _parts(1, rows, columns, 3, 0.05, symmetric)
    # Lin, Chen & Ma start with a penalty that is low enough to grow so fast.
    penalty = 1.25 / float(torch.linalg.matrix_norm(low_rank + sparse, 2)) if growth > 1.2 else 0.0
    found = robust_pca(low_rank + sparse, penalty=penalty, growth=growth)
    size = float((low_rank + sparse).norm())
    assert float((found.low_rank - low_rank).norm()) < 1e-5 * size
    assert float((found.sparse - sparse).norm()) < 1e-5 * size
    assert found.rank == 3 == int(torch.linalg.matrix_rank(found.low_rank, rtol=1e-9))
    assert found.residual <= 1e-7
    assert found.iterations < 1000


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-6, 1e6), symmetric=st.booleans())
def test_it_is_the_minimum_and_scales_with_the_matrix(seed: int, scale: float, symmetric: bool) -> None:
    random = np.random.default_rng(seed)
    matrix = torch.from_numpy(random.standard_normal((7, 7)))
    if symmetric:
        matrix = matrix + matrix.T
    weight = 0.4
    found = robust_pca(matrix * scale, weight, tolerance=1e-8)
    again = robust_pca(matrix, weight, tolerance=1e-8)
    torch.testing.assert_close(found.low_rank, again.low_rank * scale, rtol=0, atol=1e-6 * scale)

    def cost(low_rank: Tensor, sparse: Tensor) -> float:
        return float(torch.linalg.svdvals(low_rank).sum() + weight * sparse.abs().sum())

    least = cost(again.low_rank, matrix - again.low_rank)
    for step in (1e-3, 0.1, 1.0):
        other = again.low_rank + step * torch.from_numpy(random.standard_normal((7, 7)))
        assert cost(other, matrix - other) >= least - 1e-5
    assert cost(matrix, 0 * matrix) >= least - 1e-5
    assert cost(0 * matrix, matrix) >= least - 1e-5


def test_the_weight_of_the_sparse_part_goes_from_nothing_to_everything() -> None:
    low_rank, sparse = _parts(3, 12, 12, 4, 0.2, symmetric=True)
    matrix = low_rank + sparse
    ranks = [robust_pca(matrix, weight).rank for weight in (0.01, 0.2, 0.4, 1.0)]
    assert ranks[0] == 0
    assert ranks == sorted(ranks)
    # ‖M‖_* ≤ ‖M‖_1 for every matrix, so from λ = 1 on the sparse part never pays.
    everything = robust_pca(matrix, 1.0)
    torch.testing.assert_close(everything.low_rank, matrix, rtol=0, atol=1e-5)


def test_few_iterations_end_where_they_are() -> None:
    low_rank, sparse = _parts(1, 30, 30, 2, 0.1)
    found = robust_pca(low_rank + sparse, iterations=3)
    assert found.iterations == 3
    assert found.residual > 1e-7
    rest = low_rank + sparse - found.low_rank - found.sparse
    assert found.residual == pytest.approx(float(rest.norm() / (low_rank + sparse).norm()))


def test_nothing_is_nothing() -> None:
    found = robust_pca(torch.zeros(3, 5))
    assert (found.rank, found.iterations) == (0, 0)
    assert not found.low_rank.any()
    assert not found.sparse.any()


def test_values_go_nearer_to_zero() -> None:
    values = torch.tensor([-3.0, -0.5, 0.0, 1.0, 2.5])
    torch.testing.assert_close(nearer_to_zero(values, 1.0), torch.tensor([-2.0, 0.0, 0.0, 0.0, 1.5]))
