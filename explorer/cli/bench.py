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
    worlds: Annotated[bool, typer.Option("--worlds", help="How fast the worlds draw, instead of the models.")] = False,
    training: Annotated[
        bool, typer.Option("--training", help="How fast the shipped recipes train, instead of the models.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure every shipped model from event to screen, and the start of the window (it opens one); or the worlds and
    the training."""
    if worlds or training:
        _without_window(worlds, training, as_json)
        return
    require_display()
    from explorer.bench.report import run

    found = run(model or (), lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found["models"]:
        typer.echo(_line(row))
    for row in found["side_by_side"]:
        typer.echo(
            f"{row['name']}: {row['views']} methods side by side take {row['render_ms']} ms, the bare batch "
            f"{row['forward_ms']} ms (throughput ratio {row['ratio']})"
        )
    for row in found["flow_drag"]:
        typer.echo(
            f"{row['name']}: a step along a flow takes {row['flow_ms']} ms, along a straight direction "
            f"{row['straight_ms']} ms (ratio {row['ratio']}; of two flows at once {row['mixed_ratio']})"
        )
    fields = found["fields"]
    typer.echo(
        f"{fields['fields']} fields of width {fields['width']}, {fields['batch']} points each, trained: "
        f"{fields['grouped_ms']} ms as one network, {fields['loop_ms']} ms one after the other (ratio "
        f"{fields['ratio']}; without the pass back {fields['forward_ratio']})"
    )
    for name, row in found["causal"].items():
        typer.echo(
            f"do() on {row['nodes']} variables, mechanisms {name}: {row['model_ms']} ms, written out "
            f"{row['unrolled_ms']} ms (ratio {row['ratio']}); {row['many_rows']} rows take {row['rows_ratio']} times "
            f"as long as {row['rows']}, written out {row['unrolled_rows_ratio']} times"
        )
    memory = found["memory_mb"]
    typer.echo(f"start of the window: {found['window_ratio']} × a bare import of QtWidgets")
    typer.echo(f"peak memory: window {memory['window']} MB, engine {memory['engine']} MB")


def _without_window(worlds: bool, training: bool, as_json: bool) -> None:
    from explorer.bench import worlds as measured

    def say(line: str) -> None:
        typer.echo(line, err=True)

    found: dict[str, Any] = {}
    if worlds:
        found["worlds"] = measured.worlds(say)
    if training:
        found["training"] = measured.training(say)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found.get("worlds", ()):
        speed = f"{row['pictures_per_second']} pictures a second (ratio to conversion {row['ratio']})"
        typer.echo(f"{row['name']} at {row['size']} pixels: {speed}")
    for row in found.get("training", ()):
        speed = f"{row['pictures_per_second']} pictures a second (drawing takes {row['ratio']} of a step)"
        typer.echo(f"{row['name']}, batches of {row['batch']}: {speed}")


def _line(row: dict[str, Any]) -> str:
    waited = row["event_to_screen_ms"]
    return (
        f"{row['name']} at {row['canvas']}: forward {row['forward_ms']} ms, convert {row['convert_ms']} ms, "
        f"paint {row['paint_ms']} ms, event to screen {waited['p50']} / {waited['p95']} / {waited['p99']} ms "
        f"(ratio {row['ratio']}), {row['asked']} asked, {row['drawn']} drawn"
    )
