"""``import`` and ``export-directions``, from the command line to the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.cli.main import run
from explorer.controls import control_set
from explorer.scene.store import load_scene

WIDTH = 3  # of z of the tiny VAE


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    np.save(tmp_path / "rows.npy", np.eye(2, WIDTH))
    (tmp_path / "rows_human_annotation.txt").write_text("0: size\n")
    return tmp_path / "rows.npy"


def test_directions_come_in_and_go_out_again(
    model: str, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", model, str(rows), "-o", "set.safetensors"]) == 0
    assert "Array of directions (imported), 2 controls in z" in capsys.readouterr().out
    found = control_set.load(tmp_path / "set.safetensors")
    assert [one.card.name for one in found.controls] == ["size", "rows 1"]
    assert run(["render", model, "--controls", "set.safetensors", "--move", "size=2", "-o", "a.png"]) == 0
    assert run(["render", model, "--controls", str(rows), "--move", "rows 1=2", "-o", "b.png"]) == 0
    assert run(["export-directions", "set.safetensors", "-o", "b.npz"]) == 0
    assert "wrote b.npz, b_human_annotation.txt" in capsys.readouterr().out
    np.testing.assert_array_equal(np.load(tmp_path / "b.npz")["lat_comp"], np.eye(2, WIDTH)[:, None])
    assert run(["export-directions", "set.safetensors", "-o", "c.npy"]) == 0
    assert "Not kept in the files: that their space is z; how far one unit goes." in capsys.readouterr().out
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), np.eye(2, WIDTH))
    assert run(["import", model, str(rows), "--space", "z", "-k", "1", "-o", "one.safetensors"]) == 0
    assert len(control_set.load(tmp_path / "one.safetensors").controls) == 1


def test_a_flow_comes_in_as_its_questions_are_answered(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"SUPPORT_SETS": torch.randn(2, 4 * WIDTH), "ALPHAS": torch.ones(2, 4), "LOGGAMMA": torch.zeros(2, 1)}
    torch.save({"iter": 1, "support_sets": state}, tmp_path / "checkpoint.pt")
    file = str(tmp_path / "checkpoint.pt")
    assert run(["import", model, file, "--set", "eps=0.3", "-o", "flow.safetensors"]) == 0
    assert "WarpedGANSpace (imported), 2 controls in z" in capsys.readouterr().out
    found = control_set.load(tmp_path / "flow.safetensors")
    assert "1 step = 0.3 along the gradient, by Euler" in found.controls[0].card.details
    assert run(["render", model, "--controls", "flow.safetensors", "--move", "path 1=5", "-o", "a.png"]) == 0
    assert run(["import", model, file, "--set", "eps=0", "-o", "flow.safetensors"]) == 2
    assert "choose a larger 'eps'" in capsys.readouterr().err


def test_a_path_of_points_comes_in_as_a_film(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = torch.arange(2.0 * 4 * WIDTH).reshape(2, 4, WIDTH) / 10
    torch.save(path, tmp_path / "paths_latent_codes.pt")
    file = str(tmp_path / "paths_latent_codes.pt")
    assert run(["import", model, file, "--set", "path=1", "-o", "film.json"]) == 0
    assert "wrote film.json: a film through 4 points of z" in capsys.readouterr().out
    scene = load_scene(tmp_path / "film.json")
    rows = [np.frombuffer(key.origin.data, "<f4") for key in scene.timeline.origin.keys]  # type: ignore[union-attr]
    np.testing.assert_array_equal(rows, path[1])
    assert run(["import", model, file, "--set", "path=1", "-o", "film.safetensors"]) == 2
    assert "import it into a scene (.json)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["import", "{model}", "{rows}", "-o", "a.npz"], "does not end in .safetensors"),
        (["import", "{model}", "nope.npy", "-o", "a.safetensors"], "'nope.npy' does not exist"),
        (["import", "{model}", "{rows}", "--set", "eps=1", "-o", "a.safetensors"], "has no setting 'eps'"),
        (["import", "nope", "{rows}", "-o", "a.safetensors"], "does not exist; check the path."),
        (["import", "{model}", "{rows}", "--space", "w", "-o", "a.safetensors"], "has no space 'w'; it has z."),
        (["import", "{model}", "{rows}", "--layers", "x", "-o", "a.safetensors"], "is no range; write one such as 0-3"),
        (["import", "{model}", "{rows}", "--layers", "0-1", "-o", "a.safetensors"], "leave the layers out"),
        (["import", "{model}", "{rows}", "-k", "3", "-o", "a.safetensors"], "3 controls were asked for"),
        (["import", "{model}", "wide.npy", "-o", "a.safetensors"], "width 4, but 'model' has z of width 3"),
        (["export-directions", "{rows}", "-o", "a.npz"], "control set"),
        (["export-directions", "nope.safetensors", "-o", "a.npz"], "nope.safetensors"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], sentence: str, model: str, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("wide.npy", np.eye(2, 4))
    assert run([argument.format(model=model, rows=rows) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert sentence in said
