"""``traverse``: a film of one control from one amount to another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments, told
from explorer.cli.numbers import real, whole
from explorer.cli.progress import shown
from explorer.errors import ExplorerError
from explorer.export.options import ExportOptions
from explorer.scene.editing import with_window
from explorer.scene.model import AmountKey, AmountTrack, Pane, Timeline
from explorer.scene.validate import FASTEST_FPS


class Loop(StrEnum):
    """What happens at the end of the film."""

    once = "once"
    loop = "loop"
    ping_pong = "ping_pong"


def traverse(
    model: arguments.ModelName,
    control: Annotated[str, typer.Option("--control", metavar="NAME", help="The control to move.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help=".mp4, .gif, or a folder for PNG frames.")],
    controls: arguments.SetName = "",
    window: Annotated[
        str,
        typer.Option(
            metavar="HIGH:LOW",
            help="Let it act only in the steps of a diffusion model at which this much noise is left (1 to 0).",
        ),
    ] = "",
    low: Annotated[float, real("--from", help="The first amount.")] = -3.0,
    high: Annotated[float, real("--to", help="The last amount.")] = 3.0,
    frames: Annotated[int, whole("--frames", 2, 1_000_000, help="How many frames in all.")] = 48,
    fps: Annotated[int, whole("--fps", 1, FASTEST_FPS, help="Frames per second.")] = 24,
    loop: Annotated[
        Loop, typer.Option("--loop", help="There; there and to the start again; or there and back.")
    ] = Loop.once,
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
    labels: Annotated[bool, typer.Option(help="Write the control and its amount under the picture.")] = False,
    crf: Annotated[int, whole("--crf", 0, 51, help="MP4 quality; 0 is lossless.")] = 18,
    family: arguments.FamilyName = "",
) -> None:
    """Move one control from one amount to another, evenly, and write the film."""
    from explorer.export import run as export

    kind = export.kind_of(out)
    if kind not in ("mp4", "gif", "png_sequence"):
        raise ExplorerError(f"'{out.name}' is no film; use .mp4, .gif, or a folder's name for PNG frames.")
    options = ExportOptions(kind=kind, height=height, scaling=arguments.scaling(pixels), labels=labels, crf=crf)
    export.check(out, options)
    duration = film_seconds(frames, fps, loop.value)
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    drawn = arguments.steps_note(engine, reference, steps, sampler)
    condition = told.condition(engine, reference, classes, prompt, negative_prompt, guidance)
    chosen, found = arguments.found_controls(engine, reference, controls, k, method_seed)
    name = arguments.checked_name(found, control)
    track = AmountTrack(
        pane=0,
        control=name,
        keys=(AmountKey(0.0, low), AmountKey(duration, high)),
        interpolation="lerp",
        holds=found.control(name).card.shows,
    )
    pane = with_window(Pane(controls=chosen), name, arguments.window(window))
    timeline = Timeline(duration=duration, fps=fps, loop=loop.value, amounts=(track,))
    scene = arguments.scene(reference, seed, psi, steps, pane, timeline, condition=condition, sampler=sampler)
    with shown(f"Writing {out.name}") as progress:
        export.run(engine, scene, out, options, progress)
    arguments.say_written(out, f": {frames} frames{drawn}")


def film_seconds(frames: int, fps: int, loop: str) -> float:
    """The duration of a timeline whose film has ``frames`` frames (see explorer.scene.timeline.frame_times)."""
    if loop == "once":
        return (frames - 1) / fps
    if loop == "loop":
        return frames / fps
    if frames % 2:
        raise ExplorerError(f"A film there and back has an even number of frames, not {frames}.")
    return frames / 2 / fps
