"""Control sets that the version before wrote open, and their controls lead where they led."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.controls.base import WeightChange
from explorer.controls.control_set import load, save
from explorer.controls.registry import kinds

FOLDER = Path(__file__).parent / "files_of_version_2"


@pytest.mark.parametrize("again", [False, True])
def test_every_kind_is_read_and_moves_as_it_did(tmp_path: Path, again: bool) -> None:
    """``every_kind_moved.npz`` holds where the program that wrote the set moved some points with it."""
    controls = load(FOLDER / "every_kind.safetensors")
    if again:
        save(controls, tmp_path / "again.safetensors")
        controls = load(tmp_path / "again.safetensors")
    moved = np.load(FOLDER / "every_kind_moved.npz")
    latent, amounts = torch.from_numpy(moved["latent"]), torch.from_numpy(moved["amounts"])
    assert {control.kind for control in controls.controls} == set(kinds()) - {
        "bound_intervention",
        "bound_noise",
        "bound_rung",
        "class",
        "field",
        "intervention",
        "low_rank",
        "motion",
        "noise",
        "rung",
        "step_jacobian",
        "stepped",
        "towards",
    }  # which are younger
    for control in controls.controls:
        if isinstance(control, WeightChange):
            found = control.weight_changes(2.0)["layer.weight"]
        else:
            found = control.move(latent, amounts)
        np.testing.assert_allclose(found.numpy(), moved[control.card.name], rtol=1e-6, atol=1e-6)
    assert controls.control("codebook").card.detents == (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    assert controls.control("linear").card.details == ("KL 1.20 nat",)
    assert not controls.control("local basis").card.laws.composes  # what the kind says, though the file does not
