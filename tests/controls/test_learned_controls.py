"""The kinds of control that a network describes: against the formulas, written again in numpy, and by closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from toys import trajectory

from explorer.controls.base import Control
from explorer.controls.conditional import STEP, TOLERANCE, ConditionalControl, direction
from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.deformation import Deformation, DeformationControl
from explorer.scene.cards import ControlCard, SpaceCard

CARD = ControlCard(name="c", space="w")
WIDTH, HIDDEN = 5, 8


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _deformation(axis: int = 2, step: float = 0.5) -> DeformationControl:
    shape = Deformation(
        (_normal(1, HIDDEN, HIDDEN), _normal(2, HIDDEN, HIDDEN), _normal(3, WIDTH, HIDDEN)),
        (_normal(4, HIDDEN), _normal(5, HIDDEN)),
        (_normal(6, HIDDEN), _normal(7, HIDDEN), _normal(8, HIDDEN)),
        (_normal(9, HIDDEN), _normal(10, HIDDEN), _normal(11, HIDDEN)),
    )
    return DeformationControl(CARD, _normal(12, HIDDEN), _normal(13, HIDDEN), shape, axis, step)


def _conditional(depth: int, frozen: bool, step: float = 0.5, seed: int = 0) -> ConditionalControl:
    widths = [WIDTH, *[HIDDEN] * (depth - 1), WIDTH]
    weights = tuple(_normal(seed + i, widths[i + 1], widths[i]) for i in range(depth))
    biases = tuple(_normal(seed + 20 + i, widths[i + 1]) for i in range(depth - (depth > 1)))
    return ConditionalControl(CARD, weights, biases, step, frozen)


def test_a_deformation_is_the_published_network_written_again_in_numpy() -> None:
    """fc4(ELU(bn3(x3 + x2 + x1))) + input with batch normalisation in evaluation, less its value at 0."""
    control = _deformation()
    t = {name: tensor.double().numpy() for name, tensor in control.tensors().items()}

    def elu(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))

    def shift(amount: float) -> np.ndarray:
        x1 = amount * t["column"] + t["bias_1"]
        x2 = t["weight_2"] @ elu(t["scale_1"] * x1 + t["shift_1"]) + t["bias_2"]
        x3 = t["weight_3"] @ elu(t["scale_2"] * (x2 + x1) + t["shift_2"]) + t["bias_3"]
        out: np.ndarray = t["weight_4"] @ elu(t["scale_3"] * (x3 + x2 + x1) + t["shift_3"])
        out[2] += amount
        return out

    latent = _normal(14, 4, WIDTH)
    amounts = [-3.0, -0.25, 1.0, 4.0]
    expected = latent.double().numpy() + 0.5 * np.stack([shift(one) - shift(0.0) for one in amounts])
    np.testing.assert_allclose(control.move(latent, torch.tensor(amounts)).numpy(), expected, rtol=2e-5, atol=2e-5)


def test_a_deformation_bends() -> None:
    control, latent = _deformation(), torch.zeros(1, WIDTH)
    once, twice = trajectory(control, latent, torch.tensor([1.0, 2.0]))
    assert not torch.allclose(twice, 2 * once, rtol=0.05)


@pytest.mark.parametrize("depth", [1, 3])
def test_a_frozen_direction_is_a_straight_line_along_the_network_written_again_in_numpy(depth: int) -> None:
    control, latent = _conditional(depth, frozen=True), _normal(30, 3, WIDTH)
    x = latent.double().numpy()
    for index, weight in enumerate(control.weights):
        x = np.maximum(x, 0) if index else x
        x = x @ weight.double().numpy().T
        if index < len(control.biases):
            x = x + control.biases[index].double().numpy()
    expected = x / np.linalg.norm(x, axis=1, keepdims=True)
    for amount in (-2.0, 3.0):
        moved = control.move(latent, torch.full((3,), amount))
        np.testing.assert_allclose((moved - latent).numpy(), 0.5 * amount * expected, atol=1e-5)


def test_a_followed_direction_that_turns_draws_a_circle() -> None:
    """d(z) = J z / ‖z‖ turns by step / radius a unit, so the way is known in closed form."""
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    control = ConditionalControl(CARD, (turn,), (), 0.5, frozen=False)
    start = torch.tensor([[2.0, 0.0], [0.0, -1.0]])
    angle = torch.tensor([3.0 * 0.5 / 2, 3.0 * 0.5 / 1])
    expected = torch.stack(
        [torch.stack([2 * angle[0].cos(), 2 * angle[0].sin()]), torch.stack([angle[1].sin(), -angle[1].cos()])]
    )
    torch.testing.assert_close(control.move(start, torch.full((2,), 3.0)), expected, atol=1e-4, rtol=0)
    assert not torch.allclose(ConditionalControl(CARD, (turn,), (), 0.5, True).move(start, angle), expected, atol=0.1)


@given(st.integers(0, 2**16), st.integers(1, 3), st.floats(-3, 3), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_followed_ways_compose_and_reverse_within_the_stated_share(
    seed: int, depth: int, amount: float, part: float
) -> None:
    control = _conditional(depth, frozen=False, step=0.3, seed=seed)
    start = _normal(seed + 50, 1, WIDTH).double()
    steps = torch.linspace(0, amount, 1 + math.ceil(abs(amount) / STEP))
    along = direction(control.weights, control.biases, trajectory(control, start.float(), steps)[:, 0])
    turns = (along[1:] * along[:-1]).sum(1).clamp(-1, 1).arccos()
    assume(len(turns) == 0 or float(turns.max()) < 0.1)
    whole = control.move(start, torch.tensor([amount]))
    halves = control.move(control.move(start, torch.tensor([amount * part])), torch.tensor([amount * (1 - part)]))
    back = control.move(whole, torch.tensor([-amount]))
    allowed = TOLERANCE * 0.3 * abs(amount) + 1e-6
    assert float((whole - halves).norm()) <= allowed
    assert float((back - start).norm()) <= allowed


@pytest.mark.parametrize("control", [_deformation(), _conditional(2, True), _conditional(1, False)])
def test_a_file_keeps_it(control: DeformationControl | ConditionalControl, tmp_path: Path) -> None:
    kept = ControlSet("m", "M", "f" * 64, "w", (control,))
    save(kept, tmp_path / "kept.safetensors")
    again = load(tmp_path / "kept.safetensors").controls[0]
    assert type(again) is type(control)
    latent, amount = _normal(1, 2, WIDTH), torch.tensor([1.5, -0.5])
    assert torch.equal(again.move(latent, amount), control.move(latent, amount))
    assert "width 5" in control.misfit(SpaceCard(shape=(2, WIDTH), layers=2))


def _again(control: Control, tensors: dict[str, Tensor], **parameters: float | str) -> Control:
    return type(control).restore(CARD, control.tensors() | tensors, control.parameters() | parameters)


def test_what_makes_no_deformation_is_refused() -> None:
    control = _deformation()
    for wrong in ({"axis": 1.5}, {"axis": True}, {"axis": WIDTH}, {"axis": -2}, {"step": 1}):
        with pytest.raises(ValueError, match="axis"):
            _again(control, {}, **wrong)
    for name, tensor in (
        ("column", torch.zeros(HIDDEN + 1)),
        ("weight_2", torch.zeros(HIDDEN)),
        ("weight_4", torch.zeros(WIDTH)),
        ("scale_3", torch.zeros(HIDDEN, dtype=torch.int64)),
    ):
        with pytest.raises(ValueError, match=name if name != "weight_4" else "shape"):
            _again(control, {name: tensor})
    with pytest.raises(KeyError, match="weight_2"):
        DeformationControl.restore(CARD, {"column": torch.zeros(2)}, control.parameters())


def test_what_makes_no_conditional_direction_is_refused() -> None:
    control = _conditional(2, True)
    for wrong in ({"step": 1}, {"frozen": 1}):
        with pytest.raises(ValueError, match="frozen"):
            _again(control, {}, **wrong)
    with pytest.raises(ValueError, match="weight_2 of shape"):
        _again(control, {"weight_2": torch.zeros(WIDTH, HIDDEN + 1)})
    with pytest.raises(ValueError, match="width 4 for width 5"):
        _again(control, {"weight_2": torch.zeros(4, HIDDEN)})
    with pytest.raises(ValueError, match="no matrix"):
        _again(control, {"weight_2": torch.zeros(4)})
    with pytest.raises(KeyError, match="weight_1"):
        ConditionalControl.restore(CARD, {}, control.parameters())
    with pytest.raises(ValueError, match="0 biases for 2 layers"):
        ConditionalControl(CARD, control.weights, (), 1.0, True)
