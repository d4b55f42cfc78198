"""``compare``: the directions of several methods side by side, measured under the same conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli import arguments, numbers
from explorer.cli.numbers import real, whole
from explorer.cli.progress import duration, shown
from explorer.errors import ExplorerError
from explorer.files import expanded
from explorer.scene.compare_text import (
    COSTS,
    conditions,
    cost_text,
    heading,
    interval,
    remarks,
    role_text,
    shown_columns,
    standing,
)
from explorer.scene.comparison import (
    FEWEST_USUAL_NULLS,
    MOST_USUAL_NULLS,
    NULL_DIRECTIONS,
    Column,
    CompareOptions,
    CompareReport,
    MethodResult,
)
from explorer.scene.measure_text import DASH, figure
from explorer.scene.model import Calibration, Scalar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDE = 200
"""Columns of a table that no terminal limits."""


def compare(
    models: Annotated[list[str], typer.Argument(metavar="MODEL…", help="Shipped names, or paths.")],
    methods: Annotated[str, typer.Option(metavar="M,M,…", help="Those to compare; 'methods' lists them.")],
    k: Annotated[int, whole("-k", 1, help="How many directions each method finds.")] = 8,
    seeds: Annotated[str, typer.Option(metavar="S,S,…", help="Seeds of the methods: 0,1,2 or 0-2.")] = "0,1,2",
    attributes: Annotated[
        str, typer.Option(metavar="W", help="A world, a classifier or labels. Default: the model's own world.")
    ] = "",
    bases: Annotated[int, whole("--bases", metavar="N", help="Base codes on which effects are measured.")] = 64,
    observed: Annotated[int, whole("--observed", metavar="N", help="Pictures that are only observed.")] = 5000,
    tau: Annotated[float, real("--tau", metavar="T", help="The change of a picture that one unit makes.")] = 0.06,
    calibration: Annotated[
        str, typer.Option(metavar="chord|arc", help="Whether that change is from start to end, or along the path.")
    ] = "chord",
    nulls: Annotated[
        int,
        whole(
            "--nulls",
            metavar="N",
            help=f"Random frames whose mean is chance. Default: as many as make {NULL_DIRECTIONS} directions, "
            f"{FEWEST_USUAL_NULLS} to {MOST_USUAL_NULLS}.",
        ),
    ] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.NAME=VALUE", help="A setting of a method; may repeat."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few base codes, a tenth of the training.")] = False,
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Let the workers of this dask scheduler do it.")
    ] = "",
    as_json: arguments.Json = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Write a report: a folder, or a .html/.pdf/.csv/.tex/.json."
        ),
    ] = None,
) -> None:
    """Compare the directions of methods on a model, beside those of chance and the ceiling; several models in turn."""
    from explorer.export import compare_report, compare_tables

    if out is not None:
        compare_report.check(out, len(models))
    options = CompareOptions(
        methods=tuple(name.strip() for name in methods.split(",") if name.strip()),
        k=k,
        seeds=numbers.seeds(seeds, "--seeds"),
        attributes=_absolute(attributes),
        bases=bases,
        observed=observed,
        tau=tau,
        calibration=arguments.one_of(Calibration, calibration, "--calibration"),
        settings=_settings(settings or []),
        quick=quick,
        nulls=nulls,
    )
    engine = arguments.engine()
    references = [arguments.model_reference(name) for name in models]
    with shown("Comparing") as progress:
        reports = engine.compare(references, options, progress, scheduler)
    if out is not None:
        with shown(f"Writing {out.name}") as progress:
            compare_report.write(engine, reports, out, progress)
    if as_json:
        found: Any = [compare_tables.document(report) for report in reports]
        typer.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False))
    else:
        _print(reports)
    if out is not None:
        typer.echo(f"wrote {out}", err=as_json)


def _absolute(attributes: str) -> str:
    """A file's path made absolute, so that workers find it; anything else as it is."""
    path = expanded(attributes)
    return str(path.absolute()) if attributes and path.is_file() else attributes


def _settings(texts: list[str]) -> dict[str, dict[str, Scalar]]:
    """``METHOD.NAME=VALUE`` each. Raises :class:`ExplorerError` for other forms."""
    found: dict[str, dict[str, Scalar]] = {}
    for text in texts:
        method, dot, rest = text.partition(".")
        if not dot or not method or "=" in method:
            raise ExplorerError(f"'--set {text}' is not of the form METHOD.NAME=VALUE, such as voynov.steps=500.")
        found.setdefault(method, {}).update(arguments.settings([rest]))
    return found


# --- what a terminal shows -------------------------------------------------------------------------------------------


def _print(reports: list[CompareReport]) -> None:
    import sys

    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for report in reports:
        _print_table(console, report)


def _print_table(console: Console, report: CompareReport) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console.print(Text.assemble((report.name, "bold"), f" · {conditions(report)} · {duration(report.seconds)}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for result in report.methods:
        title = Text.assemble(result.title, (f"\n{role_text(result)}" if role_text(result) else "", "bright_black"))
        table.add_column(title, justify="right", style="bright_black" if result.role == "chance" else "")
    for column in shown_columns(report):
        table.add_row(heading(column), *(_cell(column, result) for result in report.methods))
    for name, said in COSTS.items():
        table.add_row(said, *(cost_text(result, name) for result in report.methods))
    console.print(table)
    for sentence in (*remarks(report), *report.contract):
        console.print(Text(f"· {sentence}", style="bright_black"))
    console.print()


def _cell(column: Column, result: MethodResult) -> Text:
    """The number, grey where it says nothing for the method, above its interval."""
    from rich.text import Text

    value = result.columns.get(column.name)
    if value is None:
        return Text(DASH, "bright_black")
    weak = result.role == "chance" or bool(standing(column, value))
    below = f"\n{interval(value)}" if interval(value) else ""
    return Text.assemble((figure(value.value), "bright_black" if weak else "bold"), (below, "bright_black"))
