"""Control sets written for other programs: what these would read, and what we read back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import LAYERS, ToyGenerator

from explorer.controls.codebook import CodebookControl
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.registry import method
from explorer.errors import ControlError, ExportError
from explorer.export.directions import lost, write
from explorer.importers.registry import read
from explorer.scene.cards import ControlCard, SpaceCard

TOY = ToyGenerator()
WIDTH = 10


def _set(directions: torch.Tensor, space: str = "w", layers: tuple[int, int] | None = None) -> ControlSet:
    cards = [ControlCard(name=f"a: {index}", space=space, layers=layers) for index in range(len(directions))]
    controls = tuple(LinearControl(card, row) for card, row in zip(cards, directions, strict=True))
    return ControlSet("pca", "PCA", TOY.card.fingerprint, space, controls)


def _normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_components_hold_what_ganspace_holds(tmp_path: Path) -> None:
    found = method("pca").discover(TOY, 4, seed=0)
    files = write(found, tmp_path / "a.npz", mean=torch.arange(10.0))
    arrays = np.load(files[0])
    assert {key: arrays[key].shape for key in arrays.files} == {
        "act_comp": (4, 1, WIDTH), "act_mean": (1, WIDTH), "act_stdev": (4,),
        "lat_comp": (4, 1, WIDTH), "lat_mean": (1, WIDTH), "lat_stdev": (4,),
    }  # fmt: skip
    assert all(arrays[key].dtype == np.float32 for key in arrays.files)
    np.testing.assert_allclose(np.linalg.norm(arrays["lat_comp"], axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(arrays["lat_mean"][0], np.arange(10))
    # GANSpace's latent mode: x + s · lat_stdev_k · lat_comp_k.
    start = _normal(1, WIDTH)
    ours = found.controls[2].move(start, torch.tensor([1.5]))
    theirs = start + 1.5 * arrays["lat_stdev"][2] * torch.from_numpy(arrays["lat_comp"][2])
    torch.testing.assert_close(ours, theirs)
    assert files[1].read_text() == "0: PC 1\n1: PC 2\n2: PC 3\n3: PC 4\n"


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 5),
    shape=st.one_of(st.tuples(st.integers(1, 12)), st.tuples(st.integers(2, 3), st.integers(2, 3), st.integers(2, 3))),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_what_is_written_is_read_back(
    count: int, shape: tuple[int, ...], scale: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round")
    directions = scale * _normal(count, *shape)
    model = msgspec.structs.replace(TOY.card, spaces={"w": SpaceCard(shape=shape)})
    write(_set(directions), folder / "a.npz")
    again = read(folder / "a.npz", model)
    torch.testing.assert_close(torch.stack([one.direction for one in again.controls]), directions)
    assert [one.card.name for one in again.controls] == [f"a {index}" for index in range(count)]
    if len(shape) == 1:
        write(_set(directions), folder / "b.npy")
        again = read(folder / "b.npy", model)
        expected = directions / directions.norm(dim=1, keepdim=True)
        torch.testing.assert_close(torch.stack([one.direction for one in again.controls]), expected)


def test_a_folder_gets_one_boundary_a_control(tmp_path: Path) -> None:
    found = _set(_normal(2, WIDTH), "w_plus", (1, 2))
    files = write(found, tmp_path / "boundaries")
    assert [file.name for file in files] == ["pca_a-0_w_boundary.npy", "pca_a-1_w_boundary.npy"]
    first = np.load(files[0])
    assert (first.shape, first.dtype) == ((1, WIDTH), np.float32)
    again = read(files[1], TOY.card, layers=(1, 2))
    assert (again.space, again.controls[0].card.name, again.method) == ("w_plus", "a-1", "interfacegan")
    assert lost(found, tmp_path / "boundaries") == (
        "Not kept in the files: that they move the layers 1 to 2 only; how far one unit goes."
    )
    assert lost(_set(_normal(2, WIDTH)), tmp_path / "a.npz") == "Not kept in the files: that their space is w."


def test_names_that_become_one_keep_their_files(tmp_path: Path) -> None:
    controls = tuple(LinearControl(ControlCard(name=name, space="z"), _normal(WIDTH)) for name in ("a b", "a-b", "…"))
    files = write(ControlSet("sefa", "SeFa", "", "z", controls), tmp_path / "f")
    assert [file.name for file in files] == [
        "sefa_a-b_boundary.npy", "sefa_a-b-1_boundary.npy", "sefa_direction_boundary.npy",
    ]  # fmt: skip


def test_what_no_file_of_directions_holds(tmp_path: Path) -> None:
    steps = CodebookControl(ControlCard(name="step", space="z"), torch.tensor([0.0, 1.0]), 0, WIDTH)
    with pytest.raises(ControlError, match="'step' is of kind 'codebook'"):
        write(ControlSet("qlae", "QLAE", "", "z", (steps,)), tmp_path / "a.npz")
    with pytest.raises(ControlError, match="every layer of w_plus"):
        write(_set(_normal(1, LAYERS, WIDTH), "w_plus"), tmp_path / "a.npz")
    with pytest.raises(ControlError, match="length 0"):
        write(_set(torch.zeros(1, WIDTH)), tmp_path / "a.npy")
    with pytest.raises(ControlError, match="no controls"):
        write(_set(torch.zeros(0, WIDTH)), tmp_path / "a.npy")
    with pytest.raises(ControlError, match=r"arrays of 2 × 3 × 3; write a \.npz"):
        write(_set(_normal(2, 2, 3, 3), "h"), tmp_path / "a.npy")
    both = (*_set(_normal(1, 4)).controls, *_set(_normal(1, 5)).controls)
    with pytest.raises(ControlError, match="different shapes"):
        write(ControlSet("pca", "PCA", "", "w", both), tmp_path / "a.npy")
    with pytest.raises(ExportError, match=r"ends in \.csv"):
        write(_set(_normal(1, 4)), tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []
