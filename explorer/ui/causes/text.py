"""What the Causes dock writes. Plain values, no Qt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from explorer.causal.layout import laid_out
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.causes import Outcome, VariableOutcome
from explorer.scene.model import ControlSetRef, Scalar
from explorer.scene.value_text import value_text

NO_CAUSES = (
    "The sliders of this pane set no variables. Choose the method Causes of a model that holds a causal model, such as "
    "a conditional VAE that was trained with what causes what."
)
FITTING = "The mechanisms are fitted to the rows that come with the model; values are those of the graph before."
AWAITED = "What causes what in this pane is being asked."
OF_A_FILE = "These sliders come from a file, with their graph; choose the method Causes to draw another."
HOW = "Draw an arrow from the dot below a variable to another one; click an arrow and press Delete to take it away."


def node_text(variable: Variable, outcome: VariableOutcome) -> str:
    """What has become of a variable: its value, the change, or between which it lies."""
    factual = value_text(variable, outcome.factual)
    if outcome.is_open:
        low, high = value_text(variable, outcome.low), value_text(variable, outcome.high)
        return f"{low} to {high}" if low != high else f"{low} (with 90 %)"
    after = value_text(variable, outcome.value)
    return after if after == factual else f"{factual} → {after}"


def sentence(outcome: Outcome) -> str:
    """What is done, what follows, and what cannot be told."""
    done = [one for one in outcome.variables if one.is_set]
    if not done:
        return HOW
    graph = outcome.graph
    shown = ", ".join(f"do({one.name} = {value_text(graph.variable(one.name), one.value)})" for one in done)
    moved = [one.name for one in outcome.variables if not one.is_set and one.value != one.factual]
    opened = [one.name for one in outcome.variables if one.is_open]
    parts = [
        f"{shown}: {', '.join(moved)} follow{'s' if len(moved) == 1 else ''}" if moved else f"{shown}: no more moves"
    ]
    if opened:
        parts.append(
            f"the picture does not tell the noise of {', '.join(opened)}, so an interval of 90 % stands there, and its "
            "middle is drawn"
        )
    cut = [f"{cause} → {one.name}" for one in done for cause in graph.parents(one.name)]
    if cut:
        parts.append(f"{', '.join(cut)} count{'s' if len(cut) == 1 else ''} no longer")
    return "; ".join(parts) + "."


def layout_setting(places: dict[str, tuple[float, float]]) -> str:
    """Where nodes stand as the setting ``layout`` has it."""
    return json.dumps({name: [round(across, 2), round(down, 2)] for name, (across, down) in places.items()})


def layout_of(controls: ControlSetRef) -> dict[str, tuple[float, float]]:
    """What :func:`layout_setting` has written; none where a hand has written something else."""
    try:
        places = json.loads(str(dict(controls.settings).get("layout", "")) or "{}")
        return {str(name): (float(across), float(down)) for name, (across, down) in places.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


@lru_cache(maxsize=8)
def places_of(graph: CausalGraph, controls: ControlSetRef) -> dict[str, tuple[float, float]]:
    """Where the nodes stand: as the scene says, and the others where the layout puts them. Kept, because a drag asks
    for every picture."""
    known = layout_of(controls)
    placed = tuple(msgspec.structs.replace(one, at=known.get(one.name, one.at)) for one in graph.variables)
    laid = laid_out(msgspec.structs.replace(graph, variables=placed))
    return {one.name: one.at or (0.0, 0.0) for one in laid.variables}


def with_settings(controls: ControlSetRef, changed: Mapping[str, Scalar]) -> ControlSetRef:
    """``controls`` with some settings changed; without those that are empty."""
    settings = {**dict(controls.settings), **changed}
    filled = tuple((name, value) for name, value in sorted(settings.items()) if value != "")
    return msgspec.structs.replace(controls, settings=filled)
