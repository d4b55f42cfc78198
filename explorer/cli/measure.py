"""``measure``: the field's measures of a model, each beside its chance level."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer.cli import arguments, numbers
from explorer.cli.numbers import whole
from explorer.cli.progress import duration, shown
from explorer.errors import ExplorerError
from explorer.files import expanded
from explorer.scene.measure_text import (
    GROUPS,
    against_chance,
    baselines_text,
    conditions,
    figure,
    null_text,
    safe_text,
)
from explorer.scene.measures import MeasureOptions, MeasureReport, Rotation, Sampling, Score, Selection
from explorer.scene.validate import SEED_LIMIT

if TYPE_CHECKING:
    from rich.console import Console

    from explorer.engine.engine import Engine
    from explorer.generators.base import Progress
    from explorer.scene.model import ModelRef

BEST = "best"  # instead of an angle: the one that parts the factors most clearly
WIDE = 160
"""Columns of a table that no terminal limits."""


def measure(
    models: Annotated[list[str], typer.Argument(metavar="MODEL…", help="Shipped names, or paths.")],
    controls: arguments.SetName = "",
    k: arguments.Count = None,
    world: Annotated[str, typer.Option(metavar="W", help="The world to measure on. Default: the model's own.")] = "",
    n: Annotated[
        int | None,
        whole("-n", 2, 1_000_000, help="How many pictures.", show_default="5000; with --controls 16"),
    ] = None,
    seed: Annotated[int, whole("--seed", 0, SEED_LIMIT - 1, help="Which pictures.")] = 0,
    sampling: Annotated[
        str, typer.Option(metavar="S", help="The pictures' factors: independent, or causal, as the world draws them.")
    ] = "independent",
    selection: Annotated[str, typer.Option(metavar="S", help="Latents: all, non-passive, active.")] = "all",
    rotate: Annotated[str, typer.Option(metavar="A,B,ANGLE", help="Turn two latents: z4,z8,45 or z4,z8,best.")] = "",
    measures: Annotated[str, typer.Option(metavar="M,M,…", help="Only these. Default: all that fit.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Leave out measures that take minutes (DCI).")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how each was estimated, and by whom.")] = False,
    as_json: arguments.Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a .csv, .tex, .pdf or .json file too.")
    ] = None,
    card: Annotated[
        bool,
        typer.Option(
            "--card", help="Keep the scores in the model's card.json; of --controls the safe ranges in the set's file."
        ),
    ] = False,
) -> None:
    """Measure models whose latents and factors can be compared; several are compared with one another too. With
    --controls: whether the controls of a set do anything, beside chance, rounding and the model's own drafts."""
    from explorer.export import card_measures, tables

    if out is not None:
        tables.check(out)
    if controls and (world or selection != "all" or sampling != "independent" or rotate or measures):
        # What else is said would be without effect.
        raise ExplorerError("--controls tests the controls of a set alone; leave out what measures of latents take.")
    if controls and card and (len(models) > 1 or not expanded(controls).is_file()):
        raise ExplorerError(
            "--card keeps safe ranges in the file of one control set of one model; name one that 'latent-explorer "
            "discover' wrote."
        )
    options = MeasureOptions(
        world=world,
        n=n or MeasureOptions().n,
        seed=seed,
        sampling=arguments.one_of(Sampling, sampling, "--sampling"),
        selection=arguments.one_of(Selection, selection, "--selection"),
        rotation=_rotation(rotate) if rotate else None,
        best_rotation=rotate.rpartition(",")[2].strip() == BEST,
        quick=quick,
        measures=tuple(name.strip() for name in measures.split(",") if name.strip()),
    )
    engine = arguments.engine()
    references = [arguments.model_reference(name) for name in models]
    with shown("Measuring") as progress:
        if controls:
            reports = [_tested(engine, one, controls, k, n, seed, progress) for one in references]
        else:
            reports = engine.measure(references, options, progress)
    if out is not None:
        tables.write(out, reports)
    if card and controls:
        _keep_ranges(expanded(controls), reports[0])
        typer.echo(f"wrote {expanded(controls)}", err=True)
    for reference, report in zip(references, reports, strict=True) if card and not controls else ():
        kept = card_measures.keep(report, options, engine.describe(reference))
        typer.echo(f"wrote {kept}", err=True)
    if as_json:
        typer.echo(tables.document(reports))
    else:
        _print(reports, verbose)
    if out is not None:
        typer.echo(f"wrote {out}", err=as_json)


