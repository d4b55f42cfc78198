"""How the factors of a world come about, as trainers learn it of rows of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from explorer.causal.fitting import Fit, fit
from explorer.errors import ExplorerError
from explorer.numerics.randomness import step_seed
from explorer.scene.causal_graph import CausalGraph
from explorer.training.data import WorldSource
from explorer.worlds.base import World

Rows = Mapping[str, NDArray[np.float64]]
"""Factor → values (n,)."""
ROWS = 2048
"""Combinations of factors that come with a model: samples take theirs from these, and they are what another graph is
fitted to."""
MECHANISMS = 7  # stream of random numbers


def rows_of(source: WorldSource, names: Sequence[str], count: int, seed: int) -> Rows:
    """``count`` rows, at least one, of the factors called ``names``, that no picture is drawn of."""
    world = source.world
    assert world is not None, "only a world knows its factors"
    rows = source.factors(max(1, count), step_seed(seed, 0, MECHANISMS)).astype(np.float64)
    return {name: rows[:, world.column(name)] for name in names}


def taught(graph: CausalGraph, rows: Rows, seed: int) -> Fit:
    """The structural model of ``graph`` that ``rows`` teach."""
    return fit(holding(graph, rows), rows, seed=seed)


def graph_of(world: World, names: Sequence[str]) -> CausalGraph:
    """The world's causal graph of the factors called ``names``. Raises :class:`ExplorerError` where one of them has a
    cause that is left out."""
    graph = world.model.graph
    for name in names:
        if missing := [parent for parent in graph.parents(name) if parent not in names]:
            raise ExplorerError(
                f"'{name}' of '{world.name}' is caused by {', '.join(missing)}; add that to the recipe's 'factors'."
            )
    for name in set(graph.names) - set(names):
        graph = graph.without_variable(name)
    return graph


def holding(graph: CausalGraph, rows: Rows) -> CausalGraph:
    """``graph`` whose numbers have ranges that hold those of ``rows``: mechanisms leave a world's grid."""
    for variable in graph.variables:
        if variable.kind == "number" and variable.low is not None and variable.high is not None:
            low, high = float(rows[variable.name].min()), float(rows[variable.name].max())
            wide = msgspec.structs.replace(variable, low=min(variable.low, low), high=max(variable.high, high))
            graph = graph.changed(variable.name, wide)
    return graph
