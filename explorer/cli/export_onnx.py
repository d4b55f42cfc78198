"""``export-onnx``: a generator as an ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments
from explorer.cli.numbers import real, whole
from explorer.cli.progress import shown
from explorer.scene.validate import PSI_LIMIT


def export_onnx(
    model: arguments.ModelName,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The .onnx file to write.")],
    space: Annotated[str, typer.Option("--space", help="The points that go in; without it, the model's first.")] = "",
    steps: Annotated[
        int, whole("--steps", 0, help="Sampler steps in the graph (diffusion); 0: as while a slider moves.")
    ] = 0,
    psi: Annotated[
        float, real("--psi", 0, PSI_LIMIT, help="Truncation within the graph, for models that truncate behind z.")
    ] = 1.0,
    family: arguments.FamilyName = "",
) -> None:
    """Write a generator as an ONNX graph, and say how far its pictures are from the generator's own."""
    from explorer.export import onnx_graph
    from explorer.generators import registry
    from explorer.generators.devices import choose_device

    generator = registry.load(model, choose_device(), family)
    with shown("Writing ONNX") as progress:
        written = onnx_graph.write(generator, out, space, steps, psi, progress)
    shape = " × ".join(map(str, written.shape))
    typer.echo(f"wrote {out}: {written.space} ({shape}) to {generator.card.output.description}")
    typer.echo(f"largest difference from '{generator.card.name}': {written.difference:.2g} of a range of 2")
    if written.note:
        typer.echo(written.note)
