"""Every format, written by the test in its published layout with small widths, and read back."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flow_files
import msgspec
import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import LAYERS, ToyGenerator, ToyVae

from explorer.controls import control_set
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError
from explorer.importers.asking import describe
from explorer.importers.registry import importers, open_controls, read
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.imports import SPACE
from explorer.scene.model import Scalar

WIDTH = 10
TOY = ToyGenerator(width=WIDTH).card
VAE = ToyVae().card  # z of width 6


def _numbers(*shape: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _unit(*shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = _numbers(*shape).astype(np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _orthonormal(k: int, d: int) -> Tensor:
    return torch.from_numpy(np.linalg.qr(_numbers(d, k))[0].T.copy())


def _directions(controls: ControlSet) -> Tensor:
    return torch.stack([one.direction for one in controls.controls if isinstance(one, LinearControl)])


def _space(path: Path) -> Scalar:
    """The space that the file at ``path`` names, or the only one that fits; empty where it is open."""
    return next((one.default for one in describe(path, TOY).questions if one.name == SPACE), "the only one")


def _shift(controls: ControlSet, index: int, amount: float, start: Tensor | None = None) -> Tensor:
    """What ``amount`` of a control adds to a point."""
    begin = torch.zeros(1, WIDTH) if start is None else start[None]
    return (controls.controls[index].move(begin, torch.tensor([amount])) - begin)[0]


# --- the files -------------------------------------------------------------------------------------------------------


def ganspace(folder: Path, name: str = "StyleGAN2-ffhq_style_ipca_c4_n1000000_w.npz", **changes: Any) -> Path:
    components = _unit(4, 1, WIDTH).astype(np.float32)
    arrays = {
        "act_comp": components,
        "act_mean": _numbers(1, WIDTH),
        "act_stdev": np.array([4, 3, 2, 1], np.float32),
        "lat_comp": components,
        "lat_mean": _numbers(1, WIDTH),
        "lat_stdev": np.array([4, 3, 2, 1], np.float32),
        "var_ratio": np.array([0.4, 0.3, 0.2, 0.1], np.float32),
        "random_stdevs": np.ones(4, np.float32),
    }
    np.savez_compressed(folder / name, **{**arrays, **changes})
    return folder / name


def ganspace_edit(folder: Path, protocol: int = 4, **changes: Any) -> Path:
    said = {
        "name": "Smile, wide",
        "sigma_range": np.float64(3.5),
        "component_index": 2,
        "act_comp": _unit(1, WIDTH).astype(np.float32),
        "lat_comp": _unit(1, WIDTH).astype(np.float32),
        "latent_space": "W",
        "act_stdev": np.float32(2.0),
        "lat_stdev": np.float32(2.0),
        "model_name": "StyleGAN2",
        "output_class": "ffhq",
        "decomposition": {
            "name": "ipca",
            "components": 80,
            "samples": 1_000_000,
            "layer": "style",
            "class_name": "ffhq",
        },
        "edit_type": "latent",
        "truncation": 0.7,
        "edit_start": 1,
        "edit_end": 3,
        "example_seed": 1866827965,
    }
    path = folder / "smile.pkl"
    path.write_bytes(pickle.dumps({**said, **changes}, protocol))
    return path


def boundary(folder: Path, name: str = "stylegan_ffhq_smile_w_boundary.npy") -> Path:
    np.save(folder / name, _unit(1, WIDTH))
    return folder / name


def factor(folder: Path) -> Path:
    torch.save({"ckpt": "checkpoint/550000.pt", "eigvec": _orthonormal(WIDTH, WIDTH)}, folder / "factor.pt")
    return folder / "factor.pt"


def householder(folder: Path) -> Path:
    keys = ["conv1.conv.modulation.V", "convs.0.conv.modulation.V", "convs.1.conv.modulation.V"]
    torch.save({key: _orthonormal(WIDTH, WIDTH) for key in keys}, folder / "householder.pt")
    return folder / "householder.pt"


def voynov(folder: Path, state: dict[str, Tensor] | None = None, wrapped: bool = False, **told: Any) -> Path:
    state = {"log_mat_half": torch.from_numpy(_numbers(WIDTH, WIDTH))} if state is None else state
    (folder / "models").mkdir(exist_ok=True)
    path = folder / "models" / "deformator_9999.pt"
    torch.save({"step": 9999, "deformator": state, "shift_predictor": {}} if wrapped else state, path)
    if told:
        (folder / "args.json").write_text(json.dumps(told))
    return path


def latentclr(folder: Path, state: dict[str, Tensor] | None = None) -> Path:
    state = {"params": torch.from_numpy(_numbers(5, WIDTH))} if state is None else state
    path = folder / "final_model.pt"
    torch.save({"iteration": 3, "optimizer": {}, "model": state, "projector": {}, "scheduler": {}, "scaler": {}}, path)
    return path


def channels(folder: Path) -> Path:
    (folder / "channels.csv").write_text("layer,channel,sigma,name\n0,1,0.5,smile\n2,3,2.0\n")
    return folder / "channels.csv"


def rows(folder: Path) -> Path:
    np.save(folder / "eyes.npy", _unit(2, WIDTH))
    return folder / "eyes.npy"


def bare_matrix(folder: Path) -> Path:
    torch.save(torch.from_numpy(_numbers(4, WIDTH)), folder / "A_003500.pt")
    return folder / "A_003500.pt"


def walk(folder: Path) -> Path:
    np.save(folder / "zoom.npy", 3 * _numbers(LAYERS, WIDTH))
    return folder / "zoom.npy"


def pdetraversal(folder: Path) -> Path:
    return flow_files.write(folder, flow_files.pdetraversal_state(2, WIDTH), {"gan_type": "SNGAN_MNIST"})


def latent_flow(folder: Path) -> Path:
    return flow_files.write(folder, flow_files.latent_flow_state(2, WIDTH, rest=True), {"gan_type": "VAE_MNIST"})


def warpedganspace(folder: Path) -> Path:
    return flow_files.write(folder, flow_files.warped_state(2, 3, WIDTH), {"gan_type": "ProgGAN"}, checkpoint=False)


def gradctrl(folder: Path) -> Path:
    return flow_files.gradctrl(folder, (1, 1), WIDTH, {"attributes": "smile,age"})


WRITERS: dict[str, Callable[[Path], Path]] = {
    "gradctrl": gradctrl,
    "pdetraversal": pdetraversal,
    "latent_flow": latent_flow,
    "warpedganspace": warpedganspace,
    "ganspace": ganspace,
    "ganspace_edit": ganspace_edit,
    "interfacegan": boundary,
    "rosinality": factor,
    "householder": householder,
    "voynov": voynov,
    "latentclr": latentclr,
    "stylespace": channels,
    "orojar": bare_matrix,
    "plain_arrays": rows,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_claimed_by_its_importer_alone(name: str, tmp_path: Path) -> None:
    from explorer.importers.files import opened

    file = opened(WRITERS[name](tmp_path))
    claiming = {module: importer.general for module, importer in importers().items() if importer.claims(file)}
    assert next(iter(claiming)) == name
    assert [module for module, general in claiming.items() if not general] == [name] * (not importers()[name].general)


def test_every_importer_is_tested_here() -> None:
    assert set(importers()) == {*WRITERS, "latent_paths", "adapters"}  # of which the last has a file of its own


@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"stylespace"}))
def test_what_is_read_is_a_control_set_like_any_other(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path)
    found = read(path, TOY, "" if _space(path) else "w")
    control_set.save(found, tmp_path / "set.safetensors")
    again = open_controls(tmp_path / "set.safetensors", TOY)
    assert again.card == found.card
    assert again.title.endswith("(imported)")
    assert again.settings["source"] == path.name
    assert len(str(again.settings["sha256"])) == 64
    for one in again.controls:
        start = torch.from_numpy(_numbers(2, *TOY.spaces[found.space].shape))
        assert torch.equal(one.move(start, torch.zeros(2)), start)


# --- GANSpace --------------------------------------------------------------------------------------------------------


def test_ganspace_components_are_in_deviations(tmp_path: Path) -> None:
    path = ganspace(tmp_path)
    said = describe(path, TOY)
    assert (said.title, said.text, _space(path)) == ("GANSpace", "4 controls of width 10", "w")
    found = read(path, TOY)
    arrays = np.load(path)
    expected = arrays["lat_comp"][:, 0] * arrays["lat_stdev"][:, None]
    np.testing.assert_allclose(_directions(found), expected, rtol=1e-6)
    first = found.controls[0].card
    assert (first.unit, first.low, first.high, first.figure) == ("σ", -10, 10, "40.0%")
    assert found.method == "ganspace"
    assert "another layer" not in found.note


def test_ganspace_says_z_by_its_name_and_regression_by_its_keys(tmp_path: Path) -> None:
    name = "BigGAN-128-husky_generator.gen_z_ipca_c4_n1000000.npz"
    path = ganspace(tmp_path, name, act_comp=_numbers(4, 1, 33), lat_stdev=np.ones(4, np.float32))
    found = read(path, TOY)
    assert found.space == "z"
    assert "another layer" in found.note
    assert _directions(found).norm(dim=1) == pytest.approx(torch.ones(4))


def test_ganspace_without_a_telling_name_is_asked_about(tmp_path: Path) -> None:
    path = ganspace(tmp_path, "mine.npz")
    with pytest.raises(ControlError, match="--space z or --space w"):
        read(path, TOY)
    assert read(path, TOY, "z").space == "z"
    assert read(path, msgspec.structs.replace(TOY, spaces={"z": TOY.spaces["z"]})).space == "z"


def test_ganspace_of_activations_alone_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", act_comp=_numbers(4, 1, 33), act_stdev=np.ones(4))
    with pytest.raises(ControlError, match="activations are not moved"):
        describe(tmp_path / "a.npz", TOY)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_ganspace_edit_is_one_direction_on_its_layers(protocol: int, tmp_path: Path) -> None:
    path = ganspace_edit(tmp_path, protocol)
    found = read(path, TOY)
    (one,) = found.controls
    assert (one.card.name, one.card.low, one.card.high, one.card.layers) == ("Smile, wide", -3.5, 3.5, (1, 2))
    assert found.space == "w_plus"
    np.testing.assert_allclose(_directions(found)[0], 2 * _unit(1, WIDTH)[0], rtol=1e-6)
    assert found.settings["component_index"] == 2


def test_a_ganspace_edit_of_all_layers_is_of_w(tmp_path: Path) -> None:
    found = read(ganspace_edit(tmp_path, edit_start=0, edit_end=18), TOY)
    assert (found.space, found.controls[0].card.layers) == ("w", None)
    assert read(ganspace_edit(tmp_path, edit_start=2, edit_end=18), TOY).controls[0].card.layers == (2, 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"edit_type": "activation"}, "edits the activations"),
        ({"latent_space": "Q"}, "not W or Z"),
        ({"latent_space": "Z"}, "moves z on the layers"),
        ({"edit_end": 1}, "which are none"),
        ({"edit_start": 9, "edit_end": 12}, "layers 0 to 3"),
        ({"lat_stdev": np.float32(-1)}, "damaged"),
        ({"lat_comp": np.full((1, WIDTH), np.nan, np.float32)}, "not finite"),
    ],
)
def test_a_ganspace_edit_that_cannot_be_read_says_why(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=sentence):
        read(ganspace_edit(tmp_path, **changes), TOY)


# --- InterFaceGAN ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "space", "control"),
    [
        ("stylegan_ffhq_smile_w_boundary.npy", "w", "smile"),
        ("pggan_celebahq_age_boundary.npy", "z", "age"),
        ("pggan_celebahq_age_c_gender_eyeglasses_boundary.npy", "z", "age | gender, eyeglasses"),
        ("stylegan_celebahq_age_c_gender_w_boundary.npy", "w", "age | gender"),
    ],
)
def test_a_boundary_is_known_by_its_name(name: str, space: str, control: str, tmp_path: Path) -> None:
    found = read(boundary(tmp_path, name), TOY)
    assert (found.space, found.controls[0].card.name, found.controls[0].card.unit) == (space, control, "distance")
    np.testing.assert_allclose(_directions(found), _unit(1, WIDTH), rtol=1e-6)


def test_a_boundary_without_a_name_is_asked_about_and_its_name_can_be_overruled(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="say which with --space z or --space w"):
        read(boundary(tmp_path, "boundary.npy"), TOY)
    assert read(boundary(tmp_path), TOY, "z").space == "z"


@pytest.mark.real
@pytest.mark.parametrize("attribute", ["pose", "smile"])
def test_the_shipped_boundaries_load(attribute: str, real_models: Path) -> None:
    path = real_models / "interfacegan" / f"stylegan_ffhq_{attribute}_w_boundary.npy"
    model = ToyGenerator(width=512, size=4).card
    found = read(path, model)
    assert (found.space, found.controls[0].card.name) == ("w", attribute)
    assert float(_directions(found).double().norm()) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ControlError, match=r"width 512, but 'toy' has w of width 10"):
        read(path, TOY)


# --- SeFa, Householder -----------------------------------------------------------------------------------------------


def test_directions_of_a_factor_are_its_columns(tmp_path: Path) -> None:
    found = read(factor(tmp_path), TOY)
    assert torch.equal(_directions(found), _orthonormal(WIDTH, WIDTH).T.contiguous())
    assert (found.space, found.method, found.settings["checkpoint"]) == ("w", "sefa", "550000.pt")
    limited = read(factor(tmp_path), TOY, layers=(1, 2), k=3)
    assert len(limited.controls) == 3
    assert (limited.space, limited.controls[0].card.layers) == ("w_plus", (1, 2))
    with pytest.raises(ControlError, match="in w, not in z"):
        read(factor(tmp_path), TOY, "z")
    with pytest.raises(ControlError, match="layers 0 to 3"):
        read(factor(tmp_path), TOY, layers=(2, 4))


def test_directions_of_householder_are_columns_on_their_own_layer(tmp_path: Path) -> None:
    found = read(householder(tmp_path), TOY)
    assert len(found.controls) == 3 * WIDTH
    assert [found.controls[index].card.layers for index in (0, 10, 29)] == [(0, 0), (1, 1), (2, 2)]
    assert torch.equal(_directions(found)[11], _orthonormal(WIDTH, WIDTH)[:, 1])


# --- Voynov & Babenko ------------------------------------------------------------------------------------------------


def test_ortho_is_the_exponential_of_a_skew_matrix(tmp_path: Path) -> None:
    path = voynov(tmp_path, wrapped=True, gan_type="StyleGAN2", w_shift=True, deformator="ortho")
    (tmp_path / "human_annotation.txt").write_text("1: eyes open\n\nnot a line\n4: background\n")
    found = read(path, TOY)
    half = _numbers(WIDTH, WIDTH).astype(np.float64)
    expected = scipy.linalg.expm(half - half.T)
    np.testing.assert_allclose(_directions(found).T, expected, atol=1e-6)
    assert found.space == "w"
    assert [one.card.name for one in found.controls[:5]] == [
        "direction 0", "eyes open", "direction 2", "direction 3", "background",
    ]  # fmt: skip
    assert (found.controls[0].card.low, found.controls[0].card.high) == (-6, 6)


def test_linear_and_proj_differ_in_length_alone(tmp_path: Path) -> None:
    weight = torch.from_numpy(_numbers(WIDTH, 4))
    state = {"linear.weight": weight, "linear.bias": torch.full((WIDTH,), 0.5)}
    linear = read(voynov(tmp_path, state, gan_type="SN_MNIST", deformator="linear"), TOY)
    assert torch.equal(_directions(linear), weight.T)
    assert (linear.space, "bias" in linear.note) == ("z", True)
    proj = read(voynov(tmp_path, state, gan_type="SN_MNIST", deformator="proj"), TOY)
    torch.testing.assert_close(_directions(proj), nn.functional.normalize(weight.T))


def test_few_numbers_are_filled_up_only_when_the_trainer_says_so(tmp_path: Path) -> None:
    state = {"log_mat_half": torch.from_numpy(_numbers(4, 4))}
    with pytest.raises(ControlError, match="width 4, but 'toy' has z of width 10"):
        read(voynov(tmp_path, state, gan_type="BigGAN", directions_count=None), TOY)
    found = read(voynov(tmp_path, state, gan_type="BigGAN", directions_count=4), TOY)
    assert _directions(found).shape == (4, WIDTH)
    assert not _directions(found)[:, 4:].any()
    assert "filled up with zeros to 10" in found.note


class _Published(nn.Module):
    """The deformator fc as the paper's program defines it, written a second time."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(width, hidden), nn.BatchNorm1d(hidden)
        self.fc2, self.bn2 = nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden)
        self.fc3, self.bn3 = nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden)
        self.fc4 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        a = self.fc1(x)
        b = self.fc2(nn.functional.elu(self.bn1(a)))
        c = self.fc3(nn.functional.elu(self.bn2(a + b)))
        return self.fc4(nn.functional.elu(self.bn3(a + b + c))) + x


