"""The seeds of steps: values that every model and direction so far was trained with."""

from __future__ import annotations

import pytest
import torch

from explorer.numerics.randomness import seeded, step_seed


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0, 0), 2968811710),
        ((7, 3), 3466196061),
        ((2**32 - 1, 12345), 1958887289),
        ((0, 0, 1), 3831201730),
        ((7, 3, 1), 1060801321),
        ((7, 3, 2), 2682643779),
        ((5, 2500, 4), 3820523754),
    ],
)
def test_seeds_stay_what_they_were(numbers: tuple[int, ...], expected: int) -> None:
    """A training goes on from a checkpoint of an earlier version only if its steps still draw the same numbers."""
    assert step_seed(*numbers) == expected


def test_numbers_stay_what_they_were() -> None:
    drawn = torch.randn(3, generator=seeded(7, 3, 2))
    torch.testing.assert_close(drawn, torch.tensor([0.2592769265, -0.2037325501, -1.1489055157]))


def test_steps_and_streams_are_apart() -> None:
    seeds = {step_seed(seed, step, stream) for seed in range(4) for step in range(50) for stream in range(4)}
    assert len(seeds) == 4 * 50 * 4
