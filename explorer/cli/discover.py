"""``discover``: find controls and keep them in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments
from explorer.cli.numbers import whole
from explorer.cli.progress import duration, shown
from explorer.errors import ExplorerError
from explorer.scene.validate import SEED_LIMIT


def discover(
    model: arguments.ModelName,
    method: Annotated[str, typer.Option("--method", metavar="M", help="One of those that 'methods' lists.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The .safetensors file to write.")],
    k: arguments.Count = None,
    seed: Annotated[int, whole("--seed", 0, SEED_LIMIT - 1, help="The method's own seed.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the method; may repeat.")
    ] = None,
    family: arguments.FamilyName = "",
) -> None:
    """Find K controls on a model and write them to a file."""
    from explorer.controls import control_set
    from explorer.discovery import registry

    if out.suffix.lower() != ".safetensors":
        raise ExplorerError(f"'{out.name}' does not end in .safetensors, which is what control sets are kept in.")
    registry.method(method)  # an unknown name is said before the model is loaded
    given = arguments.settings(settings or [])
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    chosen = arguments.control_reference(engine, reference, method, k, seed, given)
    with shown(f"Finding controls with {method}") as progress:
        found = engine.control_set(reference, chosen, progress)
    control_set.save(found, out)
    names = ", ".join(control.card.name for control in found.controls)
    typer.echo(f"wrote {out}: {names} ({duration(found.cost.get('seconds', 0.0))})")
