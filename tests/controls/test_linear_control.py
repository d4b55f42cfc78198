"""The linear control in w_plus, and tensors that make no control."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import safetensors.torch
import torch

from explorer.controls.bent import BentControl
from explorer.controls.codebook import CodebookControl
from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError
from explorer.numerics.bending import Bend
from explorer.scene.cards import ControlCard

CARD = ControlCard(name="c", space="s")


def test_a_vector_without_layers_moves_all_of_them_alike() -> None:
    direction = torch.tensor([1.0, 0.0, -2.0])
    moved = LinearControl(CARD, direction).move(torch.zeros(2, 4, 3), torch.tensor([1.0, -0.5]))
    assert torch.equal(moved[0], direction.expand(4, 3))
    assert torch.equal(moved[1], -0.5 * direction.expand(4, 3))


def test_an_offset_a_layer_moves_each_by_its_own() -> None:
    offsets = torch.arange(12.0).reshape(4, 3)
    moved = LinearControl(CARD, offsets).move(torch.ones(1, 4, 3), torch.tensor([2.0]))
    assert torch.equal(moved[0], 1 + 2 * offsets)


@pytest.mark.parametrize("values", [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 3.0], [0.0, math.nan, 1.0]])
def test_every_value_of_a_codebook_lies_above_the_one_before(values: list[float]) -> None:
    with pytest.raises(ValueError, match="do not ascend"):
        CodebookControl(CARD, torch.tensor(values), axis=0, width=1)


def test_a_bent_direction_is_of_numbers_with_a_point_and_of_the_bends_width() -> None:
    bend = Bend(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3))
    for direction in (torch.ones(6, dtype=torch.int64), torch.ones(5), torch.ones(6, 1)):
        with pytest.raises(ValueError, match="for a bend of width 6"):
            BentControl(CARD, direction, bend)


@pytest.mark.parametrize("name", ["direction", "waves", "heights"])
def test_one_number_that_is_not_finite_is_enough_to_refuse_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    bend = Bend(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3))
    bent = BentControl(ControlCard(name="c", space="z"), torch.ones(6), bend)
    save(ControlSet(method="own", title="Own", fingerprint="f", space="z", controls=(bent,)), path)
    with safetensors.safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    tensors[f"0000.{name}"].view(-1)[-1] = math.nan
    safetensors.torch.save_file(tensors, path, metadata)
    with pytest.raises(ControlError, match="not finite in control 'c'"):
        load(path)
