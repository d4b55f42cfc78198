"""The effect that rows tell where a graph identifies it: back-door and front-door adjustment by regression, what of it
is direct, and an interval from bootstrapping rows. No mechanism is needed.

Back-door: E[Y | do(x)] is the mean over rows of the regression of Y at (x, z). Front-door: the mean of Y given the
mediators, over the cause as it occurs, is itself regressed on the cause (Pearl 2009, 3.3). Direct and indirect: by
imputing nested means (Vansteelandt, Bekaert and Lange 2012), where no hidden cause ties what is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from explorer.causal.effect_answer import Estimate, OutcomeEffect
from explorer.causal.identification import Identification
from explorer.causal.regression import Design, Floats, paired, slopes
from explorer.ending import Progress
from explorer.errors import CausalError
from explorer.numerics.randomness import step_seed
from explorer.scene.causal_graph import CausalGraph, Variable

MOST_ROWS = 3000
BOOTSTRAPS = 200
REACH = 1.959963984540054
"""Standard errors to either side of an interval of 95 %."""

Rows = Mapping[str, Floats]
Weighted = Callable[[Floats], Floats]
"""Weights of the rows (n,) → (k,) the effect on each outcome."""


def effects_of_rows(
    graph: CausalGraph,
    rows: Rows,
    answer: Identification,
    values: tuple[float, float],
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[OutcomeEffect, ...]:
    """What setting the cause of ``answer`` to the second of ``values`` instead of the first does to the mean of the
    effect, or to the probability of each of its levels. ``rows``: variable → (n,) values, all of the graph.

    Raises :class:`CausalError` where rows alone do not give it: no adjustment set, a cyclic effect.
    """
    cause, effect = graph.variable(answer.cause), graph.variable(answer.effect)
    if effect.kind == "cyclic":
        raise CausalError(f"'{effect.name}' is cyclic and has no mean; an effect on it is told by moving the picture.")
    if answer.way == "formula":
        raise CausalError("The formula is not computed from rows of numbers; it is for variables of levels.")
    rows = _some(rows, seed)
    outcomes, names = _outcomes(effect, rows[effect.name])
    if answer.way == "back-door":
        total = _adjusted(graph, rows, cause, answer.adjust, outcomes, values)
    elif answer.way == "front-door":
        total = _through(graph, rows, cause, answer.through, outcomes, values)
    else:
        raise CausalError(answer.sentence)
    between = graph.between(cause.name, effect.name)
    parts: list[Weighted] = [total]
    if between and not split_fault(graph, cause.name, effect.name):
        parts += _split(graph, rows, cause, between, effect.name, outcomes, values)
    estimates = _with_intervals(parts, len(outcomes), seed, progress)
    return tuple(
        OutcomeEffect(
            level=name,
            total=estimates[0][place],
            direct=estimates[1][place] if len(parts) > 1 else None,
            indirect=estimates[2][place] if len(parts) > 1 else None,
        )
        for place, name in enumerate(names)
    )


def split_fault(graph: CausalGraph, cause: str, effect: str) -> str:
    """Why rows do not tell what of the effect is direct, in one sentence; empty where they do, or where all is."""
    if not graph.between(cause, effect):
        return ""
    involved = graph.ancestors([effect])
    tied = next((pair for pair in graph.confounded if set(pair) <= involved), None)
    if tied is None:
        return ""
    return f"'{tied[0]}' and '{tied[1]}' share a hidden cause, so what of the effect is direct is not told."


def _some(rows: Rows, seed: int) -> dict[str, Floats]:
    """At most :data:`MOST_ROWS` of the rows, drawn by ``seed``."""
    count = len(next(iter(rows.values())))
    if count <= MOST_ROWS:
        return dict(rows)
    chosen = np.sort(np.random.default_rng(step_seed(seed, 0, stream=4)).permutation(count)[:MOST_ROWS])
    return {name: column[chosen] for name, column in rows.items()}


def _outcomes(effect: Variable, y: Floats) -> tuple[Floats, tuple[str, ...]]:
    """(n, k) what means are taken of, and the level that each is of; "" of numbers, and of the 1 of a binary one."""
    if effect.kind != "category":
        return y[:, None], ("",)
    return (y[:, None] == np.arange(effect.levels)).astype(np.float64), effect.labels


def _adjusted(
    graph: CausalGraph,
    rows: Rows,
    cause: Variable,
    adjust: tuple[str, ...],
    outcomes: Floats,
    values: tuple[float, float],
) -> Weighted:
    x, z = rows[cause.name], _columns(rows, adjust)
    design = Design.of(cause, x, [graph.variable(name) for name in adjust], z)
    columns, before, after = design.columns(x, z), *(design.columns(np.full(len(x), v), z) for v in values)
    difference = after - before

    def effect(weights: Floats) -> Floats:
        moved: Floats = (weights @ difference / weights.sum()) @ slopes(columns, outcomes, weights)
        return moved

    return effect


def _through(
    graph: CausalGraph,
    rows: Rows,
    cause: Variable,
    through: tuple[str, ...],
    outcomes: Floats,
    values: tuple[float, float],
) -> Weighted:
    x, m = rows[cause.name], _columns(rows, through)
    design = Design.of(cause, x, [graph.variable(name) for name in through], m)
    of_cause, of_others, columns = design.of_cause(x), design.of_others(m), design.columns(x, m)
    before, after = (design.of_cause(np.array([value])) for value in values)

    def effect(weights: Floats) -> Floats:
        usual = np.repeat((weights @ of_cause / weights.sum())[None], len(x), axis=0)
        given_mediators = paired(usual, of_others) @ slopes(columns, outcomes, weights)
        moved: Floats = ((after - before) @ slopes(of_cause, given_mediators, weights))[0]
        return moved

    return effect


def _split(
    graph: CausalGraph,
    rows: Rows,
    cause: Variable,
    between: tuple[str, ...],
    effect: str,
    outcomes: Floats,
    values: tuple[float, float],
) -> list[Weighted]:
    """The natural direct and indirect effects, with all held that causes the effect and is no effect of the cause."""
    held = tuple(name for name in graph.names if name in graph.ancestors([effect]) - graph.descendants([cause.name]))
    x, z, both = rows[cause.name], _columns(rows, held), _columns(rows, (*between, *held))
    inner = Design.of(cause, x, [graph.variable(name) for name in (*between, *held)], both)
    outer = Design.of(cause, x, [graph.variable(name) for name in held], z)
    all_rows, low, high = inner.columns(x, both), *(inner.columns(np.full(len(x), v), both) for v in values)
    nested, before, after = outer.columns(x, z), *(outer.columns(np.full(len(x), v), z) for v in values)

    def direct(weights: Floats) -> Floats:
        imputed = (high - low) @ slopes(all_rows, outcomes, weights)
        moved: Floats = (weights @ before / weights.sum()) @ slopes(nested, imputed, weights)
        return moved

    def indirect(weights: Floats) -> Floats:
        imputed = low @ slopes(all_rows, outcomes, weights)
        moved: Floats = (weights @ (after - before) / weights.sum()) @ slopes(nested, imputed, weights)
        return moved

    return [direct, indirect]


def _with_intervals(
    parts: list[Weighted], count: int, seed: int, progress: Progress | None
) -> list[tuple[Estimate, ...]]:
    """Each part at all rows, ± :data:`REACH` standard deviations over :data:`BOOTSTRAPS` draws of rows."""
    ones = np.ones(count)
    points = [part(ones) for part in parts]
    generator = np.random.default_rng(step_seed(seed, 0, stream=5))
    drawn: list[list[Floats]] = [[] for _ in parts]
    for repetition in range(BOOTSTRAPS):
        if progress is not None:
            progress(repetition / BOOTSTRAPS)
        weights = generator.multinomial(count, np.full(count, 1 / count)).astype(np.float64)
        for place, part in enumerate(parts):
            drawn[place].append(part(weights))
    if progress is not None:
        progress(1.0)
    return [_estimates(point, np.std(several, axis=0, ddof=1)) for point, several in zip(points, drawn, strict=True)]


def _estimates(point: Floats, error: NDArray[np.float64]) -> tuple[Estimate, ...]:
    return tuple(
        Estimate(value=float(value), low=float(value - REACH * e), high=float(value + REACH * e))
        for value, e in zip(point, error, strict=True)
    )


def _columns(rows: Rows, names: tuple[str, ...]) -> Floats:
    count = len(next(iter(rows.values())))
    return np.column_stack([rows[name] for name in names]) if names else np.empty((count, 0))
