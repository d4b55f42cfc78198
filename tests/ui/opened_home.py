"""The real window with the engine's own process in a home of one's choice, as ``unwritable_home.py`` drives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def opened(home: Path, out: Path) -> tuple[str, str]:
    """What the window says before it draws anything, and what it says later; it exports to ``out``, and keeps what
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
    at_once, _, later = done.stdout.partition("---\n")
    return at_once, later
