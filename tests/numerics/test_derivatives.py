"""Derivatives by forward mode, reverse mode and differences, against closed forms."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.numerics.derivatives import (
    central_product,
    forward_mode_passes,
    forward_product,
    jacobian_columns,
    off_diagonal_squares,
    second_differences,
    transposed_product,
)


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _curved(x: Tensor) -> Tensor:
    """(B, 3) → (B, 4)."""
    return torch.stack([x[:, 0] ** 2 * x[:, 1], x[:, 1].sin(), x[:, 2].exp(), x[:, 0] * x[:, 2]], 1)


def _jacobian(x: Tensor) -> Tensor:
    """(4, 3), by hand."""
    a, b, c = x.tolist()
    rows = [[2 * a * b, a * a, 0], [0, np.cos(b), 0], [0, 0, np.exp(c)], [c, 0, a]]
    return torch.tensor(rows, dtype=torch.float64)


def test_products_with_the_jacobian() -> None:
    x, tangents, cotangents = _normal(0, 5, 3), _normal(1, 5, 3), _normal(2, 5, 4)
    exact = torch.stack([_jacobian(row) @ tangent for row, tangent in zip(x, tangents, strict=True)])
    torch.testing.assert_close(forward_product(_curved, x, tangents), exact)
    torch.testing.assert_close(central_product(_curved, x, tangents, 1e-5), exact, rtol=1e-6, atol=1e-8)
    back = torch.stack([cotangent @ _jacobian(row) for row, cotangent in zip(x, cotangents, strict=True)])
    with torch.no_grad():  # as inside a search that draws pictures
        torch.testing.assert_close(transposed_product(_curved, x, lambda values: cotangents), back)


@pytest.mark.parametrize("step", [None, 1e-5])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_columns_come_in_any_batches(step: float | None, batch: int) -> None:
    x = _normal(3, 3)
    calls = []

    def counted(offsets: Tensor) -> Tensor:
        calls.append(len(offsets))
        return _curved(offsets)

    columns = jacobian_columns(counted, x, torch.eye(3, dtype=torch.float64), batch, step)
    torch.testing.assert_close(columns, _jacobian(x).T, rtol=1e-6, atol=1e-8)
    assert max(calls) <= batch


def test_forward_mode_is_used_only_where_it_tells_the_truth() -> None:
    x, tangent = _normal(4, 1, 3), _normal(5, 1, 3)
    assert forward_mode_passes(_curved, x, tangent, 1e-4)
    # A value that is cut out of the graph has no derivative; one that leaves torch raises.
    assert not forward_mode_passes(lambda points: _curved(points.detach()), x, tangent, 1e-4)
    assert not forward_mode_passes(lambda points: torch.from_numpy(np.sin(points.numpy())), x, tangent, 1e-4)


def test_second_differences_of_a_quadratic_are_exact() -> None:
    matrices = _normal(6, 4, 5, 5)
    matrices = matrices + matrices.transpose(1, 2)
    linear = _normal(7, 4, 5)

    def quadratic(x: Tensor) -> Tensor:
        return torch.einsum("bi,pij,bj->bp", x, matrices, x) / 2 + x @ linear.T

    point, directions = _normal(8, 5), _normal(9, 3, 5)
    jacobian, hessian = second_differences(quadratic, point, directions, 4, 0.3)
    torch.testing.assert_close(jacobian, directions @ (torch.einsum("pij,j->ip", matrices, point) + linear.T))
    torch.testing.assert_close(hessian, torch.einsum("ai,pij,bj->abp", directions, matrices, directions))


def test_the_variance_over_signs_is_twice_the_squares_off_the_diagonal() -> None:
    # Peebles et al. 2020, equation 4: what the Hessian penalty estimates, here over all probes there are.
    matrix = _normal(10, 6, 6)
    matrix = matrix + matrix.T
    probes = torch.tensor(list(product([-1.0, 1.0], repeat=6)), dtype=torch.float64)
    along = torch.einsum("ni,ij,nj->n", probes, matrix, probes)
    assert float(along.var(correction=0)) == pytest.approx(2 * float(off_diagonal_squares(matrix)))
    assert float(off_diagonal_squares(matrix.diag().diag())) == 0
