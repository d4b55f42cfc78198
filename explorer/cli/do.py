"""``do``: one picture as it would be, had variables had other values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from explorer.cli import arguments, binding
from explorer.cli import causal_choices as choices
from explorer.cli.causal_choices import Rungs
from explorer.cli.numbers import whole
from explorer.cli.progress import shown
from explorer.errors import CausalError, ExplorerError
from explorer.export.options import ExportOptions
from explorer.scene.causes import METHODS
from explorer.scene.choices import LARGEST
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Edit, ModelRef, Origin, Pane, Scalar, Seed, Start, view_of
from explorer.scene.usual_text import unusual_text
from explorer.scene.validate import SEED_LIMIT

if TYPE_CHECKING:
    from explorer.controls.control_set import ControlSet
    from explorer.engine.engine import Engine
    from explorer.scene.causal_graph import CausalGraph
    from explorer.scene.causes import Outcome, Spread, VariableOutcome


def do(
    model: arguments.ModelName,
    assign: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="VAR=VALUE", help="Set a variable, by number or label; may repeat."),
    ] = None,
    rung: Annotated[
        Rungs,
        typer.Option(
            "--rung",
            help="The question: this very picture (imagine), another one in which the variables are set, or happen to "
            "have these values.",
        ),
    ] = Rungs.imagine,
    draw: Annotated[
        int | None,
        whole(
            "--draw", 1, LARGEST, help="Which of the other pictures that answer do and see.", show_default="the first"
        ),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            "--noise",
            metavar="VAR=N",
            help="Draw the noise of a variable anew (number N), or take it from the picture of a seed (VAR=seed:N); "
            "'picture' is what no variable tells; may repeat.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="The PNG file to write.")] = None,
    seed: Annotated[int | None, whole("--seed", 0, SEED_LIMIT - 1, help="The prior point to start from.")] = None,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="Start from this picture instead of a seed.")
    ] = None,
    psi: arguments.Truncation = 0.7,
    controls: Annotated[
        str,
        typer.Option(
            "--controls",
            metavar="SET",
            help="A set that sets variables: one that comes with the model, its file, or a method.",
            show_default=f"{' or '.join(METHODS)}",
        ),
    ] = "",
    attributes: binding.Attributes = "",
    variables: binding.Variables = "",
    bind: binding.Bind = "",
    bound: binding.Bound = "",
    graph: arguments.GraphFileName = None,
    renamings: arguments.Renamings = None,
    steps: arguments.Steps = 0,
    height: arguments.Height = 0,
    pixels: arguments.Pixels = False,
    as_json: arguments.Json = False,
    family: arguments.FamilyName = "",
) -> None:
    """Set variables of a model's causal graph, let their effects follow, and say what became of every variable."""
    from explorer.engine.causes import achieved
    from explorer.export import run as export

    if out is not None and out.suffix.lower() != ".png":
        raise ExplorerError(f"'{out.name}' does not end in .png, which is what 'do' writes.")
    if seed is not None and image is not None:
        raise ExplorerError("A picture starts from a seed or from an image; give one of --seed and --image.")
    arguments.check_renamings(renamings, graph)
    texts = arguments.assignments(assign or [], "--set", "light=110")
    noises = arguments.assignments(noise or [], "--noise", "light=3 or light=seed:7")
    choices.check_counts(rung, draw, texts, noises)
    if not texts and not noises and rung is Rungs.imagine:
        raise ExplorerError("Nothing is asked: set a variable (--set), or choose a noise (--noise).")
    engine = arguments.engine()
    reference = arguments.model_reference(model, family)
    arguments.steps_note(engine, reference, steps)
    card = engine.card(reference)
    fitting = [name for name in METHODS if name in card.methods] or [METHODS[0]]
    controls = controls or (METHODS[1] if bind or bound else fitting[0])
    named = {"attributes": attributes, "variables": variables, "bind": bind, "bound": bound}
    settings = binding.bound_settings(card, controls, named)
    if graph is not None:
        settings += _graph_setting(engine, reference, controls, dict(settings), (graph, renamings or []))
    chosen, found = arguments.found_controls(engine, reference, controls, card.first_counts.get(controls), 0, settings)
    edits = (*_edits(found, texts), *choices.edits(found, rung, draw or 1, noises))
    origin: Origin = Seed(seed or 0)
    warning = ""
    if image is not None:
        with shown("Looking for the picture's point") as progress:
            inverted = engine.inverted(reference, image, image.name, InversionOptions(), progress)
        origin, warning = inverted.point, unusual_text(inverted.own)
    outcome = engine.outcome(reference, chosen, Start(origin, psi), edits, spreads=True)
    if outcome.problem:
        raise CausalError(outcome.problem)
    pane = Pane(controls=chosen, edits=edits)
    scene = msgspec.structs.replace(arguments.scene(reference, seed or 0, psi, steps, pane), origin=origin)
    with shown("Rendering") as progress:
        (picture,) = engine.render([view_of(scene, 0)], exact=True)
        if out is not None:
            options = ExportOptions(kind="png", labels=False, height=height, scaling=arguments.scaling(pixels))
            export.run(engine, scene, out, options, progress)
    read = {one.name: one.reached for one in outcome.variables if one.reached is not None}
    read = read or achieved(engine.generator(reference), picture.bgrx, [one.name for one in outcome.variables])
    if as_json:
        typer.echo(json.dumps(_document(model, outcome, read) | ({"warning": warning} if warning else {})))
    else:
        _print(outcome, read)
    if warning:
        typer.echo(f"warning: {warning}", err=True)
    if out is not None and as_json:
        typer.echo(f"wrote {out}", err=True)
    elif out is not None:
        arguments.say_written(out)


