"""Whether rows are there where an answer is asked for: how near the nearest are, against how near rows usually are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.causal.encoding import Column, Encoding
from explorer.numerics.randomness import step_seed
from explorer.scene.causal_graph import Variable

NEIGHBOUR = 5
"""Whose distance counts: one stray row is no support."""
USUAL, FARTHER = 0.99, 2.0
"""The share of the rows themselves whose neighbour is near, and how many times as far is no gap by chance any more."""
MOST_ROWS = 1500


def outside(
    variables: Sequence[Variable], rows: Mapping[str, NDArray[np.float64]], cause: str, value: float, seed: int = 0
) -> float:
    """The share of rows beside whose other ``variables`` ``cause`` = ``value`` was not observed: had this row that
    value, its :data:`NEIGHBOUR`-th nearest row would be twice as far as that of 99 % of the rows is, and farther than
    values of the cause lie apart, which may stand on a grid. 0 of too few rows.

    ``rows``: variable → (n,); distances are in standard deviations, of a category 1.4 between levels.
    """
    count = len(rows[cause])
    if count <= 2 * NEIGHBOUR:
        return 0.0
    chosen = np.random.default_rng(step_seed(seed, 0, stream=6)).permutation(count)[:MOST_ROWS]
    table = torch.from_numpy(np.column_stack([rows[variable.name][chosen] for variable in variables]))
    encoding = Encoding.standardised(variables, table)
    observed = encoding(table)
    place = [variable.name for variable in variables].index(cause)
    moved = table.clone()
    moved[:, place] = value
    near = torch.cdist(observed, observed).kthvalue(NEIGHBOUR + 1, dim=1).values  # the nearest of a row is itself
    limit = FARTHER * near.quantile(USUAL) + _spacing(encoding.columns[place], variables[place], table[:, place])
    distances = torch.cdist(encoding(moved), observed).kthvalue(NEIGHBOUR, dim=1).values
    return float((distances > limit + 1e-12).double().mean())


def _spacing(column: Column, variable: Variable, values: Tensor) -> float:
    """How far from one observed value of a number to the next, all but for 1 % of them; 0 of levels."""
    steps = column(values.sort().values).diff(dim=0).norm(dim=1)
    steps = steps[steps > 0]
    return float(steps.quantile(USUAL)) if len(steps) and not variable.levels else 0.0