def _tested(
    used: Engine,
    model: ModelRef,
    controls: str,
    k: int | None,
    n: int | None,
    seed: int,
    progress: Progress | None,
) -> MeasureReport:
    chosen = arguments.control_reference(used, model, controls, k)
    return used.self_test(model, chosen, n or 0, seed, progress)


def _keep_ranges(path: Path, report: MeasureReport) -> None:
    """Write the safe ranges that ``report`` has found into the cards of the control set at ``path``."""
    from explorer.comparison.self_test import with_safe_ranges
    from explorer.controls import control_set

    control_set.save(with_safe_ranges(control_set.load(path), report), path)


def _rotation(text: str) -> Rotation:
    first, _, rest = text.partition(",")
    second, _, degrees = rest.partition(",")
    if not first.strip() or not second.strip():
        raise ExplorerError(f"'--rotate {text}' is not two latents and an angle, such as z4,z8,45.")
    angle = 45.0 if degrees.strip() in ("", BEST) else numbers.number(degrees, "--rotate")
    return Rotation(first=first.strip(), second=second.strip(), degrees=angle)


# --- what a terminal shows -------------------------------------------------------------------------------------------


def _print(reports: list[MeasureReport], verbose: bool) -> None:
    import sys

    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for report in reports:
        _print_scores(console, report, verbose)
        if report.nmi:
            _print_matrix(console, report)


def _print_scores(console: Console, report: MeasureReport, verbose: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console.print(Text.assemble((report.model, "bold"), f" · {conditions(report)} · {duration(report.seconds)}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("chance", justify="right", style="bright_black")
    table.add_column("95 %", justify="right", style="bright_black")
    table.add_column("", style="bright_black")
    for group, heading in GROUPS.items():
        names = [name for name, score in report.metrics.items() if score.group == group]
        if names:
            table.add_row(Text(heading, style="bright_black"))
        for name in names:
            score = report.metrics[name]
            table.add_row(
                f"  {score.title or name}",
                Text(figure(score.value), style="bold"),
                null_text(score) or figure(None),
                figure(score.null_high),
                Text(_remark(score)),
            )
    console.print(table)
    if verbose:
        for line in _estimators(report):
            console.print(Text(line, style="bright_black"))
        console.print()


def _estimators(report: MeasureReport) -> list[str]:
    """How each number was estimated, and who published it; numbers of one measure in one line."""
    of: dict[tuple[str, str], list[str]] = {}
    for name, score in report.metrics.items():
        if score.estimator:
            of.setdefault((score.estimator, score.paper), []).append(score.title or name)
    return [
        f"{', '.join(titles)}: {estimator}{f' ({paper})' if paper else ''}" for (estimator, paper), titles in of.items()
    ]


def _remark(score: Score) -> str:
    """What has to be said beside a number: that it is no better than chance, that less is better, what else it is held
    against, why it is missing."""
    direction = "less is better" if score.better == "lower" else ""
    parts = (against_chance(score), direction, baselines_text(score), safe_text(score), score.note)
    return " · ".join(part for part in parts if part)


def _print_matrix(console: Console, report: MeasureReport) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("I(factor; latent) / H(factor)")
    for latent, badge in zip(report.latents, report.badges or ("",) * len(report.latents), strict=True):
        heading = Text(latent, style="bright_black" if latent in report.pruned else "")
        table.add_column(heading + Text(f"\n{badge}", style="bright_black"), justify="right")
    for factor, values in zip(report.factors, report.nmi, strict=True):
        table.add_row(factor, *(Text(f"{v:.2f}", style="bold" if v >= 0.1 else "bright_black") for v in values))
    console.print(table)
    chance = max((value for row in report.nmi_null for value in row), default=0.0)
    console.print(Text(f"{report.estimator}; the largest chance level is {chance:.2f}", style="bright_black"))
    if report.pruned:
        said = f"left out by the measures that prune: {', '.join(report.pruned)}"
        console.print(Text(said, style="bright_black"))
    console.print()