def _moved_statistics(network: nn.Module) -> nn.Module:
    """``network`` in evaluation, with batch statistics that are not those it begins with."""
    source = torch.Generator().manual_seed(3)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=source) * 0.3)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
    return network.eval()


def test_fc_moves_as_the_published_network_does(tmp_path: Path) -> None:
    network = _moved_statistics(_Published(WIDTH, 7))
    found = read(voynov(tmp_path, dict(network.state_dict()), gan_type="SNGAN", deformator="fc"), TOY)
    assert len(found.controls) == WIDTH
    for index, amount in ((0, 2.5), (7, -4.0)):
        code = torch.zeros(1, WIDTH)
        code[0, index] = amount
        with torch.no_grad():
            expected = (network(code) - network(torch.zeros(1, WIDTH)))[0]
        torch.testing.assert_close(_shift(found, index, amount), expected, atol=1e-5, rtol=1e-5)
    with pytest.raises(ControlError, match="leave the layers out"):
        read(voynov(tmp_path, dict(network.state_dict())), TOY, "w", layers=(0, 1))


def test_a_random_deformator_has_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="does not save"):
        describe(voynov(tmp_path, {}, deformator="random"), TOY)


# --- LatentCLR -------------------------------------------------------------------------------------------------------


def test_global_directions_of_latentclr_have_length_one(tmp_path: Path) -> None:
    path = latentclr(tmp_path)
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("generator:\n  use_w: true\nk: 5\n")
    found = read(path, TOY)
    torch.testing.assert_close(_directions(found), nn.functional.normalize(torch.from_numpy(_numbers(5, WIDTH))))
    assert found.space == "w"


