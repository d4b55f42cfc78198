"""What the Causes dock writes. Plain values, no Qt."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import msgspec

from explorer.causal.layout import laid_out
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.causes import Outcome, Rung, Spread, VariableOutcome
from explorer.scene.choices import seed_of
from explorer.scene.model import ControlSetRef, Scalar
from explorer.scene.value_text import value_text

NO_CAUSES = (
    "The sliders of this pane set no variables. Choose the method Causes of a model that holds a causal model, such as "
    "a conditional VAE that was trained with what causes what; or, of any model, Attributes as causes, whose variables "
    "are read from its pictures, or are controls of any method."
)
FITTING = "The mechanisms are fitted to rows of the model; values are those of the graph before."
AWAITED = "What causes what in this pane is being asked."
OF_A_FILE = "These sliders come from a file, with their graph; choose a method to draw another."
MOST_SPREADS = 3
MOST_MISSED = 3
SPREADS_LATER = "Means over all pictures are told when the hand rests."
HOW = (
    "Draw an arrow from the dot below a variable to another one, or type it; click an arrow or a variable and press "
    "Delete to take it away."
)


def no_slider(name: str) -> str:
    """Why there is no slider for the variable that is chosen; empty ``name``: there is none."""
    return f"{name} can be set as soon as this graph is ready." if name else "Choose a variable to set it."


def node_text(variable: Variable, outcome: VariableOutcome, rung: Rung = "imagine") -> str:
    """What has become of a variable: its value, the change, or between which it lies; of another picture than the
    factual one (``rung``), its value alone, and whether that is seen."""
    factual = value_text(variable, outcome.factual)
    if outcome.is_open:
        low, high = value_text(variable, outcome.low), value_text(variable, outcome.high)
        return f"{low} to {high}" if low != high else f"{low} (with 90 %)"
    after = value_text(variable, outcome.value)
    if outcome.is_missed and outcome.reached is not None:
        return f"{value_text(variable, outcome.reached)} (not {after})"
    if rung == "see" and outcome.is_set:
        return f"seen: {after}"
    return after if after == factual or rung != "imagine" else f"{factual} → {after}"


def sentence(outcome: Outcome) -> str:
    """What is done, what follows, and what cannot be told."""
    if outcome.problem:
        return outcome.problem
    done = [one for one in outcome.variables if one.is_set]
    graph = outcome.graph
    if outcome.rung != "imagine":
        return _of_others(outcome, done)
    if not done:
        return _noises(outcome) or HOW
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
    missed = [one.name for one in outcome.variables if one.is_missed]
    if missed:
        parts.append(f"the picture that was sought shows {_some(missed)} only as near as it comes")
    cut = [f"{cause} → {one.name}" for one in done for cause in graph.parents(one.name)]
    if cut:
        parts.append(f"{', '.join(cut)} count{'s' if len(cut) == 1 else ''} no longer")
    return " ".join(filter(None, ("; ".join(parts) + ".", _noises(outcome))))


def _some(names: list[str]) -> str:
    """The first of many ``names``, of which the graph shows all: more lines would take its room."""
    more = len(names) - MOST_MISSED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:MOST_MISSED])} and {more} more"


def _of_others(outcome: Outcome, done: list[VariableOutcome]) -> str:
    """What is shown in place of the picture."""
    values = {one.name: value_text(outcome.graph.variable(one.name), one.value) for one in done}
    if outcome.rung == "do":
        shown = ", ".join(f"do({name} = {value})" for name, value in values.items())
        noise = "all other noise" if done else "all noise"
        return f"{shown or 'Nothing is set'}: another picture, {noise} of which is drawn anew."
    shown = " and ".join(f"{name} is {value}" for name, value in values.items())
    return (
        f"A picture in which {shown} by itself: nothing is set, no arrow is cut."
        if shown
        else ("A picture as the model draws them; set a variable to see those in which it happens to have that value.")
    )


def _noises(outcome: Outcome) -> str:
    """Which noises are not the picture's own."""
    cases = {one.name: one.noise for one in outcome.variables if one.noise and not one.is_set}
    named = [f"{name} ({_source(case)})" for name, case in cases.items()]
    if outcome.own_noise:
        named.append(f"the picture ({_source(outcome.own_noise)})")
    return f"Other noise: {', '.join(named)}." if named else ""


def _source(case: int) -> str:
    return f"draw {case}" if case > 0 else f"from seed {seed_of(case)}"


def spreads(outcome: Outcome, name: str) -> str:
    """What doing and seeing say as numbers: of the variable ``name``, or where it is set or there is none, of all that
    what is set has an effect on. Empty where nothing is set."""
    held = [one.name for one in outcome.variables if one.is_set]
    free = [one for one in outcome.variables if not one.is_set]
    if not held or not free:
        return ""
    if all(one.done is None and one.seen is None for one in free):
        return SPREADS_LATER
    effects = outcome.graph.descendants(held)
    chosen = [one for one in free if one.name == name] or [one for one in free if one.name in effects] or free
    lines = []
    for one in chosen[:MOST_SPREADS]:
        variable = outcome.graph.variable(one.name)
        told = [f"{title} {_spread_text(variable, spread)}" for title, spread in (("do", one.done), ("see", one.seen))]
        lines.append(f"{one.name}: {', '.join(told)}")
    if len(chosen) > len(lines):
        lines.append(f"and {len(chosen) - len(lines)} more")
    return f"Means, and 90 %, over all pictures: {'; '.join(lines)}."


def _spread_text(variable: Variable, spread: Spread | None) -> str:
    if spread is None:
        return "not told (too few such rows)"
    if variable.labels:
        return f"{spread.mean:.2f} (of the levels {', '.join(variable.labels)})"
    low, high = value_text(variable, spread.low), value_text(variable, spread.high)
    return f"{value_text(variable, spread.mean)} ({low} to {high})"


def bound_problem(names: Sequence[str], taken: Collection[str]) -> str:
    """Why variables that controls are bound to cannot have these ``names``, where others are ``taken``."""
    for name in names:
        if not name:
            return "A variable needs a name."
        if names.count(name) > 1:
            return f"Two variables are called '{name}'."
        if name in taken:
            return f"There is a variable '{name}' already; call this one otherwise."
        if "," in name or "=" in name:
            return f"'{name}' has a comma or an equals sign, which a variable's name cannot have."
    return ""


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
