"""Factors as coordinates of a point, and what networks see of them where some are withheld."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.generators.conditions import (
    Condition,
    coding_of,
    coordinates_of,
    waves,
    where_present,
    widths_seen,
)
from explorer.worlds.base import Factor

SIZE = Condition(factor=Factor("size", (1.0, 2.0, 3.0)), mean=2.0, deviation=0.5)
HUE = Condition(factor=Factor("hue", (0.0, 90.0, 180.0, 270.0), cyclic=True, unit="°"), mean=135.0, deviation=100.0)
KIND = Condition(factor=Factor("kind", (2.0, 4.0, 8.0), kind="category"), mean=4.0, deviation=2.0)
ALL = (SIZE, HUE, KIND)


def test_coordinates_are_standardised_numbers_and_indices_of_levels() -> None:
    found = coordinates_of(ALL, torch.tensor([[3.0, 135.0, 8.0], [1.5, 35.0, 3.9]]))
    assert found.tolist() == [[2.0, 0.0, 2.0], [-1.0, -1.0, 1.0]]


def test_a_coding_gives_back_the_values_of_coordinates() -> None:
    values = torch.tensor([[2.75, 300.0, 4.0]])
    point = torch.cat([torch.zeros(1, 5), coordinates_of(ALL, values), torch.zeros(1, 2)], dim=1)
    read = coding_of(ALL, 5, 10).values(point)
    assert read["size"].item() == pytest.approx(2.75)
    assert read["hue"].item() == pytest.approx(300.0)
    assert read["kind"].item() == 1.0  # the index of its label, as variables have it


def test_waves_double_their_speed_and_close_on_a_circle() -> None:
    size, hue, kind = waves(ALL, torch.tensor([[1.0, 0.0, 0.0], [1.0, 3.6, 0.0]]), 2)
    quarter = math.pi / 2  # of four deviations
    expected = [math.sin(quarter), math.sin(2 * quarter), math.cos(quarter), math.cos(2 * quarter)]
    assert size[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert hue[0].tolist() == pytest.approx(hue[1].tolist(), abs=1e-5)  # once around
    assert kind.shape == (2, 0)


def test_what_is_withheld_is_zeros_whatever_it_is() -> None:
    assert [1 + width for width in widths_seen(ALL, 2)] == [6, 7, 4]
    rows = torch.tensor([[0.3, 0.2, 1.0], [9.0, 0.2, 1.0]])
    present = torch.tensor([[0, 1, 1], [0, 1, 1]])
    first, second = where_present(ALL, rows, 2, present)
    assert torch.equal(first, second)
    assert first[:6].tolist() == [0.0] * 6
    assert first[6].item() == first[13].item() == 1.0
    assert first[14:].tolist() == [0.0, 1.0, 0.0]
    everything = where_present(ALL, rows, 2, torch.ones(2, 3))
    assert everything[0, :2].tolist() == pytest.approx([1.0, 0.3])
