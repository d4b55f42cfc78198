"""The window where all that it has kept is damaged: it begins afresh, says so, and draws the same pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutations import mutations

from explorer.generators.registry import shipped_models

pytestmark = pytest.mark.gui
HERE = Path(__file__).resolve().parents[1]  # where what drives the program lies


def worked(home: Path, out: Path) -> list[str]:
    """What the real window says before it draws, with the engine's own process; it exports to ``out``, and keeps what
    there is to keep in ``home``."""
    done = subprocess.run(
        [sys.executable, str(HERE / "unwritable_home.py"), str(out)],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": str(HERE.parents[1]),
            "LATENT_EXPLORER_HOME": str(home),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [line for line in done.stdout.partition("---\n")[0].splitlines() if line]


def test_a_home_in_which_every_file_is_damaged(tmp_path: Path) -> None:
    if not shipped_models():
        pytest.skip("no model is shipped in this checkout")
    home = tmp_path / "home"
    assert worked(home, tmp_path / "before.png") == []
    files = [path for path in home.rglob("*") if path.is_file()]
    kinds = {path.parent.name if path.parent.name == "thumbnails" else path.name for path in files}
    assert {"last-session.json", "window.ini", "window.log", "engine.log", "thumbnails"} <= kinds
    for seed, path in enumerate(files):
        if path.stat().st_size:
            _, damaged = mutations(path.read_bytes(), 2, seed)
            path.write_bytes(damaged)
    (said,) = worked(home, tmp_path / "after.png")
    assert said.startswith("'last-session.json' is damaged (it is not as it was written) and is not used; what is left")
    assert (home / "state" / "last-session.json.damaged").is_file()
    assert (tmp_path / "after.png").read_bytes() == (tmp_path / "before.png").read_bytes()
