"""Integrators against closed forms, and their orders."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from explorer.numerics.integrators import ORDERS, Integrator, Length, integrate

TURN = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
START = torch.tensor([[1.0, 0.0], [0.5, -2.0]], dtype=torch.float64)


def turning(z: Tensor, s: Length) -> Tensor:
    """A rotation whose speed grows with time: the angle at s is s + s²/2."""
    return (1 + s) * (z @ TURN.T)


def exact(end: float) -> Tensor:
    angle = end + end**2 / 2
    matrix = math.cos(angle) * torch.eye(2, dtype=torch.float64) + math.sin(angle) * TURN
    return START @ matrix.T


@pytest.mark.parametrize("method", list(ORDERS))
def test_halving_the_step_divides_the_error_by_two_to_the_order(method: Integrator) -> None:
    errors = [float((integrate(method, turning, START, 0.0, 1.5, n) - exact(1.5)).norm()) for n in (80, 160, 320)]
    for coarse, fine in itertools.pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(ORDERS[method], abs=0.15)


def test_a_rotation_closes_after_a_whole_turn_and_leads_back() -> None:
    def plain(z: Tensor, s: Length) -> Tensor:
        return z @ TURN.T

    closed = integrate("rk4", plain, START, 0.0, 2 * math.pi, 60)
    assert float((closed - START).abs().max()) <= 2e-5 * float(START.norm())
    there = integrate("rk4", turning, START, 0.0, 1.5, 60)
    assert float((there - exact(1.5)).abs().max()) <= 1e-5
    assert float((integrate("rk4", turning, there, 1.5, 0.0, 60) - START).abs().max()) <= 1e-5


def test_euler_is_the_sum_of_its_steps() -> None:
    z = START
    for number in range(7):
        z = z + 0.25 * turning(z, 0.25 * number)
    torch.testing.assert_close(integrate("euler", turning, START, 0.0, 1.75, 7), z, rtol=1e-14, atol=1e-14)
