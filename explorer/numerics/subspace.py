"""Leading singular directions of a Jacobian that is never written down: subspace iteration by products with it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.numerics.derivatives import Function, central_product, transposed_product


def singular_directions(
    function: Function,
    start: Tensor,
    iterations: int,
    step: float,
    part: Tensor | None = None,
    without: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The leading singular values (k,), falling, and right singular vectors (k, d), as rows, of the Jacobian of
    ``function`` at 0, from the rows ``start`` (k, d), by as many ``iterations``.

    Each is one batch of central differences of ``step`` and one product with the transpose (Halko, Martinsson and Tropp
    2011, algorithm 4.4; Park et al., NeurIPS 2023, algorithm 1), and takes three calls of ``function`` with k rows.
    ``part`` (F,): of the outputs, those where it is not 0, each so many times as large. ``without`` (m, d) orthonormal
    rows: the vectors are sought among those orthogonal to them (Chen et al., LOCO-Edit, NeurIPS 2024).
    """

    def weighed(outputs: Tensor) -> Tensor:
        return outputs if part is None else outputs * part

    def allowed(rows: Tensor) -> Tensor:
        return rows if without is None else rows - (rows @ without.T) @ without

    rows, origin = _orthonormal(allowed(start)), torch.zeros_like(start)
    for _ in range(iterations):
        left = weighed(weighed(central_product(function, origin, rows, step)))
        rows = _orthonormal(allowed(transposed_product(function, origin, _always(left))))
    _, values, turn = torch.linalg.svd(weighed(central_product(function, origin, rows, step)).T, full_matrices=False)
    return values, turn @ rows


def _always(rows: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda values: rows


def _orthonormal(rows: Tensor) -> Tensor:
    found: Tensor = torch.linalg.qr(rows.T).Q.T.contiguous()
    return found
