"""``latent-explorer gui``: the window."""

from __future__ import annotations

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
    from explorer.ui.window.app import main

    code = main(model or None, scene)
    if code:
        raise typer.Exit(code)


def require_display() -> None:
    """Raise :class:`ExplorerError` where Qt would find no display, for it would end the process without a sentence."""
    from explorer.ui.window import display

    if sentence := display.problem():
        raise ExplorerError(sentence)
