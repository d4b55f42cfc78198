"""The start of the window: nothing heavy is imported, and no display is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "scipy", "sklearn", "numpy", "av", "PIL", "psutil")


def run(code: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in {**os.environ, **changed}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_window_imports_nothing_heavy() -> None:
    modules = "explorer.ui.window.app, explorer.ui.window.lifecycle, explorer.ui.window.main_window"
    done = run(f"import {modules}, sys; print([name for name in {HEAVY} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a display is a variable only there")
@pytest.mark.parametrize("display", [None, ":7654"])
def test_without_a_display_it_says_so(display: str | None) -> None:
    code = "import sys; from explorer.ui.window.app import main; sys.exit(main())"
    done = run(code, QT_QPA_PLATFORM=None, DISPLAY=display, WAYLAND_DISPLAY=None)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert ("There is no display" if display is None else "does not answer") in lines[0] or "library" in lines[0]
