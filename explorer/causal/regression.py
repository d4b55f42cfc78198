"""Regression on products of a cause and what goes with it, whose means over rows are what adjustment formulas ask for.

The columns are those of the cause (1, x, x², x³ of a number; cosines and sines of a cyclic one; a level each) times
those of the others (1, each, squares, products). With fewer than :data:`ROWS_EACH` rows a column the plainer ones are
taken. Least squares, weighted, so that a bootstrap is the same computation with other weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.causal.encoding import Encoding
from explorer.scene.causal_graph import Variable

Floats = NDArray[np.float64]

ROWS_EACH = 15
RIDGE = 1e-9
"""Of the mean diagonal of the normal equations: columns that are the same column share their slope."""
RICHNESS = ((3, True), (2, True), (2, False), (1, False))
"""(Degree in the cause, whether the others have squares and products), the first for which there are rows."""


@dataclass(frozen=True)
class Design:
    """How a cause and the others become columns; ``degree`` and ``curved`` as in :data:`RICHNESS`."""

    cause: Variable
    others: tuple[Variable, ...]
    cause_encoding: Encoding
    others_encoding: Encoding
    degree: int
    curved: bool

    @classmethod
    def of(cls, cause: Variable, x: Floats, others: Sequence[Variable], z: Floats) -> Design:
        """The richest for these rows ``x`` (n,) of the cause and ``z`` (n, Z) of the others."""
        encodings = (
            Encoding.standardised([cause], torch.from_numpy(x[:, None])),
            Encoding.standardised(others, torch.from_numpy(z)),
        )
        designs = [cls(cause, tuple(others), *encodings, degree, curved) for degree, curved in RICHNESS]
        return next((one for one in designs if one.width(x[:1], z[:1]) * ROWS_EACH <= len(x)), designs[-1])

    def width(self, x: Floats, z: Floats) -> int:
        """How many columns there are."""
        return int(self.columns(x, z).shape[1])

    def columns(self, x: Floats, z: Floats) -> Floats:
        """(n, p) the products for the cause ``x`` (n,) and the others ``z`` (n, Z)."""
        return paired(self.of_cause(x), self.of_others(z))

    def of_cause(self, x: Floats) -> Floats:
        """(n, a) the columns of the cause."""
        encoded = self.cause_encoding(torch.from_numpy(np.ascontiguousarray(x))[:, None]).numpy()
        if self.cause.kind == "category":
            return encoded
        if self.cause.kind == "cyclic":
            turn = encoded[:, 0] + 1j * encoded[:, 1]
            powers = [turn**degree for degree in range(1, self.degree + 1)]
            return np.column_stack([np.ones(len(x)), *(part for power in powers for part in (power.real, power.imag))])
        degree = 1 if self.cause.levels else self.degree
        return np.column_stack([encoded[:, 0] ** power for power in range(degree + 1)])

    def of_others(self, z: Floats) -> Floats:
        """(n, b) the columns of the others."""
        if not self.others:
            return np.ones((len(z), 1))
        numbers: list[Floats] = []
        parts: list[Floats] = [np.ones((len(z), 1))]
        for place, variable in enumerate(self.others):
            column: Floats = self.others_encoding.columns[place](
                torch.from_numpy(np.ascontiguousarray(z[:, place]))
            ).numpy()
            parts.append(column[:, 1:] if variable.kind == "category" else column)  # one level is the others' absence
            numbers += [column] if variable.kind == "number" else []
        plain = np.column_stack(parts[1:])
        if self.curved:
            parts += [number**2 for number in numbers]
            parts += [plain[:, [a]] * plain[:, [b]] for a, b in combinations(range(plain.shape[1]), 2)]
        return np.column_stack(parts)


def paired(first: Floats, last: Floats) -> Floats:
    """(n, a · b) every column of ``first`` (n, a) times every one of ``last`` (n, b)."""
    products: Floats = (first[:, :, None] * last[:, None, :]).reshape(len(first), -1)
    return products


def slopes(columns: Floats, targets: Floats, weights: Floats) -> Floats:
    """(p, k) least squares of ``targets`` (n, k) on ``columns`` (n, p), rows counted ``weights`` (n,) times."""
    weighted = columns * weights[:, None]
    normal = weighted.T @ columns
    normal[np.diag_indices_from(normal)] += RIDGE * max(np.trace(normal) / len(normal), 1e-300)
    return np.asarray(np.linalg.solve(normal, weighted.T @ targets), dtype=np.float64)
