"""The effect of one variable on another, as far as a graph and the rows of a table tell it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from explorer.causal.adjustment import effects_of_rows, split_fault
from explorer.causal.effect_answer import EffectAnswer, OutcomeEffect
from explorer.causal.identification import backdoor_sets, frontdoor_sets, identify
from explorer.causal.level_effects import LevelEffect, level_effect
from explorer.causal.support import outside
from explorer.causal.table import Table, values_of
from explorer.ending import Progress
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.number_text import number_text

MOST_LISTED = 8
"""Sets that are told of; there may be many."""
TOLERATED = 0.05
"""Rows without neighbours that are not worth a warning."""


def answered(
    graph: CausalGraph,
    table: Table,
    cause: str,
    effect: str,
    values: tuple[float, float],
    seed: int = 0,
    progress: Progress | None = None,
) -> EffectAnswer:
    """What ``graph`` and ``table``, whose columns are all of its variables, say about setting ``cause`` to the second
    of ``values`` instead of the first.

    Raises :class:`CausalError` for what is wrong with the table, for unknown variables, one that is named twice, and
    values that the cause cannot have.
    """
    answer = identify(graph, cause, effect)
    for value in values:
        if refusal := graph.variable(cause).refusal(value):
            raise CausalError(refusal)
    rows = {name: column.numpy() for name, column in values_of(graph, table).items()}
    outcomes: tuple[OutcomeEffect, ...] = ()
    note = ""
    try:
        if answer.way in ("back-door", "front-door", "formula"):
            outcomes = effects_of_rows(graph, rows, answer, values, seed, progress)
            note = split_fault(graph, cause, effect) if answer.way == "back-door" else ""
    except CausalError as error:
        note = str(error)
    levels = _levels(graph, cause, effect, rows) if answer.way != "no effect" else None
    return EffectAnswer(
        cause=cause,
        effect=effect,
        values=values,
        way=answer.way,
        sentence=answer.sentence,
        formula=answer.formula,
        adjust=backdoor_sets(graph, cause, effect)[:MOST_LISTED] if answer.way != "no effect" else (),
        through=frontdoor_sets(graph, cause, effect)[:MOST_LISTED],
        between=graph.between(cause, effect),
        rows=len(rows[cause]),
        outcomes=outcomes,
        note="" if isinstance(levels, LevelEffect) and not outcomes else note,
        low=levels.low if levels else (),
        high=levels.high if levels else (),
        level_way=levels.way if levels else "",
        warnings=_warnings(graph, rows, answer.adjust, cause, values, seed) if outcomes else (),
    )


def _levels(graph: CausalGraph, cause: str, effect: str, rows: Mapping[str, NDArray[np.float64]]) -> LevelEffect | None:
    """Probabilities or bounds where both have levels; None elsewhere, and where rows that are needed do not occur."""
    if not (graph.variable(cause).levels and graph.variable(effect).levels):
        return None
    try:
        return level_effect(graph, cause, effect, dict(rows))
    except CausalError:  # a number has to be held, or cells are empty: what regression says stands alone
        return None


def _warnings(
    graph: CausalGraph,
    rows: Mapping[str, NDArray[np.float64]],
    adjust: tuple[str, ...],
    cause: str,
    values: tuple[float, float],
    seed: int,
) -> tuple[str, ...]:
    variables, labels = [graph.variable(name) for name in (cause, *adjust)], graph.variable(cause).labels
    warnings = []
    for value in dict.fromkeys(values):
        share = outside(variables, rows, cause, value, seed)
        if share > TOLERATED:
            shown = labels[round(value)] if labels else number_text(value, 2)
            where = f"Beside the {' and '.join(adjust)} of {share:.0%} of the rows, " if adjust else ""
            warnings.append(f"{where}{cause} = {shown} was hardly observed; there the estimate goes beyond the rows.")
    return tuple(warnings)
