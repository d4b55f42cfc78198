"""The command line where nothing can be kept: each command does its work and says in one line what it does without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import fill, mounted
from unwritable_homes import HOMES

KEEP_ALL = (
    "from explorer.engine import control_store; control_store.WORTH_KEEPING = 0\n"
    "from explorer.cli.main import main; main()"
)
"""The program, for which every set is worth keeping, as if it had taken long to find."""


def done(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of the program that has ended."""
    return subprocess.run(
        [sys.executable, "-c", KEEP_ALL, *arguments],
        env={**os.environ, "LATENT_EXPLORER_HOME": str(home), "LATENT_EXPLORER_DEVICE": "cpu", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("fault", "name", "command"),
    [
        ("a file", "set.safetensors", "discover MODEL --method random_orthogonal -k 2"),
        ("full", "picture.png", "render MODEL --controls random_orthogonal --move random\u00a01=1"),
        ("read-only", "run", "train RECIPE"),
        ("files for folders", "scores.csv", "measure MODEL --quick -n 500 --measures mig"),
        ("full", "table", "compare MODEL --methods random_orthogonal -k 2 --seeds 0 --quick"),
    ],
)
def test_a_command_does_its_work_in_a_home_where_nothing_can_be_kept(
    fault: str, name: str, command: str, model: str, tiny_recipe: Path, tmp_path: Path
) -> None:
    places = {"MODEL": model, "RECIPE": str(tiny_recipe)}
    words = [places.get(word, word.replace("\u00a0", " ")) for word in command.split(" ")]
    home, out = tmp_path / "home", tmp_path / name
    with HOMES[fault](home) as reason:
        ended = done(home, *words, "-o", str(out))
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert out.exists()
    said = [line for line in ended.stderr.splitlines() if "cannot be written" in line]
    assert len(said) <= 1
    assert all(reason in line and str(home) in line for line in said)


def test_a_full_folder_for_temporary_files_is_no_hindrance_to_what_needs_none(model: str, tmp_path: Path) -> None:
    with mounted(tmp_path / "tmp") as temporary:
        fill(temporary)
        ended = done(tmp_path / "home", "render", model, "-o", str(tmp_path / "a.png"), TMPDIR=str(temporary))
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "a.png").stat().st_size > 0


@pytest.mark.parametrize("gone", [False, True], ids=["full", "gone"])
def test_what_needs_temporary_files_and_has_no_room_is_a_sentence(gone: bool, model: str, tmp_path: Path) -> None:
    """Python looks for another folder; where there is none it says so."""
    code = f"import tempfile; tempfile.tempdir = {str(tmp_path / 'tmp')!r}\n{KEEP_ALL}"
    command = [sys.executable, "-c", code, "export-onnx", model, "-o", str(tmp_path / "graph.onnx")]
    with mounted(tmp_path / "tmp") as temporary:
        fill(temporary)
        if gone:
            command[2] = command[2].replace(str(temporary), str(tmp_path / "nowhere"))
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2, ended.stderr
    (said,) = [line for line in ended.stderr.splitlines() if line.strip()]
    assert "folder for temporary files cannot be written" in said
    assert not (tmp_path / "graph.onnx").exists()
