"""Changes of weights by products of narrow matrices: their laws and their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from explorer.controls import control_set
from explorer.controls.base import WEIGHTS, Control, WeightChange
from explorer.controls.control_set import ControlSet
from explorer.controls.low_rank import LowRank, LowRankControl
from explorer.controls.scaled import scaled
from explorer.scene.cards import ControlCard

CARD = ControlCard(name="age", space=WEIGHTS)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear(seed: int = 0) -> LowRank:
    return LowRank(normal(seed, 2, 5), normal(seed + 1, 4, 2))


def convolution(seed: int = 0) -> LowRank:
    return LowRank(normal(seed, 2, 5, 3, 3), normal(seed + 1, 4, 2, 1, 1))


def some(seed: int = 0) -> LowRankControl:
    return LowRankControl(CARD, {"to_q.weight": linear(seed), "conv.weight": convolution(seed)})


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(-5, 5, width=32), st.sampled_from([-2.0, 0.25, 3.0]))
def test_it_adds_what_two_layers_behind_each_other_compute(seed: int, amount: float, factor: float) -> None:
    """Hu et al., eq. 3: h = W x + B A x, and the same of convolutions, whose second has kernels of one pixel."""
    control = scaled(some(seed), factor)
    assert isinstance(control, LowRankControl)
    changes = control.weight_changes(amount)
    if amount == 0:
        assert changes == {}
        return
    x, picture = normal(seed + 2, 3, 5), normal(seed + 3, 3, 5, 6, 6)
    down, up = control.factors["to_q.weight"]
    together = functional.linear(x, changes["to_q.weight"])
    torch.testing.assert_close(together, amount * factor * (x @ down.T @ up.T), atol=1e-4, rtol=1e-4)
    down, up = control.factors["conv.weight"]
    together = functional.conv2d(picture, changes["conv.weight"], padding=1)
    one_by_one = functional.conv2d(functional.conv2d(picture, down, padding=1), up)
    torch.testing.assert_close(together, amount * factor * one_by_one, atol=1e-3, rtol=1e-4)


def test_it_is_a_change_of_weights_that_moves_no_point() -> None:
    control, latent = some(), normal(1, 2, 3)
    assert isinstance(control, Control)
    assert isinstance(control, WeightChange)
    assert control.move(latent, torch.ones(2)) is latent
    assert (control.place, control.offset) == (None, None)
    assert not control.velocity(latent).any()


def test_files_keep_the_factors_and_nothing_larger(tmp_path: Path) -> None:
    control = scaled(some(), 0.5)
    kept = ControlSet("m", "t", "f", WEIGHTS, (control,))
    control_set.save(kept, tmp_path / "set.safetensors")
    (again,) = control_set.load(tmp_path / "set.safetensors").controls
    assert isinstance(again, LowRankControl)
    assert isinstance(control, LowRankControl)
    assert again.factor == 0.5
    for name, pair in control.factors.items():
        assert all(map(torch.equal, pair, again.factors[name]))


@pytest.mark.parametrize(
    ("factors", "reason"),
    [
        ({}, "no weights"),
        ({"a": LowRank(normal(0, 2, 5), normal(1, 4, 3))}, "shapes"),
        ({"a": LowRank(normal(0, 5), normal(1, 4, 3))}, "shapes"),
        ({"a": LowRank(normal(0, 2, 5), normal(1, 4, 2, 3, 3))}, "shapes"),
        ({"a": LowRank(normal(0, 0, 5), normal(1, 4, 0))}, "shapes"),
        ({"a": LowRank(torch.ones(2, 5, dtype=torch.int64), normal(1, 4, 2))}, "int64"),
    ],
)
def test_what_is_no_change_of_weights_is_refused(factors: dict[str, LowRank], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LowRankControl(CARD, factors)


def test_half_a_pair_is_refused() -> None:
    tensors = some().tensors()
    del tensors["up:conv.weight"]
    with pytest.raises((KeyError, ValueError)):
        LowRankControl.restore(CARD, tensors, {"factor": 1.0})
    with pytest.raises(ValueError, match="half of a pair"):
        LowRankControl.restore(CARD, {**some().tensors(), "up:other": normal(0, 4, 2)}, {"factor": 1.0})