@pytest.mark.parametrize(("depth", "final"), [(1, False), (1, True), (3, False), (2, True)])
def test_conditional_directions_are_those_of_the_published_network(depth: int, final: bool, tmp_path: Path) -> None:
    def network() -> nn.Sequential:
        layers: dict[str, nn.Module] = {"linear_1": nn.Linear(WIDTH, WIDTH if depth == 1 else 7)}
        for index in range(1, depth):
            last = index == depth - 1
            layers[f"batchnorm_{index}"] = nn.BatchNorm1d(7)
            layers[f"relu_{index}"] = nn.ReLU()
            layers[f"linear_{index + 1}"] = nn.Linear(7, WIDTH if last else 7, bias=not last)
        if final:
            layers[f"batchnorm_{depth}"] = nn.BatchNorm1d(WIDTH)
        found = nn.Sequential()
        for name, layer in layers.items():
            found.add_module(name, layer)
        return found

    nets = nn.ModuleList([network(), network()])
    _moved_statistics(nets)
    state = {f"nets.{key}": value for key, value in nets.state_dict().items()}
    found = read(latentclr(tmp_path, state), TOY, "z")
    assert len(found.controls) == 2
    start = torch.from_numpy(_numbers(WIDTH))
    for index, amount in ((0, 3.0), (1, -2.0)):
        with torch.no_grad():
            expected = amount * nn.functional.normalize(nets[index](start[None]))[0]
        torch.testing.assert_close(_shift(found, index, amount, start), expected, atol=1e-5, rtol=1e-5)


