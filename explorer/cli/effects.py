"""``effects``: what the controls of a set cause, at paired base codes, with intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer.cli import arguments
from explorer.cli.numbers import real, whole
from explorer.cli.progress import duration, shown
from explorer.errors import ExplorerError
from explorer.scene.effect_text import chance_text, conditions, figure, heading, interval, range_text
from explorer.scene.effects import Effect, EffectOptions, EffectReport, Multiplicity, Others
from explorer.scene.validate import SEED_LIMIT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDE = 200
"""Columns of a table that no terminal limits."""


def effects(
    model: arguments.ModelName,
    controls: arguments.SetName = "",
    control: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A control to move; may repeat. Default: all of the set.")
    ] = None,
    attributes: Annotated[
        str, typer.Option(metavar="W", help="A world, a classifier or labels. Default: the model's own world.")
    ] = "",
    outcomes: Annotated[str, typer.Option(metavar="A,A,…", help="Only these attributes. Default: all.")] = "",
    n: Annotated[int, whole("-n", metavar="N", help="Base codes, the same for every level.")] = 64,
    levels: Annotated[int, whole("--levels", metavar="N", help="Levels of each control.")] = 17,
    reach: Annotated[float, real("--reach", metavar="X", help="How far, in ranges of each control.")] = 2.0,
    low: Annotated[float | None, real("--from", help="The lowest level, instead.", show_default="--reach")] = None,
    high: Annotated[float | None, real("--to", help="The highest level.", show_default="--reach")] = None,
    values: Annotated[
        bool, typer.Option("--values", help="Levels are values, do(x = v), and not amounts by which codes are moved.")
    ] = False,
    others: Annotated[
        str, typer.Option(metavar="held|randomised", help="What the other controls of the set do meanwhile.")
    ] = "held",
    draws: Annotated[int, whole("--draws", metavar="N", help="Random settings of the others at each base code.")] = 1,
    observed: Annotated[
        int, whole("--observed", metavar="N", help="Pictures of the model's own that say what is usual.")
    ] = 1000,
    multiplicity: Annotated[
        str, typer.Option(metavar="bh|holm", help="How p is adjusted: Benjamini and Hochberg, or Holm.")
    ] = "bh",
    seed: Annotated[int, whole("--seed", 0, SEED_LIMIT - 1, help="Which base codes.")] = 0,
    k: arguments.Count = None,
    method_seed: arguments.MethodSeed = 0,
    family: arguments.FamilyName = "",
    as_json: arguments.Json = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write a .csv, .json, .pdf, .svg or .png file too."),
    ] = None,
) -> None:
    """Move each control to its levels at the same base codes, and say what that does to each attribute."""
    from explorer.export import effect_files

    if out is not None:
        effect_files.check(out)
    options = EffectOptions(
        attributes=attributes,
        outcomes=_names(outcomes),
        causes=tuple(control or ()),
        bases=n,
        levels=levels,
        reach=reach,
        low=low,
        high=high,
        holds="value" if values else "",
        others=arguments.one_of(Others, others, "--others"),
        draws=draws,
        observed=observed,
        seed=seed,
        multiplicity=arguments.one_of(Multiplicity, multiplicity, "--multiplicity"),
    )
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    chosen = arguments.control_reference(engine, reference, controls, k, method_seed)
    with shown("Scanning effects") as progress:
        report = engine.effects(reference, chosen, options, progress)
    if out is not None:
        effect_files.write(out, report)
    if as_json:
        typer.echo(json.dumps(effect_files.document(report), indent=2, ensure_ascii=False))
    else:
        _print(report)
    if out is not None:
        typer.echo(f"wrote {out}", err=as_json)


def _names(text: str) -> tuple[str, ...]:
    """The names between the commas. Raises :class:`ExplorerError` where there is none between two."""
    names = tuple(name.strip() for name in text.split(",")) if text.strip() else ()
    if not all(names):
        raise ExplorerError(f"'--outcomes {text}' has an empty name; write attributes with single commas between them.")
    return names


# --- what a terminal shows -------------------------------------------------------------------------------------------


def _print(report: EffectReport) -> None:
    import sys

    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    console.print(Text.assemble((report.name, "bold"), f" · {conditions(report)} · {duration(report.seconds)}"))
    _print_table(console, report)
    notes: dict[str, list[str]] = {}
    for effect in report.effects:
        if effect.note:
            notes.setdefault(f"{effect.outcome}: {effect.note}", []).append(effect.cause)
    told = [f"{', '.join(causes)}: {note}." for note, causes in notes.items()]
    for sentence in (*told, *report.contract):
        console.print(Text(f"· {sentence}", style="bright_black"))


def _print_table(console: Console, report: EffectReport) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("effect on")
    for outcome in report.outcomes:
        table.add_column(heading(outcome), justify="right")
    for k, cause in enumerate(report.causes):
        name = Text.assemble(cause.name, (f"\n{range_text(cause)}", "bright_black"))
        table.add_row(name, *(_cell(report.effect(k, j)) for j in range(len(report.outcomes))))
    console.print(table)


def _cell(effect: Effect) -> Text:
    """The effect, grey where it is not told from none, above its interval and its q."""
    from rich.text import Text

    below = "\n".join(part for part in (interval(effect), chance_text(effect.q)) if part)
    style = "bold" if effect.is_clear else "bright_black"
    return Text.assemble((figure(effect.effect, signed=True), style), (f"\n{below}" if below else "", "bright_black"))
