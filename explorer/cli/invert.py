"""``invert``: the point of a model for a picture of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer.cli import arguments, told
from explorer.cli.numbers import whole
from explorer.cli.progress import shown
from explorer.ending import between_steps
from explorer.errors import Cancelled, ExplorerError
from explorer.export.options import ExportOptions
from explorer.scene.defaults import default_controls
from explorer.scene.inversion import MOST_STEPS, InversionOptions
from explorer.scene.model import Condition, ControlSetRef, ModelRef, Scene
from explorer.scene.own_pictures import bookmark_of, distance_text, fidelity_text
from explorer.scene.store import SUFFIX, save_scene
from explorer.scene.usual_text import unusual_text
from explorer.scene.validate import SEED_LIMIT

if TYPE_CHECKING:
    from explorer.engine.engine import Engine
    from explorer.inversion.invert import Inverted


PAIR_HEIGHT = 256  # pixels, at least: what stands below the pictures can be read


def invert(
    model: arguments.ModelName,
    image: Annotated[Path, typer.Option("--image", "-i", metavar="FILE", help="The picture.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=f"What to write: both pictures side by side (.png), or a scene with its bookmark ({SUFFIX}).",
        ),
    ] = None,
    way: Annotated[str, typer.Option(metavar="WAY", help="How to look; default: what suits the model.")] = "",
    steps: Annotated[int, whole("--steps", 0, MOST_STEPS, help="Of the search; 0: as many as are usual.")] = 0,
    seed: Annotated[int, whole("--seed", 0, SEED_LIMIT - 1, help="Of what is drawn to begin with.")] = 0,
    classes: told.Classes = None,
    prompt: told.Prompt = "",
    negative_prompt: told.NegativePrompt = "",
    guidance: told.Guidance = None,
    as_json: arguments.Json = False,
    family: arguments.FamilyName = "",
) -> None:
    """Find the point of a model whose picture is nearest to one of your own. Ctrl-C ends the search early: the best
    point so far is written."""
    if out is not None and not out.name.lower().endswith((".png", ".json")):
        raise ExplorerError(f"'{out.name}' ends in neither .png nor {SUFFIX}, which is what 'invert' writes.")
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    condition = told.condition(engine, reference, classes, prompt, negative_prompt, guidance)
    with between_steps() as is_told_to_end:  # what was found is written before the program ends
        with shown("Looking for the picture's point") as show:

            def progress(share: float) -> None:
                show(share)
                if is_told_to_end():
                    raise Cancelled

            options = InversionOptions(way=way, steps=steps, seed=seed, condition=condition)
            inverted = engine.inverted(reference, image, image.name, options, progress)
        if as_json:
            typer.echo(json.dumps(_document(model, inverted)))
        else:
            typer.echo(inverted.own.reading)
            typer.echo(_told(inverted))
        if warning := unusual_text(inverted.own):
            typer.echo(f"warning: {warning}", err=True)
        if out is not None:
            _write(engine, _scene(engine, reference, inverted, condition), out, as_json)


def _told(inverted: Inverted) -> str:
    stopped = ", stopped early" if inverted.stopped else ""
    own = inverted.own
    return f"{own.way} ({inverted.point.space}){stopped}: {fidelity_text(own)}. {distance_text(own)}"


def _document(model: str, inverted: Inverted) -> dict[str, object]:
    own = inverted.own
    return {
        "model": model, "image": own.name, "reading": own.reading, "way": own.way, "space": inverted.point.space,
        "shape": list(inverted.point.shape), "psnr_db": own.psnr, "distance": own.distance, "stopped": inverted.stopped,
    }  # fmt: skip


def _scene(engine: Engine, model: ModelRef, inverted: Inverted, condition: Condition) -> Scene:
    card = engine.card(model)
    controls = default_controls(card, card.methods[0]) if card.methods else ControlSetRef(method="latent_axes")
    made = bookmark_of(inverted.point, inverted.own, model, controls, 0.7, (), condition)
    return Scene(
        model=model,
        origin=made.origin,
        truncation_psi=made.truncation_psi,
        panes=made.panes,
        columns=made.columns,
        selected=1,
        bookmarks=(made,),
        condition=condition,
    )


def _write(engine: Engine, scene: Scene, out: Path, as_json: bool) -> None:
    from explorer.export import run as export

    if out.suffix.lower() == ".json":
        save_scene(scene, out)
        typer.echo(f"wrote {out}", err=as_json)
        return
    with shown("Rendering") as progress:
        height = max(PAIR_HEIGHT, engine.card(scene.model).size[0])
        export.run(engine, scene, out, ExportOptions(kind="png", height=height, scaling="smooth"), progress)
    if as_json:
        typer.echo(f"wrote {out}", err=True)
    else:
        arguments.say_written(out)
