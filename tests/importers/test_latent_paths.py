"""Paths that traversal scripts dump: (K, T, d), of one start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toys import ToyGenerator

from explorer.engine.origins import latent_of
from explorer.errors import ControlError
from explorer.importers.asking import describe
from explorer.importers.registry import read, read_path
from explorer.scene.imports import SPACE
from explorer.scene.model import Start

WIDTH = 6
TOY = ToyGenerator(width=WIDTH)


def _write(folder: Path, paths: torch.Tensor) -> Path:
    torch.save(paths, folder / "paths_latent_codes.pt")
    return folder / "paths_latent_codes.pt"


def _paths(count: int = 3, steps: int = 9) -> torch.Tensor:
    return torch.randn(count, steps, WIDTH, generator=torch.Generator().manual_seed(0))


def test_a_path_becomes_points_that_pictures_start_from(tmp_path: Path) -> None:
    paths = _paths()
    file = _write(tmp_path, paths)
    card = describe(file, TOY.card)
    assert (card.holds, card.text) == ("path", "3 paths of width 6")
    assert [question.name for question in card.questions] == [SPACE, "path"]
    points = read_path(file, TOY.card, {SPACE: "w", "path": 2})
    starts = torch.cat([latent_of(TOY, Start(point)).tensors["w"] for point in points])
    assert torch.equal(starts, paths[2])


def test_the_start_that_the_scripts_write_twice_is_one_point(tmp_path: Path) -> None:
    paths = _paths(1, 5)
    paths[0, 1] = paths[0, 0]
    assert len(read_path(_write(tmp_path, paths), TOY.card, {SPACE: "z"})) == 4
    with pytest.raises(ControlError, match="stays where it is"):
        read_path(_write(tmp_path, torch.ones(2, 4, WIDTH)), TOY.card, {SPACE: "z"})


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({}, "say which with --space z or --space w"),
        ({SPACE: "z", "path": 3}, "'path' of Latent paths is 3; it must be between 0 and 2"),
        ({SPACE: "h"}, "'toy' has no space 'h'"),
    ],
)
def test_wrong_answers_are_refused(answers: dict[str, int | str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=sentence):
        read_path(_write(tmp_path, _paths()), TOY.card, answers)


def test_a_path_is_no_control_set_and_a_control_set_no_path(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="keyframes of a film and no controls"):
        read(_write(tmp_path, _paths()), TOY.card, "w")
    np.save(tmp_path / "a.npy", np.eye(2, WIDTH))
    with pytest.raises(ControlError, match="holds no paths of points but Array of directions"):
        read_path(tmp_path / "a.npy", TOY.card, {})


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (torch.full((2, 3, WIDTH), torch.nan), "not finite"),
        (torch.zeros(2, 1, WIDTH), "one point of each path"),
        (torch.zeros(0, 3, WIDTH), "shape 0 × 3 × 6"),
        (torch.full((2, 3, WIDTH), 1e300, dtype=torch.float64).cumsum(1), "too large for a point"),
        (torch.randn(2, 3, WIDTH + 1), "width 7, but 'toy' has z of width 6"),
    ],
)
def test_files_that_hold_no_way(paths: torch.Tensor, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=sentence):
        read_path(_write(tmp_path, paths), TOY.card, {SPACE: "z"})