# --- StyleSpace, OroJaR, arrays of no one program ---------------------------------------------------------------------


def test_a_channel_is_a_unit_vector_at_its_place(stylegan2: ModelCard, tmp_path: Path) -> None:
    # The styles: conv 6, colours 6 | conv 6, conv 5, colours 5.
    assert stylegan2.spaces["style"].shape == (28,)
    found = read(channels(tmp_path), stylegan2)
    assert [one.card.name for one in found.controls] == ["smile", "layer 2 · channel 3"]
    expected = torch.zeros(2, 28)
    expected[0, 1], expected[1, 6 + 6 + 3] = 0.5, 2.0
    assert torch.equal(_directions(found), expected)
    assert (found.space, found.controls[0].card.unit, found.controls[0].card.high) == ("style", "σ", 20)


def test_the_tables_of_stylespace_are_read_too(stylegan2: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(",0\n3_4,12.5\n0_0,11\n")
    (tmp_path / "pairs.txt").write_text("# eyes\n(3, 4)\n")
    assert _directions(read(tmp_path / "table.csv", stylegan2))[0, 6 + 6 + 6 + 4] == 12.5
    assert "no deviations" in read(tmp_path / "pairs.txt", stylegan2).note


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("9,0,1\n", "layers 0 to 4 of styles"),
        ("3,5,1\n", "5 channels there"),
        ("0,1,1\nx,y\n", "not of the form"),
        ("0,1,0\n", "moves nothing"),
        ("0,1,nan\n", "not of the form"),
    ],
)
def test_channels_that_are_none(text: str, sentence: str, stylegan2: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(ControlError, match=sentence):
        read(tmp_path / "c.csv", stylegan2)


def test_channels_need_styles(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="open the model on which"):
        read(channels(tmp_path), TOY)


def test_rows_and_matrices_are_directions_as_they_stand(tmp_path: Path) -> None:
    np.testing.assert_allclose(_directions(read(rows(tmp_path), TOY, "w")), _unit(2, WIDTH), rtol=1e-6)
    torch.save(_orthonormal(4, WIDTH), tmp_path / "directions.pt")
    assert torch.equal(_directions(read(tmp_path / "directions.pt", TOY, "z")), _orthonormal(4, WIDTH))


def test_a_bare_matrix_of_points_is_refused(tmp_path: Path) -> None:
    torch.save(torch.from_numpy(_numbers(3, WIDTH)), tmp_path / "found.pt")
    with pytest.raises(ControlError, match=r"neither of length 1 nor at right angles.* no directions at all"):
        read(tmp_path / "found.pt", TOY)
    torch.save(torch.from_numpy(_numbers(1, WIDTH)), tmp_path / "latent_code.pt")
    with pytest.raises(ControlError, match="how programs call points"):
        read(tmp_path / "latent_code.pt", TOY)
    assert len(read(tmp_path / "latent_code.pt", TOY, "z").controls) == 1  # the user says that it is one


def test_a_walk_moves_every_layer_by_its_own_row(tmp_path: Path) -> None:
    found = read(walk(tmp_path), TOY)
    assert found.space == "w_plus"
    start = torch.from_numpy(_numbers(1, LAYERS, WIDTH))
    moved = found.controls[0].move(start, torch.tensor([2.0]))
    torch.testing.assert_close(moved - start, 6 * torch.from_numpy(_numbers(LAYERS, WIDTH))[None], atol=1e-5, rtol=1e-5)
    with pytest.raises(ControlError, match=r"holds 4 × 10 numbers .* no w_plus but z"):
        read(walk(tmp_path), VAE)


# --- what is refused -------------------------------------------------------------------------------------------------


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [_empty, _halved])
@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"stylespace"}))
def test_damaged_files_are_refused_with_one_sentence(name: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path)
    damage(path)
    with pytest.raises(ControlError, match=path.name) as refused:
        read(path, TOY, "w")
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"stylespace"}))
def test_widths_that_contradict_the_model_are_named(name: str, tmp_path: Path) -> None:
    spaces = {"z": SpaceCard(shape=(7,)), "w": SpaceCard(shape=(7,)), "w_plus": SpaceCard(shape=(4, 7), layers=4)}
    other = msgspec.structs.replace(TOY, spaces=spaces)
    with pytest.raises(ControlError, match=r"10\b.*'toy' has .*7"):
        read(WRITERS[name](tmp_path), other)


