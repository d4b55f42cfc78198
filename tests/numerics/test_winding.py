"""Turns of paths that are known."""

from __future__ import annotations

import math

import pytest
import torch
from plain_fields import PlainField, rotation, trajectory
from torch import Tensor

from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.fields.base import VectorField
from explorer.numerics.winding import turns
from explorer.scene.cards import ControlCard

E1, E2 = torch.eye(3)[0], torch.eye(3)[1]


@pytest.mark.parametrize("count", [0.25, 1.0, -1.5, 3.0])
def test_a_circle_has_the_turns_that_it_was_drawn_with(count: float) -> None:
    angles = 0.3 + torch.linspace(0, 2 * math.pi * count, 200).double()
    path = torch.stack([angles.cos() * 2, angles.sin() * 2, angles], 1)
    assert turns(path, E1, E2) == pytest.approx(count, abs=1e-6)
    assert turns(path, E2, E1) == pytest.approx(-count, abs=1e-6)
    assert turns(path.flip(0), E1, E2) == pytest.approx(-count, abs=1e-6)


def test_there_and_back_is_no_turn_and_neither_is_a_circle_beside_the_middle() -> None:
    angles = torch.cat([torch.linspace(0, 3, 50), torch.linspace(3, 0, 50)]).double()
    assert turns(torch.stack([angles.cos(), angles.sin(), angles], 1), E1, E2) == pytest.approx(0, abs=1e-6)
    beside = torch.linspace(0, 2 * math.pi, 100).double()
    path = torch.stack([3 + beside.cos(), beside.sin(), beside], 1)
    assert turns(path, E1, E2) == pytest.approx(0, abs=1e-6)


def round_twice(field: VectorField) -> float:
    """Turns at unit speed over twice the length of the circle through the start, whose radius is 1.5."""
    control = FieldControl(ControlCard(name="c", space="z"), field, Flow(1.0, unit_speed=True, step=0.1))
    start = torch.tensor([[1.5, 0.0, 0.4]], dtype=torch.float64)
    amounts: list[float] = torch.linspace(0, 2 * 2 * math.pi * 1.5, 120).tolist()
    return turns(trajectory(control, start, amounts), E1, E2)


def test_at_unit_speed_a_rotation_goes_round_twice_and_a_gradient_never_once() -> None:
    assert round_twice(rotation(3)) == pytest.approx(2.0, abs=1e-3)
    for seed in range(8):
        matrix = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)).double()
        push: Tensor = torch.randn(3, generator=torch.Generator().manual_seed(seed + 50)).double()
        assert abs(round_twice(PlainField(matrix + matrix.T, push))) < 1