def _graph_setting(
    used: Engine, model: ModelRef, controls: str, settings: dict[str, Scalar], file: tuple[Path, list[str]]
) -> tuple[tuple[str, Scalar], ...]:
    """The graph file (and how its names are mapped) as a setting of the method ``controls``, found sound and about the
    model's variables, or about what the other ``settings`` bind."""
    from explorer.causal.formats.registry import short_text
    from explorer.discovery.bound_causes import METHOD
    from explorer.engine.causal_graphs import CausalQuestions

    if controls == METHOD.card.name:
        own = METHOD.own_graph(used.shared(model), settings)
    else:
        own = CausalQuestions(used).own_graph(model)
    return (("graph", short_text(arguments.graph_from(*file, own))),)


def _edits(found: ControlSet, texts: dict[str, str]) -> tuple[Edit, ...]:
    """What ``texts`` set, by number or label, checked against the variables' kinds and ranges."""
    from explorer.engine.causes import graph_of_set

    graph, edits = graph_of_set(found), []
    for name, text in texts.items():
        variable = graph.variable(name)
        value = choices.value_of(variable, text, f"--set {name}")
        if refusal := variable.refusal(value):
            raise CausalError(refusal)
        edits.append(Edit(name, value=value))
    return tuple(edits)


def _document(model: str, outcome: Outcome, read: dict[str, float]) -> dict[str, object]:
    after = {one.name: {"low": one.low, "high": one.high} if one.is_open else one.value for one in outcome.variables}
    return {
        "model": model,
        "rung": outcome.rung,
        **({"draw": outcome.draw} if outcome.draw else {}),
        "set": {one.name: one.value for one in outcome.variables if one.is_set},
        "noise": choices.described(outcome),
        "factual": {one.name: one.factual for one in outcome.variables},
        ("counterfactual" if outcome.rung == "imagine" else "drawn"): after,
        "achieved": read,
        **({"missed": missed} if (missed := [one.name for one in outcome.variables if one.is_missed]) else {}),
        **{
            key: {one.name: msgspec.structs.asdict(told) for one in outcome.variables if (told := getattr(one, key))}
            for key in ("done", "seen")
        },
    }


def _print(outcome: Outcome, read: dict[str, float]) -> None:
    others = outcome.rung != "imagine"
    after = f"{outcome.rung}, draw {outcome.draw}" if others else "counterfactual"
    spreads = ("do: mean (90 %)", "see: mean (90 %)") if others else ()
    rows: list[tuple[str, ...]] = [("", "factual", after, "read from the picture", *spreads)]
    for one in outcome.variables:
        name = one.name
        if one.is_set:
            name = f"{one.name}, seen" if outcome.rung == "see" else f"do({one.name})"
        after = _shown(outcome.graph, one, one.value)
        if one.is_open:
            low, high = (_shown(outcome.graph, one, end) for end in (one.low, one.high))
            after = f"not unique: {low} to {high}" if low != high else f"not unique: {low} with 90 %"
        seen = _shown(outcome.graph, one, read[one.name]) if one.name in read else ""
        seen += ", as near as it comes" if one.is_missed and seen else ""
        columns = [_spread(spread) for spread in (one.done, one.seen)] if others else []
        rows.append((name, _shown(outcome.graph, one, one.factual), after, seen, *columns))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "not told"
    mean, low, high = (f"{end:.4g}" for end in (spread.mean, spread.low, spread.high))
    return mean if low == high else f"{mean} ({low} to {high})"


def _shown(graph: CausalGraph, one: VariableOutcome, value: float) -> str:
    variable = graph.variable(one.name)
    if variable.labels and 0 <= round(value) < len(variable.labels):
        return variable.labels[round(value)]
    return f"{value:.4g}{variable.unit and ' ' + variable.unit}"
