"""A table of rows that a model is fitted to: read into numbers, and every fault of it told in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from explorer.causal.base import Values
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable

Table = Mapping[str, ArrayLike]
"""Column → its entries, a row each; a category's are labels or their indices."""


def values_of(graph: CausalGraph, table: Table) -> Values:
    """Variable → (n,) its values, float64; columns that are no variables are left out.

    Raises :class:`CausalError` for a variable without a column, columns of several lengths, entries that are missing,
    no numbers, or outside the variable's type and range, constant columns, and levels that do not occur.
    """
    columns: dict[str, NDArray[Any]] = {}
    for name in graph.names:
        if name not in table:
            raise CausalError(
                f"The table has no column '{name}'; it has {', '.join(table) or 'none'}. Rename one, or the variable."
            )
        columns[name] = np.asarray(table[name])
        if columns[name].ndim != 1:
            raise CausalError(f"The column '{name}' holds several numbers a row; give it one.")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise CausalError(f"The columns have different numbers of rows ({told}); cut them to the same rows.")
    if not lengths or not next(iter(lengths.values())):
        raise CausalError("There is nothing to learn of: the table has no rows, or the graph no variables.")
    return {name: torch.from_numpy(_numbers(graph.variable(name), column)) for name, column in columns.items()}


def widened(graph: CausalGraph, table: Mapping[str, NDArray[np.float64]]) -> CausalGraph:
    """``graph`` whose ranges of numbers hold the rows of ``table``, which mechanisms may have left and 32 bits have
    rounded."""
    for variable in graph.variables:
        if variable.kind == "number" and variable.low is not None and variable.high is not None:
            low, high = (float(end(table[variable.name])) for end in (np.min, np.max))
            wide = msgspec.structs.replace(variable, low=min(variable.low, low), high=max(variable.high, high))
            graph = graph.changed(variable.name, wide)
    return graph


def _numbers(variable: Variable, column: NDArray[Any]) -> NDArray[np.float64]:
    if column.dtype.kind in "OUS":
        column = _labels_read(variable, column)
    elif column.dtype.kind not in "biuf":
        raise CausalError(f"The column '{variable.name}' holds no numbers; convert it.")
    numbers = column.astype(np.float64)
    _refuse_missing(variable, np.isnan(numbers))
    for value in np.unique(numbers):
        if refusal := variable.refusal(float(value)):
            raise CausalError(f"In row {_first(numbers == value)}, {refusal}")
    if len(numbers) > 1 and (numbers == numbers[0]).all():
        raise CausalError(
            f"'{variable.name}' is {numbers[0]:g} in every row, so nothing can be learned of it; take it out of the "
            "graph, or add rows in which it differs."
        )
    for level in range(variable.levels):
        if not (numbers == level).any():
            label = variable.labels[level] if variable.labels else str(level)
            raise CausalError(
                f"'{variable.name}' is '{label}' in no row, so how likely that is cannot be learned; add such rows, or "
                "take the label away."
            )
    return numbers


def _labels_read(variable: Variable, column: NDArray[Any]) -> NDArray[np.float64]:
    """Text and None as numbers: labels as their indices, what is missing as NaN."""
    places = {label: float(place) for place, label in enumerate(variable.labels)}
    numbers = np.empty(len(column))
    for row, entry in enumerate(column):
        text = entry.decode(errors="replace") if isinstance(entry, bytes) else entry
        if text is None or (isinstance(text, str) and not text.strip()):
            numbers[row] = np.nan
        elif text in places:
            numbers[row] = places[text]
        else:
            try:
                numbers[row] = float(text)
            except (TypeError, ValueError) as error:
                known = f"one of {', '.join(places)}" if places else "a number"
                raise CausalError(
                    f"In row {row + 1}, '{variable.name}' is {str(text)!r}, where {known} belongs; correct it."
                ) from error
    return numbers


def _refuse_missing(variable: Variable, missing: NDArray[np.bool_]) -> None:
    if missing.any():
        raise CausalError(
            f"'{variable.name}' has no value in {int(missing.sum())} of {len(missing)} rows (the first is row "
            f"{_first(missing)}); leave these rows out, or fill them."
        )


def _first(rows: NDArray[np.bool_]) -> int:
    """Counted from 1, as people do."""
    return int(rows.argmax()) + 1
