"""``train``: follow a recipe to a model."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from explorer.cli.numbers import whole
from explorer.cli.progress import duration, shown

EVERY = 30.0
"""Seconds between two lines where stderr is not a terminal."""
NOTES = 12
"""Lines about the pictures that are printed; all of them are written beside the checkpoint."""

TrainReport = Callable[[int, int, dict[str, float], float], None]


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name, or a .toml file.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Checkpoints, log, samples, the model.")],
    data: Annotated[
        str | None, typer.Option(help="A folder of your images, or another world, instead of the recipe's.")
    ] = None,
    size: Annotated[int | None, whole("--size", help="Pixels a side, instead of the recipe's.")] = None,
    steps: Annotated[int | None, whole("--steps", help="Optimiser steps, instead of the recipe's.")] = None,
    seed: Annotated[int | None, whole("--seed", help="The seed, instead of the recipe's.")] = None,
) -> None:
    """Train a model as a recipe says, on a world or on a folder of your images. Start it again with the same folder to
    go on where it stopped (Ctrl-C stops)."""
    from explorer.generators.devices import choose_device
    from explorer.training.base import changed, read_recipe
    from explorer.training.data import source_of
    from explorer.training.loop import train as follow

    chosen = read_recipe(recipe)
    for name, value in {"data": data, "size": size, "steps": steps, "seed": seed}.items():
        if value is not None:
            chosen = changed(chosen, name, value)
    device = choose_device()
    with shown("preparing the pictures") as preparing:
        source_of(chosen, preparing)  # of a folder: kept, so that the training finds it done
    try:
        with _reported(chosen.name) as report:
            made = follow(chosen, out, device, report, announce=_tell)
    except KeyboardInterrupt:
        kept = (out / "checkpoint.pt").is_file()
        typer.echo(
            f"stopped; the same command goes on from the last checkpoint in '{out}'"
            if kept
            else "stopped before the first checkpoint",
            err=True,
        )
        raise typer.Exit(130) from None
    typer.echo(f"wrote {made}")


def _tell(notes: Sequence[str]) -> None:
    """Print the first notes about the pictures."""
    for line in notes[:NOTES]:
        typer.echo(line, err=True)
    if len(notes) > NOTES:
        typer.echo(f"… and {len(notes) - NOTES} more lines in 'pictures.txt'", err=True)


@contextmanager
def _reported(name: str) -> Iterator[TrainReport]:
    """Yield what takes (steps done, steps in all, losses, pictures per second)."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.fields[losses]}"), console=Console(stderr=True)) as bar:
            task = bar.add_task(name, total=None, losses="")

            def draw(done: int, steps: int, losses: dict[str, float], rate: float) -> None:
                bar.update(task, completed=done, total=steps, losses=f"{_text(losses)} · {rate:.0f} pictures/s")

            yield draw
        return
    last, first, started = 0.0, 0, 0.0

    def write(done: int, steps: int, losses: dict[str, float], rate: float) -> None:
        nonlocal last, first, started
        now = time.monotonic()
        if not first:  # what came before is no measure: loading, and of a resumed run the steps of another process
            first, started = done, now
        elif now - last < EVERY and done != steps:
            return
        last = now
        left = f", {duration((now - started) * (steps - done) / (done - first))} left" if done > first else ""
        print(  # noqa: T201
            f"{name}: step {done} of {steps}, {_text(losses)}, {rate:.0f} pictures/s{left}", file=sys.stderr, flush=True
        )

    yield write


def _text(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