def test_spaces_that_the_model_has_not(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="has no space 'v'; it has z, w, w_plus"):
        read(rows(tmp_path), TOY, "v")
    with pytest.raises(ControlError, match="directions are in w, but 'toy-vae' has z"):
        read(factor(tmp_path), VAE)
    with pytest.raises(ControlError, match="leave the layers out"):
        read(rows(tmp_path), TOY, "z", layers=(0, 1))
    with pytest.raises(ControlError, match="3 controls were asked for"):
        read(rows(tmp_path), TOY, "z", k=3)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.full((3, WIDTH), np.nan), "not finite"),
        (np.zeros((3, WIDTH)), "length 0"),
        (np.zeros((0, WIDTH)), "no list of directions"),
        (np.array([{"a": 1}], dtype=object), "not an array of numbers"),
        (np.array([["a", "b"]]), "none of the formats"),
        (_numbers(3, WIDTH) + 1j, "complex numbers"),
        (np.float32(1), "no list of directions"),
    ],
)
def test_arrays_that_are_no_directions(array: np.ndarray[Any, Any], sentence: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ControlError, match=sentence):
        describe(tmp_path / "a.npy", TOY)


def test_foreign_files_are_refused_by_what_they_hold(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3), "bias": torch.ones(3)}, tmp_path / "model.pt")
    with pytest.raises(ControlError, match=r"It holds 'weight', 'bias', which belongs to none of the formats"):
        describe(tmp_path / "model.pt", TOY)
    (tmp_path / "a.txt").write_text("Dear reader,\n")
    with pytest.raises(ControlError, match="none of the formats"):
        describe(tmp_path / "a.txt", TOY)
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    with pytest.raises(ControlError, match="neither an array"):
        describe(tmp_path / "a.jpg", TOY)
    with pytest.raises(ControlError, match="does not exist"):
        describe(tmp_path / "b.npz", TOY)
    with pytest.raises(ControlError, match="is a folder"):
        describe(tmp_path, TOY)


