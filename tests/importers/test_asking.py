"""What a file of another program leaves open is asked, and every answer that is offered can be given."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from toys import LAYERS, ToyGenerator, ToyVae

from explorer.errors import ControlError
from explorer.importers.asking import describe
from explorer.importers.registry import open_controls
from explorer.scene.cards import SettingCard, SpaceCard
from explorer.scene.imports import LAYERS as LAYERS_ASKED
from explorer.scene.imports import SPACE, ImportCard, is_open

WIDTH = 10
TOY = ToyGenerator(width=WIDTH).card


def _question(card: ImportCard, name: str) -> SettingCard | None:
    return next((one for one in card.questions if one.name == name), None)


def _rows(folder: Path, name: str = "rows.npy") -> Path:
    rows = np.random.default_rng(0).standard_normal((2, WIDTH))
    np.save(folder / name, rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return folder / name


def test_a_space_that_is_open_has_to_be_chosen_among_those_that_fit(tmp_path: Path) -> None:
    card = describe(_rows(tmp_path), TOY)
    space = _question(card, SPACE)
    assert space is not None
    assert is_open(space)
    assert (card.title, card.text, card.holds) == ("Array of directions", "2 controls of width 10", "controls")
    assert space.choices == ("z", "w")  # in w_plus they would move all layers alike, as in w
    for choice in space.choices:
        assert open_controls(tmp_path / "rows.npy", TOY, {SPACE: choice}).space == choice
    with pytest.raises(ControlError, match="say which with --space"):
        open_controls(tmp_path / "rows.npy", TOY)


def test_one_offset_a_layer_is_another_reading_than_directions_of_w(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((LAYERS, WIDTH))
    np.save(tmp_path / "rows.npy", rows / np.linalg.norm(rows, axis=1, keepdims=True))
    space = _question(describe(tmp_path / "rows.npy", TOY), SPACE)
    assert space is not None
    assert space.choices == ("z", "w", "w_plus")
    counts = [len(open_controls(tmp_path / "rows.npy", TOY, {SPACE: one}).controls) for one in space.choices]
    assert counts == [LAYERS, LAYERS, 1]


def test_a_space_that_the_file_names_is_there_already_and_one_alone_is_not_asked(tmp_path: Path) -> None:
    np.save(tmp_path / "ffhq_smile_w_boundary.npy", np.eye(1, WIDTH))
    space = _question(describe(tmp_path / "ffhq_smile_w_boundary.npy", TOY), SPACE)
    assert space is not None
    assert (space.default, is_open(space)) == ("w", False)
    style = {**TOY.spaces, "style": SpaceCard(shape=(3 * WIDTH,))}  # in which the file cannot be
    known = _question(
        describe(tmp_path / "ffhq_smile_w_boundary.npy", msgspec.structs.replace(TOY, spaces=style)), SPACE
    )
    assert known == space
    vae = ToyVae().card
    width = vae.spaces["z"].shape[0]
    np.save(tmp_path / "z.npy", np.eye(1, width))
    assert describe(tmp_path / "z.npy", vae).questions == ()


def test_layers_are_asked_where_there_are_some(tmp_path: Path) -> None:
    path = _rows(tmp_path)
    layers = _question(describe(path, TOY), LAYERS_ASKED)
    assert layers is not None
    assert (layers.empty, f"0 to {LAYERS - 1}" in layers.help) == ("all", True)
    found = open_controls(path, TOY, {SPACE: "w", LAYERS_ASKED: "1-2"})
    assert (found.space, found.controls[0].card.layers) == ("w_plus", (1, 2))
    with pytest.raises(ControlError, match="'two' is no range"):
        open_controls(path, TOY, {SPACE: "w", LAYERS_ASKED: "two"})
    lone = msgspec.structs.replace(TOY, spaces={"z": TOY.spaces["z"]})
    assert describe(path, lone).questions == ()


def test_what_no_space_of_the_model_takes_is_refused_by_its_width(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(2, WIDTH + 1))
    with pytest.raises(ControlError, match="holds directions of width 11, but 'toy' has z of width 10"):
        describe(tmp_path / "a.npy", TOY)


def test_a_question_that_nobody_asked_has_no_answer(tmp_path: Path) -> None:
    torch.save({"params": torch.eye(2, WIDTH)}, tmp_path / "final_model.pt")
    with pytest.raises(ControlError, match="LatentCLR has no setting 'depth'; it has none"):
        open_controls(tmp_path / "final_model.pt", TOY, {SPACE: "w", "depth": 3})
