"""``graph``: a causal graph about a model's variables, what its rows say of it, and effects of one on another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from explorer.cli import arguments, binding
from explorer.cli.causal_choices import value_of
from explorer.cli.progress import shown
from explorer.errors import ExplorerError
from explorer.scene.causes import BINDING
from explorer.scene.model import ControlSetRef

if TYPE_CHECKING:
    from explorer.causal.effect_answer import EffectAnswer
    from explorer.causal.independences import IndependenceTest
    from explorer.causal.model_report import GraphCheck
    from explorer.causal.suggested import Suggestion
    from explorer.scene.causal_graph import CausalGraph


def graph(
    model: arguments.ModelName,
    file: arguments.GraphFileName = None,
    renamings: arguments.Renamings = None,
    check: Annotated[
        bool, typer.Option("--check", help="Test the independences that the graph implies by the model's rows.")
    ] = False,
    effect: Annotated[
        tuple[str, str] | None,
        typer.Option("--effect", metavar="CAUSE EFFECT", help="Whether this effect is identified, and how large."),
    ] = None,
    low: Annotated[
        str, typer.Option("--from", metavar="VALUE", help="What the cause is set to first. Default: its 10 % quantile.")
    ] = "",
    high: Annotated[
        str, typer.Option("--to", metavar="VALUE", help="What it is set to then. Default: its 90 % quantile.")
    ] = "",
    suggest: Annotated[
        str, typer.Option("--suggest", metavar="pc|pc-kci|ges", help="Arrows that the rows suggest (causal-learn).")
    ] = "",
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write the graph: .graph.json, .json, .dot, or .dagitty."),
    ] = None,
    attributes: binding.Attributes = "",
    variables: binding.Variables = "",
    bind: binding.Bind = "",
    bound: binding.Bound = "",
    as_json: arguments.Json = False,
    family: arguments.FamilyName = "",
) -> None:
    """Show the causal graph of a model, or one of your own about its variables; hold it against the model's rows."""
    from explorer.causal.formats.registry import format_of
    from explorer.causal.suggested import Method
    from explorer.discovery.bound_causes import METHOD
    from explorer.engine.causal_graphs import CausalQuestions

    if (low or high) and effect is None:
        raise ExplorerError("--from and --to say what the cause of --effect is set to; give --effect CAUSE EFFECT.")
    if bool(low) != bool(high):
        raise ExplorerError("An effect is that of setting its cause from one value to another; give --from and --to.")
    arguments.check_renamings(renamings, file)
    written_as = format_of(save) if save is not None else ""
    method: Method | None = arguments.one_of(Method, suggest, "--suggest") if suggest else None
    used = arguments.engine()
    questions, reference = CausalQuestions(used), arguments.model_reference(model, family)
    named = {"attributes": attributes, "variables": variables, "bind": bind, "bound": bound}
    settings = binding.bound_settings(used.card(reference), BINDING, named) if any(named.values()) else ()
    drawn = METHOD.own_graph(used.shared(reference), dict(settings)) if settings else questions.own_graph(reference)
    if file is not None:
        drawn = arguments.graph_from(file, renamings or [], drawn)
    rows = _rows(drawn, settings) if settings else None
    if rows is not None and (check or effect or suggest):
        with shown("Reading pictures") as progress:
            used.control_set(reference, rows, progress)
    checked = questions.check(reference, drawn, rows) if check else None
    answer = suggestion = None
    if effect is not None:
        cause = drawn.variable(effect[0])
        values = (value_of(cause, low, "--from"), value_of(cause, high, "--to")) if low else None
        with shown("Estimating the effect") as progress:
            answer = questions.effect(reference, drawn, *effect, values, progress, rows)
    if method is not None:
        with shown("Looking for arrows") as progress:
            suggestion = questions.suggestion(reference, drawn, method, progress=progress, controls=rows)
        drawn = suggestion.graph
    if save is not None:
        _save(save, drawn, written_as)
    if as_json:
        typer.echo(json.dumps(_document(model, drawn, checked, answer, suggestion), ensure_ascii=False))
    else:
        _print(drawn, checked, answer, suggestion)
    if save is not None:
        typer.echo(f"wrote {save}", err=as_json)


def _rows(drawn: CausalGraph, settings: binding.Settings) -> ControlSetRef:
    """The set whose rows are of the variables of ``drawn``, bound as ``settings`` say: without an arrow, so that no
    mechanism has to be fitted to them."""
    alone = json.dumps({name: [] for name in drawn.names}, ensure_ascii=False)
    return ControlSetRef(method=BINDING, k=1, settings=(*settings, ("graph", alone)))


def _save(path: Path, drawn: CausalGraph, format_name: str) -> None:
    from explorer.causal.formats.base import GraphFile
    from explorer.causal.formats.registry import left_out_sentence, write_graph

    file = GraphFile(graph=drawn)
    write_graph(path, file, format_name)
    if note := left_out_sentence(file, format_name):
        typer.echo(f"note: {note}", err=True)


def _document(
    model: str,
    drawn: CausalGraph,
    checked: GraphCheck | None,
    answer: EffectAnswer | None,
    suggestion: Suggestion | None,
) -> dict[str, object]:
    from explorer.causal.independences import implied

    document: dict[str, object] = {
        "model": model,
        **msgspec.to_builtins(drawn),
        "implied": [claim.text for claim in implied(drawn)],
    }
    if checked is not None:
        document["tests"] = [
            msgspec.to_builtins(test) | {"independence": test.independence.text, "verdict": test.verdict}
            for test in checked.tests
        ]
        document["summary"] = checked.summary
    if answer is not None:
        document["effect"] = msgspec.to_builtins(answer)
    if suggestion is not None:
        document["note"] = suggestion.note
    return document


# --- what a terminal shows -------------------------------------------------------------------------------------------


def _print(
    drawn: CausalGraph, checked: GraphCheck | None, answer: EffectAnswer | None, suggestion: Suggestion | None
) -> None:
    from explorer.causal.independences import implied

    for name in drawn.order:
        causes = ", ".join(drawn.parents(name))
        typer.echo(f"{name} ← {causes}" if causes else name)
    for first, last in drawn.confounded:
        typer.echo(f"{first} ↔ {last}  a hidden common cause")
    if suggestion is not None:
        for cause, effect in suggestion.graph.suggested:
            typer.echo(f"{cause} ⇢ {effect}  suggested")
        typer.echo(suggestion.note)
    if checked is not None:
        _print_table([("independence", "partial correlation", "95 %", "p", ""), *map(_row, checked.tests)])
        typer.echo(checked.summary)
    elif answer is None and suggestion is None:
        typer.echo("implied: " + ("; ".join(claim.text for claim in implied(drawn)) or "no independence"))
    if answer is not None:
        _print_effect(drawn, answer)


def _row(test: IndependenceTest) -> tuple[str, ...]:
    from explorer.causal.independences import p_text
    from explorer.scene.number_text import number_text

    return (
        test.independence.text,
        number_text(test.correlation, 3),
        f"{number_text(test.low, 3)} to {number_text(test.high, 3)}",
        p_text(test.p),
        test.verdict,
    )


def _print_effect(drawn: CausalGraph, answer: EffectAnswer) -> None:
    from explorer.causal.effect_text import level_rows, lines

    typer.echo(answer.sentence)
    for line in lines(drawn, answer):
        typer.echo(line)
    if rows := level_rows(drawn, answer):
        _print_table(rows)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
