"""Singular directions without the Jacobian: against the decomposition of a matrix and of a small network's Jacobian."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explorer.numerics.linalg import random_orthonormal
from explorer.numerics.subspace import singular_directions


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 16), nn.Tanh()).double()
    with torch.no_grad():
        layers[0].weight *= 0.75 ** torch.arange(12)  # so that the values are apart
    return layers.requires_grad_(False)


def dense(function: nn.Module) -> Tensor:
    found = torch.autograd.functional.jacobian(lambda x: function(x[None])[0], torch.zeros(12, dtype=torch.float64))
    assert isinstance(found, Tensor)
    return found


def started(k: int) -> Tensor:
    return torch.randn(k, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("masked", [False, True])
def test_they_are_those_of_the_dense_jacobian(seed: int, masked: bool) -> None:
    function = network(seed)
    part = torch.tensor([1.0] * 6 + [0.0] * 10).double() if masked else None
    jacobian = dense(function) if part is None else part[:, None] * dense(function)
    values, rows = singular_directions(function, started(3), 200, 1e-4, part)
    _, expected, right = torch.linalg.svd(jacobian)
    torch.testing.assert_close(values, expected[:3], rtol=1e-4, atol=1e-8)
    cosines = (rows * right[:3]).sum(1).abs()
    torch.testing.assert_close(cosines, torch.ones(3).double(), rtol=0, atol=1e-3)


def test_among_those_orthogonal_to_others_it_is_the_jacobian_without_them() -> None:
    function = network(4)
    part = torch.tensor([1.0] * 6 + [0.0] * 10).double()
    jacobian = dense(function)
    held = torch.linalg.svd((1 - part)[:, None] * jacobian)[2][:4]
    values, rows = singular_directions(function, started(2), 300, 1e-4, part, held)
    left = part[:, None] * jacobian @ (torch.eye(12, dtype=torch.float64) - held.T @ held)
    _, expected, right = torch.linalg.svd(left)
    torch.testing.assert_close(values, expected[:2], rtol=1e-4, atol=1e-8)
    torch.testing.assert_close((rows * right[:2]).sum(1).abs(), torch.ones(2).double(), rtol=0, atol=1e-3)
    assert float((rows @ held.T).abs().max()) < 1e-10


def test_parts_count_as_much_as_they_weigh() -> None:
    rows = random_orthonormal(5, 12, 0)
    part = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double()
    values, found = singular_directions(lambda x: x @ rows.T, started(2), 100, 1e-2, part)
    torch.testing.assert_close(values, torch.tensor([5.0, 4.0]).double())
    torch.testing.assert_close((found @ rows.T).abs()[:, [4, 3]], torch.eye(2).double(), rtol=0, atol=1e-6)
