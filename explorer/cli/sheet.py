"""``sheet``: a contact sheet of controls or of seeds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from explorer.cli import arguments, numbers, told
from explorer.cli.numbers import whole
from explorer.cli.progress import shown
from explorer.errors import ExplorerError
from explorer.export.options import MOST_COLUMNS, ExportKind, ExportOptions, SheetOptions
from explorer.scene.model import Pane
from explorer.scene.number_text import number_text


class Mode(StrEnum):
    """Which points the columns show; as :data:`explorer.export.options.RangeMode`."""

    amounts = "amounts"
    std_gaussian = "std_gaussian"
    fitted_gaussian = "fitted_gaussian"
    fixed_interval = "fixed_interval"
    conf_interval = "conf_interval"
    minmax = "minmax"
    codebook = "codebook"


KINDS: dict[str, ExportKind] = {".png": "sheet_png", ".pdf": "sheet_pdf"}


def sheet(
    model: arguments.ModelName,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The .png or .pdf file to write.")],
    controls: arguments.SetName = "",
    control: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A control for the rows; may repeat. Default: all.")
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="S,S,…", help="Rows of seeds (1,2,3 or 0-7) instead of controls.")] = "",
    amounts: Annotated[
        str, typer.Option(metavar="A,A,…", help="The amounts of the columns.", show_default="-3,-2,-1,0,1,2,3")
    ] = "",
    mode: Annotated[
        Mode, typer.Option("--range", help="Instead of amounts: the points that a mode of the literature chooses.")
    ] = Mode.amounts,
    columns: Annotated[
        int | None, whole("--columns", 1, MOST_COLUMNS, help="How many points of a range.", show_default="7")
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="First a column with the picture as it stands.")] = False,
    seed: arguments.SeedNumber = 0,
    psi: arguments.Truncation = 0.7,
    classes: told.Classes = None,
    prompt: told.Prompt = "",
    negative_prompt: told.NegativePrompt = "",
    guidance: told.Guidance = None,
    k: arguments.Count = None,
    method_seed: arguments.MethodSeed = 0,
    steps: arguments.Steps = 0,
    sampler: arguments.Sampler = "",
    height: arguments.Height = 0,
    pixels: arguments.Pixels = False,
    labels: Annotated[bool, typer.Option(help="Write names and amounts beside the pictures.")] = True,
    family: arguments.FamilyName = "",
) -> None:
    """Write a contact sheet: a row for each control or seed, a column for each amount."""
    from explorer.export import run as export

    kind = KINDS.get(out.suffix.lower())
    if kind is None:
        raise ExplorerError(f"'{out.name}' is no contact sheet; use .png or .pdf.")
    if amounts and mode != Mode.amounts:
        raise ExplorerError("A sheet has --amounts or a --range, not both; leave one out.")
    if columns is not None and mode in (Mode.amounts, Mode.codebook):
        has = "as many columns as --amounts" if mode == Mode.amounts else "a column for each value of a codebook"
        raise ExplorerError(f"This sheet has {has}; leave --columns out, or choose another --range.")
    asked = SheetOptions(range=mode.value, base=base)
    if amounts:
        asked = msgspec.structs.replace(asked, amounts=numbers.numbers(amounts, "--amounts"))
    if columns is not None:
        asked = msgspec.structs.replace(asked, columns=columns)
    rows = numbers.seeds(seeds, "--seeds") if seeds else ()
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    drawn = arguments.steps_note(engine, reference, steps, sampler)
    condition = told.condition(engine, reference, classes, prompt, negative_prompt, guidance)
    chosen, found = arguments.found_controls(engine, reference, controls, k, method_seed)
    names = tuple(arguments.checked_name(found, name) for name in control or [])
    asked = msgspec.structs.replace(asked, rows="seeds" if rows else "controls", controls=names, seeds=rows)
    scene = arguments.scene(reference, seed, psi, steps, Pane(controls=chosen), condition=condition, sampler=sampler)
    options = ExportOptions(kind=kind, height=height, scaling=arguments.scaling(pixels), labels=labels, sheet=asked)
    with shown(f"Writing {out.name}") as progress:
        export.run(engine, scene, out, options, progress)
    columns_at = ", ".join(map(number_text, asked.amounts)) if amounts else ""  # a comma is no decimal point there
    arguments.say_written(out, drawn + (f": columns at {columns_at}" if columns_at else ""))
