"""The window where all that it has kept is damaged: it begins afresh, says so, and draws the same pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutations import mutations
from opened_home import opened

from explorer.generators.registry import shipped_models

pytestmark = pytest.mark.gui


def worked(home: Path, out: Path) -> list[str]:
    """What the real window says before it draws, with the engine's own process; it exports to ``out``, and keeps what
    there is to keep in ``home``."""
    at_once, _ = opened(home, out)
    return [line for line in at_once.splitlines() if line]


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
