"""What a table says about P(effect | do(cause)) of variables with levels: the number where the graph identifies it, and
bounds where it does not, which need no assumption beyond the graph.

Bounds: natural ones (Robins 1989, Manski 1990); with an instrument the sharp ones of Balke and Pearl (1997), here as
linear programs, so that causes, effects and instruments may have several levels.
"""

from __future__ import annotations

from itertools import product as every
from math import prod

import msgspec
import numpy as np
import numpy.typing as npt

from explorer.causal.estimand import Term, names_in
from explorer.causal.evaluation import evaluated
from explorer.causal.identification import Identification, Instrument, identify
from explorer.causal.table import Table, values_of
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph

Floats = npt.NDArray[np.float64]

MOST_CELLS = 1_000_000
MOST_TYPES = 5000
"""Ways in which a cause may answer to the instrument and the effect to the cause; with more there is no program."""


class LevelEffect(msgspec.Struct, frozen=True, kw_only=True):
    """``low[i][j]`` ≤ P(effect = j | do(cause = i)) ≤ ``high[i][j]``, of the table's frequencies; equal where the
    effect is identified. ``way``: by what, for the user; ``identification``: what the graph says."""

    low: tuple[tuple[float, ...], ...]
    high: tuple[tuple[float, ...], ...]
    way: str
    identification: Identification


def level_effect(graph: CausalGraph, cause: str, effect: str, table: Table) -> LevelEffect:
    """What ``table``, whose columns are all of the variables, says about the effect of ``cause`` on ``effect``.

    Raises :class:`CausalError` for what is wrong with the table, for a variable that is needed and has no levels, and
    where rows that the formula needs do not occur.
    """
    answer = identify(graph, cause, effect)
    values = {name: column.numpy() for name, column in values_of(graph, table).items()}
    if answer.estimand is not None:
        points = _points(graph, answer.estimand, cause, effect, values)
        return _result(points, points, f"identified ({answer.way})", answer)
    joint = _frequencies(graph, (cause, effect), values)
    low, high = natural_bounds(joint)
    way = "natural bounds"
    for instrument in _usable(graph, answer.instruments, cause, effect):
        sharper = instrumental_bounds(_frequencies(graph, (instrument, cause, effect), values))
        if sharper is None:
            way += f"; the table contradicts the instrument '{instrument}', by chance or because it is none"
        else:
            low, high = np.maximum(low, sharper[0]), np.minimum(high, sharper[1])
            way = f"bounds by the instrument '{instrument}'"
    return _result(low, high, way, answer)


def natural_bounds(joint: Floats) -> tuple[Floats, Floats]:
    """(X, Y) each: between what was seen, and that with all rows of other causes added. ``joint`` (X, Y): P(x, y)."""
    return joint.copy(), joint + 1 - joint.sum(axis=1, keepdims=True)


def instrumental_bounds(joint: Floats) -> tuple[Floats, Floats] | None:
    """(X, Y) each: the least and the most P(y | do(x)) of all models in which the instrument acts through the cause
    alone. ``joint`` (Z, X, Y): P(z, x, y), every z occurring. None where no such model gives ``joint``."""
    from scipy.optimize import linprog  # here, so that an engine that starts does not wait for it

    conditional = joint / joint.sum(axis=(1, 2), keepdims=True)
    instruments, causes, effects = joint.shape
    answers = np.array(
        list(every(range(causes), repeat=instruments))
    )  # (A, Z) the cause at each level of the instrument
    outcomes = np.array(list(every(range(effects), repeat=causes)))  # (O, X) the effect at each level of the cause
    seen = []
    for level in range(instruments):
        takes = answers[:, level, None] == np.arange(causes)  # (A, X)
        gives = outcomes[:, :, None] == np.arange(effects)  # (O, X, Y)
        seen.append(np.einsum("ax,oxy->xyao", takes, gives).reshape(causes * effects, -1))
    equations = np.concatenate(seen).astype(np.float64)
    low, high = np.empty((causes, effects)), np.empty((causes, effects))
    for cause, effect in every(range(causes), range(effects)):
        goal = np.tile(outcomes[:, cause] == effect, len(answers)).astype(np.float64)
        for sign, bound in ((1.0, low), (-1.0, high)):
            solved = linprog(sign * goal, A_eq=equations, b_eq=conditional.reshape(-1), method="highs")
            if solved.status == 2:
                return None
            if solved.fun is None:
                raise CausalError(f"The bounds could not be computed ({solved.message}); try with fewer levels.")
            bound[cause, effect] = min(max(sign * float(solved.fun), 0.0), 1.0)
    return low, high


def _points(graph: CausalGraph, term: Term, cause: str, effect: str, values: dict[str, Floats]) -> Floats:
    names = tuple(name for name in graph.names if name in names_in(term) | {cause, effect})
    result = evaluated(term, names, _frequencies(graph, names, values))
    axes = names.index(cause), names.index(effect)
    shape = [graph.variable(name).levels if name in (cause, effect) else 1 for name in names]
    points = np.broadcast_to(result, shape).transpose(*axes, *(axis for axis in range(len(names)) if axis not in axes))
    points = points.reshape(points.shape[:2])
    if np.isnan(points).any():
        level = int(np.isnan(points).any(axis=1).argmax())
        labels = graph.variable(cause).labels
        raise CausalError(
            f"The effect of '{cause}' = {labels[level] if labels else level} cannot be computed: it needs rows that do "
            f"not occur together with it; add rows, or merge levels of {', '.join(set(names) - {cause, effect})}."
        )
    return points


def _frequencies(graph: CausalGraph, names: tuple[str, ...], values: dict[str, Floats]) -> Floats:
    """The share of rows in each cell of ``names``, an axis each."""
    for name in names:
        if not graph.variable(name).levels:
            raise CausalError(f"'{name}' is a number without levels; cut it into some to compute this effect.")
    shape = tuple(graph.variable(name).levels for name in names)
    if prod(shape) > MOST_CELLS:
        raise CausalError(f"{', '.join(names)} have {prod(shape)} combinations of levels; merge some.")
    cells = np.ravel_multi_index([values[name].astype(np.int64) for name in names], shape)
    counts = np.bincount(cells, minlength=prod(shape)).reshape(shape)
    shares: Floats = counts / counts.sum()
    return shares


def _usable(graph: CausalGraph, instruments: tuple[Instrument, ...], cause: str, effect: str) -> list[str]:
    """Those that need nothing held, have levels, and make a program that is not too large."""
    causes, effects = graph.variable(cause).levels, graph.variable(effect).levels
    return [
        instrument.name
        for instrument in instruments
        if not instrument.fixed
        and (levels := graph.variable(instrument.name).levels)
        and causes**levels * effects**causes <= MOST_TYPES
    ]


def _result(low: Floats, high: Floats, way: str, answer: Identification) -> LevelEffect:
    return LevelEffect(
        low=tuple(map(tuple, low.tolist())), high=tuple(map(tuple, high.tolist())), way=way, identification=answer
    )
