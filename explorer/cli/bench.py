"""``bench``: how fast the program is on this machine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from explorer.cli.arguments import Json
from explorer.cli.gui import require_display


def bench(
    model: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="A shipped model; may repeat. Default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure every shipped model from event to screen, and the start of the window. It opens a window."""
    require_display()
    from explorer.bench.report import run

    found = run(model or (), lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found["models"]:
        typer.echo(_line(row))
    memory = found["memory_mb"]
    typer.echo(f"start of the window: {found['window_ratio']} × a bare import of QtWidgets")
    typer.echo(f"peak memory: window {memory['window']} MB, engine {memory['engine']} MB")


def _line(row: dict[str, Any]) -> str:
    waited = row["event_to_screen_ms"]
    return (
        f"{row['name']} at {row['canvas']}: forward {row['forward_ms']} ms, convert {row['convert_ms']} ms, "
        f"paint {row['paint_ms']} ms, event to screen {waited['p50']} / {waited['p95']} / {waited['p99']} ms "
        f"(ratio {row['ratio']}), {row['asked']} asked, {row['drawn']} drawn"
    )
