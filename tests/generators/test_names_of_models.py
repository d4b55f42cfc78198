"""What a model is called after its file, whatever that is called."""

from __future__ import annotations

from pathlib import Path

from test_specimens import TINY

from explorer.generators.registry import LONGEST_NAME, describe


def test_a_model_is_called_by_one_line_of_letters(tmp_path: Path) -> None:
    for name, called in (("a\nb\u202e\x1b[31m", "a b[31m"), ("\udcff\udcfe", "VAE")):
        TINY["vae"][0](tmp_path / name)
        assert describe(str(tmp_path / name)).name == called
    TINY["vae"][0](tmp_path / ("x" * 250))
    assert len(describe(str(tmp_path / ("x" * 250))).name) == LONGEST_NAME
