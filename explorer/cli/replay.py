"""``replay``: render an exported file or a scene again, and say whether it is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments
from explorer.cli.progress import shown

DIFFERENT = 1


def replay(
    file: Annotated[Path, typer.Argument(metavar="SCENE", help="An exported file or folder, or a scene file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write it again. Without: only compare."),
    ] = None,
    model: Annotated[str, typer.Option(metavar="MODEL", help="Where the scene's model is on this machine.")] = "",
    controls: Annotated[str, typer.Option(metavar="FILE", help="Where its control set file is here.")] = "",
) -> None:
    """Render an exported file again and compare the frames bit for bit (exit code 1 where they differ)."""
    from explorer.export import replay as replaying

    replaying.read(file)  # a file that carries no scene is said before torch looks for devices
    engine = arguments.engine()
    places = replaying.Places(arguments.model_reference(model).path if model else "", controls)
    with shown(f"Rendering {file.name} again") as progress:
        if out is None:
            comparison: replaying.Comparison | None = replaying.verify(engine, file, progress, places)
        else:
            comparison = replaying.rerun(engine, file, out, progress, places=places)
    if sentence := replaying.other_order(engine, file, places):
        typer.echo(f"note: {sentence}", err=True)
    if out is not None:
        arguments.say_written(out)
    if comparison is not None:
        typer.echo(comparison.sentence)
        if not comparison.identical:
            raise typer.Exit(DIFFERENT)
