"""What a table says about the independences that a graph implies: partial correlations with Fisher's intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import torch
from torch import Tensor

from explorer.causal.encoding import Encoding
from explorer.causal.independences import LEVEL, Independence, IndependenceTest, implied
from explorer.causal.table import Table, values_of
from explorer.errors import CausalError, instead
from explorer.scene.causal_graph import CausalGraph

SPARE_ROWS = 4
"""More than numbers are held: with fewer, Fisher's interval is none."""


def partial_correlations(
    graph: CausalGraph, table: Table, claims: Sequence[Independence] | None = None
) -> tuple[IndependenceTest, ...]:
    """What ``table`` says about ``claims``, or about all that ``graph`` implies.

    Raises :class:`CausalError` for what is wrong with the table (:func:`explorer.causal.table.values_of`), for unknown
    variables, and for too few rows.
    """
    values = values_of(graph, table)
    columns = {name: _columns(graph, name, values[name]) for name in graph.names}
    return tuple(_tested(columns, claim) for claim in (implied(graph) if claims is None else claims))


def _columns(graph: CausalGraph, name: str, values: Tensor) -> Tensor:
    """(n, E) ``values`` (n,) as numbers of mean 0: cosine and sine, one-hot."""
    encoded = Encoding.standardised([graph.variable(name)], values[:, None])(values[:, None])
    return encoded - encoded.mean(dim=0)


def _tested(columns: dict[str, Tensor], claim: Independence) -> IndependenceTest:
    for name in (claim.first, claim.last, *claim.fixed):
        if name not in columns:
            raise CausalError(f"There is no variable '{name}'; {instead(name, columns)}")
    first, last = columns[claim.first], columns[claim.last]
    rows, held = len(first), 0
    if claim.fixed:
        basis, sizes, _ = torch.linalg.svd(
            torch.cat([columns[name] for name in claim.fixed], dim=1), full_matrices=False
        )
        basis = basis[:, sizes > 1e-9 * sizes[0]]
        held = basis.shape[1]
        first, last = _rest(first, basis), _rest(last, basis)
    if rows < held + SPARE_ROWS:
        raise CausalError(f"{rows} rows are too few to test {claim.text}; give at least {held + SPARE_ROWS}.")
    lengths = first.norm(dim=0)[:, None] * last.norm(dim=0)
    correlations = torch.where(lengths > 0, first.T @ last / lengths.clamp(min=1e-300), torch.nan).flatten()
    correlations = correlations[~correlations.isnan()]
    if not len(correlations):
        return IndependenceTest(independence=claim, correlation=math.nan, low=-1.0, high=1.0, p=1.0, rows=rows)
    strongest = float(correlations[correlations.abs().argmax()].clamp(-1.0, 1.0))
    z = math.atanh(max(min(strongest, 1 - 1e-12), 1e-12 - 1))
    error = 1 / math.sqrt(rows - held - 3)
    reach = NormalDist().inv_cdf(1 - LEVEL / (2 * len(correlations))) * error
    p = min(math.erfc(abs(z) / error / math.sqrt(2)) * len(correlations), 1.0)
    low, high = math.tanh(z - reach), math.tanh(z + reach)
    return IndependenceTest(independence=claim, correlation=strongest, low=low, high=high, p=p, rows=rows)


def _rest(columns: Tensor, basis: Tensor) -> Tensor:
    """What ``basis`` (n, K), orthogonal columns of length 1, leaves of ``columns`` (n, E); 0 where it is rounding."""
    rest = columns - basis @ (basis.T @ columns)
    return torch.where(rest.norm(dim=0) > 1e-9 * columns.norm(dim=0), rest, 0.0)