class _Harmful:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_a_pickle_that_carries_code_executes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "executed"
    for protocol in range(2, 6):
        ganspace_edit(tmp_path, protocol, name=_Harmful(target))
        with pytest.raises(ControlError, match=r"asks for '\w+\.mkdir', which is neither a number nor an array"):
            describe(tmp_path / "smile.pkl", TOY)
    torch.save({"eigvec": torch.eye(3), "ckpt": _Harmful(target)}, tmp_path / "factor.pt")
    with pytest.raises(ControlError, match="holds Python code"):
        describe(tmp_path / "factor.pt", TOY)
    assert not target.exists()


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 6),
    shape=st.one_of(st.tuples(st.integers(1, 9)), st.tuples(st.integers(2, 3), st.integers(2, 3), st.integers(2, 3))),
    scale=st.sampled_from([1e-3, 1.0, 50.0]),
    seed=st.integers(0, 1000),
)
def test_components_of_any_shape_keep_direction_and_deviation(
    count: int, shape: tuple[int, ...], scale: float, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = np.random.default_rng(seed)
    components = source.standard_normal((count, 1, *shape)).astype(np.float32)
    deviations = (scale * (0.1 + source.random(count))).astype(np.float32)
    path = tmp_path_factory.mktemp("shapes") / "a.npz"
    np.savez(path, act_comp=components, lat_comp=components, lat_stdev=deviations)
    space = SpaceCard(shape=shape)
    found = read(path, msgspec.structs.replace(TOY, spaces={"z": space}))
    expected = components[:, 0] * deviations.reshape(-1, *[1] * len(shape))
    np.testing.assert_allclose(_directions(found), expected, rtol=1e-5)
