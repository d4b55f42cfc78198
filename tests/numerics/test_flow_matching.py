"""Flow matching against closed forms."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from explorer.numerics.flow_matching import couple, flow_matching_loss, integrate, on_sphere


def test_on_sphere_has_unit_mean_square_and_keeps_the_direction() -> None:
    z = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    there = on_sphere(z)
    assert torch.allclose(there.square().mean(1), torch.ones(5), atol=1e-5)
    assert torch.allclose(torch.cosine_similarity(there, z), torch.ones(5), atol=1e-6)


def test_coupling_is_the_cheapest_of_all_orders() -> None:
    source = torch.Generator().manual_seed(1)
    a, b = torch.randn(5, 3, generator=source), torch.randn(5, 3, generator=source)
    best = min(float((a - b[list(order)]).square().sum()) for order in itertools.permutations(range(5)))
    assert float((a - couple(a, b)).square().sum()) == pytest.approx(best, rel=1e-5)


def test_a_constant_field_shifts() -> None:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([1.0, -2.0, 0.5])
    assert torch.allclose(integrate(lambda x, t: shift.expand_as(x), x, 3), x + shift, atol=1e-6)


def test_the_midpoint_rule_is_of_second_order() -> None:
    """dx/dt = cos(t) x ends at exp(sin 1); halving the step quarters the error."""

    def field(x: Tensor, t: Tensor) -> Tensor:
        return torch.cos(t)[:, None] * x

    x = torch.ones(1, 1, dtype=torch.float64)
    exact = torch.exp(torch.sin(torch.tensor(1.0, dtype=torch.float64)))
    errors = [abs(float(integrate(field, x, steps) - exact)) for steps in (64, 128, 256)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_the_straight_field_has_no_loss() -> None:
    source = torch.Generator().manual_seed(2)
    a, t = torch.randn(6, 3, generator=source), torch.rand(6, generator=source)
    shift = torch.tensor([0.5, 0.0, -1.0])
    assert float(flow_matching_loss(lambda x, t: shift.expand_as(x), a, a + shift, t)) == pytest.approx(0, abs=1e-10)
    zero = flow_matching_loss(lambda x, t: torch.zeros_like(x), a, a + shift, t)
    assert float(zero) == pytest.approx(float(shift.square().mean()), rel=1e-5)
