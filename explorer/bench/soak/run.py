"""Runs a soak in processes and folders of its own, and tells what it has shown."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer.bench.alone import told
from explorer.bench.soak import figures
from explorer.bench.soak.script import ALL_EVENTS, RESULT

TRACEBACK = "Traceback (most recent call last)"


def run(
    seconds: float, seed: int, models: Sequence[str] = (), say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Random events for ``seconds``, two rounds of all kinds at least, the same ones for a ``seed``; then the last
    state is drawn by a fresh engine. ``models``: those that are changed between. Returns
    :func:`explorer.bench.soak.figures.of`.

    Raises :class:`explorer.errors.ExplorerError` where the window does not come to the end.
    """
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        # The user's own session, settings and caches are not touched, and the fresh engine knows nothing of the other.
        homes = [{"LATENT_EXPLORER_HOME": str(folder / home)} for home in ("home", "fresh")]
        told("explorer.bench.soak.script", str(seconds), str(seed), name, *models, environment=homes[0], say=say)
        diary = json.loads((folder / RESULT).read_text())
        for log in sorted((folder / "home").rglob("*.log")):
            if TRACEBACK in log.read_text(errors="replace"):
                diary["failures"].append(f"the whole run: there is a traceback in {log.name}: {_last(log)}")
        say("the last picture, by a fresh engine")
        differences = told("explorer.bench.soak.fresh", name, environment=homes[1])["differences"]
    return figures.of(diary, differences, [event.name for event in ALL_EVENTS])


def _last(log: Path) -> str:
    """The line in which the last traceback of ``log`` ends."""
    lines = log.read_text(errors="replace").rpartition(TRACEBACK)[2].splitlines()
    return next((line for line in lines[1:] if line and not line.startswith(" ")), "")
