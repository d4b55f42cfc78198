"""``render``: one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments, told
from explorer.cli.progress import shown
from explorer.errors import ExplorerError
from explorer.export.options import ExportOptions
from explorer.scene.model import Pane


def render(
    model: arguments.ModelName,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The PNG file to write.")],
    seed: arguments.SeedNumber = 0,
    psi: arguments.Truncation = 0.7,
    classes: told.Classes = None,
    prompt: told.Prompt = "",
    negative_prompt: told.NegativePrompt = "",
    guidance: told.Guidance = None,
    controls: arguments.SetName = "",
    move: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="Move a control by an amount, or to a value where its slider shows values; may repeat.",
        ),
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=HIGH:LOW",
            help="Let a control act only in the steps of a diffusion model at which this much noise is left (1 to 0); "
            "may repeat.",
        ),
    ] = None,
    k: arguments.Count = None,
    method_seed: arguments.MethodSeed = 0,
    steps: arguments.Steps = 0,
    sampler: arguments.Sampler = "",
    height: arguments.Height = 0,
    pixels: arguments.Pixels = False,
    family: arguments.FamilyName = "",
) -> None:
    """Render one picture into a PNG file, which carries its scene."""
    from explorer.export import run as export

    if out.suffix.lower() != ".png":
        raise ExplorerError(f"'{out.name}' does not end in .png, which is what 'render' writes.")
    edits = arguments.windowed(arguments.moves(move or []), window or [])
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    drawn = arguments.steps_note(engine, reference, steps, sampler)
    condition = told.condition(engine, reference, classes, prompt, negative_prompt, guidance)
    pane = Pane(edits=edits)
    if edits or controls:
        chosen, found = arguments.found_controls(engine, reference, controls, k, method_seed)
        pane = Pane(controls=chosen, edits=tuple(arguments.as_shown(found, edit) for edit in edits))
    scene = arguments.scene(reference, seed, psi, steps, pane, condition=condition, sampler=sampler)
    with shown("Rendering") as progress:
        options = ExportOptions(kind="png", labels=False, height=height, scaling=arguments.scaling(pixels))
        export.run(engine, scene, out, options, progress)
    arguments.say_written(out, drawn)
