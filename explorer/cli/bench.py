"""``bench``: how fast the program is on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from explorer.cli.arguments import Json
from explorer.cli.gui import require_display
from explorer.cli.numbers import real, whole
from explorer.scene.validate import SEED_LIMIT


def bench(
    model: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="A shipped model; may repeat. Default: all.")
    ] = None,
    worlds: Annotated[bool, typer.Option("--worlds", help="How fast the worlds draw, instead of the models.")] = False,
    training: Annotated[
        bool, typer.Option("--training", help="How fast the shipped recipes train, instead of the models.")
    ] = False,
    off_data: Annotated[
        bool,
        typer.Option(
            "--off-data",
            help="How well pictures off the data are told, on small models that it trains, instead of the models: half "
            "an hour of one core.",
        ),
    ] = False,
    kill_engine: Annotated[
        int,
        whole("--kill-engine", 0, metavar="TIMES", help="Kill the engine so often in mid-drag, and see it return."),
    ] = 0,
    kill_window: Annotated[
        int,
        whole("--kill-window", 0, metavar="TIMES", help="Kill the window so often while it works, and start it again."),
    ] = 0,
    soak: Annotated[
        float | None,
        real(
            "--soak",
            1,
            metavar="SECONDS",
            help="Random events in a window for so long instead: is memory flat, is nothing left over, is the last "
            "picture that of the last state? Ends with exit code 1 where not.",
        ),
    ] = None,
    seed: Annotated[int, whole("--seed", 0, SEED_LIMIT - 1, help="Of --soak: the same events for the same seed.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure every shipped model from event to screen, and the start of the window (it opens one); or the worlds and
    the training; or how well pictures off the data are told; or what is lost when a process is killed, or left over by
    hours of use."""
    if soak is not None:
        _soaked(soak, seed, model or (), as_json)
        return
    if off_data:
        _off_data(as_json)
        return
    if worlds or training:
        _without_window(worlds, training, as_json)
        return
    require_display()
    if kill_engine or kill_window:
        _killed(kill_engine, kill_window, (model or [""])[0], as_json)
        return
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
    for row in found["sampler_drag"]:
        typer.echo(
            f"{row['name']}: a full render takes {row['full_ms']} ms; an edit from the middle of its {row['steps']} "
            f"steps {row['late_ratio']} of it, in drafts {row['draft_ratio']}, the finished picture after a drag "
            f"{row['rest_ratio']}"
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


def _soaked(seconds: float, seed: int, models: Sequence[str], as_json: bool) -> None:
    require_display()
    from explorer.bench.soak import figures
    from explorer.bench.soak.run import run

    found = run(seconds, seed, models, lambda line: typer.echo(line, err=True))
    wrong = [*figures.problems(found), *figures.not_flat(found)]
    if as_json:
        typer.echo(json.dumps({**found, "problems": wrong}, indent=2))
    else:
        typer.echo(f"{found['events']} events of {len(found['kinds'])} kinds in {found['seconds']} s, seed {seed}")
        for name, memory in found["memory_mb"].items():
            typer.echo(
                f"memory of the {name}: {memory['second_fifth']} MB in the second fifth, {memory['last_fifth']} MB in "
                f"the last ({100 * memory['growth']:+.1f} %)"
            )
        typer.echo(f"last pictures against a fresh engine's: {found['differences']} levels of 256 apart")
        for sentence in wrong:
            typer.echo(f"wrong: {sentence}")
    if wrong:
        raise typer.Exit(1)


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


def _off_data(as_json: bool) -> None:
    from explorer.bench.off_data.table import table
    from explorer.cli.progress import shown

    rows = table(shown)
    if as_json:
        typer.echo(json.dumps({"off_data": rows}, indent=2))
        return
    typer.echo("area under the curve (lowest to highest of three seeds), of samples off the data against the others")
    for row in rows:
        parts = [f"{title} {_area(row[name])}" for name, title in (("probe", "probe"), ("window", "last steps"))]
        if row["forbidden_share"]:
            parts += [
                f"probe of the {100 * row[f'{name}_share']:.1f} % {title} {_area(row[name])}"
                for name, title in (("forbidden", "that are forbidden combinations"), ("between", "between modes"))
            ]
        place = f"{row['data']}, {row['sampler']} in {row['steps']} steps, {100 * row['off']:.1f} % off"
        typer.echo(f"{place}: {', '.join(parts)}")


def _area(area: dict[str, float] | None) -> str:
    return "-" if area is None else f"{area['mean']:.3f} ({area['low']:.3f} to {area['high']:.3f})"


def _killed(engines: int, windows: int, model: str, as_json: bool) -> None:
    from explorer.bench import kill_engine, kill_window

    def say(line: str) -> None:
        typer.echo(line, err=True)

    found: dict[str, Any] = {}
    if engines:
        found["kill_engine"] = kill_engine.measure(engines, say, model or kill_engine.MODEL)
    if windows:
        found["kill_window"] = kill_window.measure(windows, say, model or kill_window.MODEL)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if row := found.get("kill_engine"):
        typer.echo(
            f"{row['model']}: engine killed {row['killed']} times in a drag: the same picture {row['same_picture']} "
            f"times, one step of undo {row['one_step']} times, {row['zombies']} zombies, {row['processes']} engine at "
            f"once at most; picture after {row['seconds']['median']} s (median; at most {row['seconds']['max']} s)"
        )
    if row := found.get("kill_window"):
        left = ", ".join(row["left_behind"]) or "nothing"
        typer.echo(
            f"{row['model']}: window killed {row['killed']} times: "
            f"{row['lost_seconds']['median']} s of work lost (median; "
            f"at most {row['lost_seconds']['max']} s), left behind after the next start: {left}"
        )


def _line(row: dict[str, Any]) -> str:
    waited = row["event_to_screen_ms"]
    return (
        f"{row['name']} at {row['canvas']}: forward {row['forward_ms']} ms, convert {row['convert_ms']} ms, "
        f"paint {row['paint_ms']} ms, event to screen {waited['p50']} / {waited['p95']} / {waited['p99']} ms "
        f"(ratio {row['ratio']}), {row['asked']} asked, {row['drawn']} drawn"
    )
