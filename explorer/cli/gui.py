"""``latent-explorer gui``: the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from explorer.errors import ExplorerError


def gui(
    model: Annotated[str, typer.Option(metavar="MODEL", help="Open this model: a shipped name, or a path.")] = "",
    scene: Annotated[Path | None, typer.Option(metavar="FILE", help="Open this scene, or an exported file.")] = None,
) -> None:
    """Open the window (also what happens without a command)."""
    require_display()
    from explorer.ui.app import main

    code = main(model, scene)
    if code:
        raise typer.Exit(code)


def require_display() -> None:
    """Raise :class:`ExplorerError` where Qt would find no display, for it would end the process without a sentence."""
    if not sys.platform.startswith("linux"):
        return
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise ExplorerError(
            "There is no display to open a window on; start it in a desktop session, or use the commands that need no "
            "window (latent-explorer --help)."
        )
