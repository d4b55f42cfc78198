"""``import`` and ``export-directions``: control sets from the direction files of other programs, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from explorer.cli import arguments, numbers
from explorer.cli.numbers import whole
from explorer.errors import ExplorerError
from explorer.scene.model import ModelRef, Pane, Scalar, Scene


def import_directions(
    model: arguments.ModelName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What another program wrote (.npz, .npy, .pt, .pkl …).")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="The .safetensors file to write; of paths, a .json scene."),
    ],
    space: Annotated[str, typer.Option("--space", help="The space of the directions, where the file names none.")] = "",
    layers: Annotated[str, typer.Option("--layers", metavar="A-B", help="Move these layers of w_plus only.")] = "",
    k: Annotated[int | None, whole("-k", 1, help="Take the first K only.", show_default="all")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What the file leaves open, as it asks; may repeat."),
    ] = None,
    family: arguments.FamilyName = "",
) -> None:
    """Read what another program found, as a control set of a model; a path of points as a scene whose film it is."""
    from explorer.controls import control_set
    from explorer.generators import registry as generators
    from explorer.importers import registry as importers

    reference = arguments.model_reference(model, family)
    answers = dict(arguments.settings(settings or []))
    if out.suffix.lower() == ".json":
        _import_path(reference, file, {**answers, "space": space}, out)
        return
    if out.suffix.lower() != ".safetensors":
        raise ExplorerError(f"'{out.name}' does not end in .safetensors, which is what control sets are kept in.")
    chosen = _layers(layers)
    card = generators.describe(reference.path, family)
    found = importers.read(file, card, space, chosen, k, answers)
    control_set.save(found, out)
    count = len(found.controls)
    typer.echo(f"wrote {out}: {found.title}, {count} {'control' if count == 1 else 'controls'} in {found.space}")
    typer.echo(found.note)


def _import_path(model: ModelRef, file: Path, answers: dict[str, Scalar], out: Path) -> None:
    """Write the path in ``file`` to ``out``, as a scene of ``model``."""
    from explorer.discovery.registry import with_methods
    from explorer.generators import registry as generators
    from explorer.importers import registry as importers
    from explorer.scene.defaults import default_controls
    from explorer.scene.store import save_scene
    from explorer.scene.timeline import with_origin_path

    card = with_methods(generators.describe(model.path, model.family))
    points = importers.read_path(file, card, answers)
    if not card.methods:
        raise ExplorerError(f"No method finds controls on '{card.name}', so it has no scenes.")
    shown = ModelRef(path=model.path, family=model.family, fingerprint=card.fingerprint)
    pane = Pane(controls=default_controls(card, card.methods[0]))
    scene = with_origin_path(Scene(model=shown, truncation_psi=1.0, panes=(pane,)), points)
    save_scene(scene, out)
    typer.echo(f"wrote {out}: a film through {len(points)} points of {points[0].space}")


def export_directions(
    controls: Annotated[Path, typer.Argument(metavar="SET", help="A control set's .safetensors file.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help=".npz (GANSpace), .npy (rows), a folder (InterFaceGAN); of an adapter "
            ".kohya.safetensors or .diffusers.safetensors.",
        ),
    ],
    control: Annotated[
        list[str] | None,
        typer.Option("--control", metavar="NAME", help="Write this control; may repeat.", show_default="all"),
    ] = None,
) -> None:
    """Write a control set's directions, or an adapter (LoRA), for other programs."""
    from explorer.controls import control_set
    from explorer.export import directions

    chosen = control_set.load(controls)
    if control:
        chosen = replace(chosen, controls=tuple(chosen.control(name) for name in dict.fromkeys(control)))
    written = directions.write(chosen, out)
    typer.echo(f"wrote {', '.join(map(str, written))}")
    if lost := directions.lost(chosen, out):
        typer.echo(lost)


def _layers(text: str) -> tuple[int, int] | None:
    """``A-B`` or ``A``. Raises :class:`ExplorerError` for anything else."""
    return numbers.span(text, "--layers") if text else None
