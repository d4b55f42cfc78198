"""``import`` and ``export-directions``: control sets from the direction files of other programs, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments, numbers
from explorer.cli.numbers import whole
from explorer.errors import ExplorerError


def import_directions(
    model: arguments.ModelName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What another program wrote (.npz, .npy, .pt, .pkl …).")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The .safetensors file to write.")],
    space: Annotated[str, typer.Option("--space", help="The space of the directions, where the file names none.")] = "",
    layers: Annotated[str, typer.Option("--layers", metavar="A-B", help="Move these layers of w_plus only.")] = "",
    k: Annotated[int | None, whole("-k", 1, help="Take the first K only.", show_default="all")] = None,
    family: arguments.FamilyName = "",
) -> None:
    """Read the directions that another program found, as a control set of a model."""
    from explorer.controls import control_set
    from explorer.generators import registry as generators
    from explorer.importers import registry as importers

    if out.suffix.lower() != ".safetensors":
        raise ExplorerError(f"'{out.name}' does not end in .safetensors, which is what control sets are kept in.")
    chosen = _layers(layers)
    card = generators.describe(arguments.model_reference(model, family).path, family)
    found = importers.read(file, card, space, chosen, k)
    control_set.save(found, out)
    count = len(found.controls)
    typer.echo(f"wrote {out}: {found.title}, {count} {'control' if count == 1 else 'controls'} in {found.space}")
    typer.echo(found.note)


def export_directions(
    controls: Annotated[Path, typer.Argument(metavar="SET", help="A control set's .safetensors file.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="PATH", help=".npz (GANSpace), .npy (rows), or a folder (InterFaceGAN)."),
    ],
) -> None:
    """Write a control set's directions for other programs."""
    from explorer.controls import control_set
    from explorer.export import directions

    found = control_set.load(controls)
    written = directions.write(found, out)
    typer.echo(f"wrote {', '.join(map(str, written))}")
    if lost := directions.lost(found, out):
        typer.echo(lost)


def _layers(text: str) -> tuple[int, int] | None:
    """``A-B`` or ``A``. Raises :class:`ExplorerError` for anything else."""
    return numbers.span(text, "--layers") if text else None
