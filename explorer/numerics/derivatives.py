"""Derivatives of a function of a batch of points: columns of its Jacobian, products with its transpose, second
differences.

``function`` takes offsets (B, d) and gives rows (B, F), each row from its own offset alone. Forward mode is exact and
is used where it passes; attention kernels and buffers that are edited in place stop it, and there central differences
stand in, which need nothing but values.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

AGREEMENT = 0.3
"""How far, relative, forward mode may be from a difference quotient before it is taken to have lost a dependence.

Both are the same derivative, but a difference crosses kinks of rectifiers, which costs some per cent.
"""


def forward_product(function: Function, offsets: Tensor, tangents: Tensor) -> Tensor:
    """(B, F): the Jacobian at each of ``offsets`` (B, d) times its row of ``tangents`` (B, d), in forward mode."""
    return differentiable_product(function, offsets, tangents)[1].detach()


def differentiable_product(function: Function, offsets: Tensor, tangents: Tensor) -> tuple[Tensor, Tensor]:
    """The values of ``function`` at ``offsets``, and what :func:`forward_product` gives; both can be differentiated by
    ``offsets``, ``tangents`` and whatever ``function`` holds."""
    _forward_mode_loaded()
    found = torch.func.jvp(function, (offsets,), (tangents,))
    return found[0], found[1]


@cache
def _forward_mode_loaded() -> None:
    """When forward mode is first used, torch compiles formulas of its own by a call that it deprecates itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        one = torch.ones(1)
        torch.func.jvp(torch.sin, (one,), (one,))


def central_product(function: Function, offsets: Tensor, tangents: Tensor, step: float) -> Tensor:
    """As :func:`forward_product`, by central differences: the error falls with step²."""
    with torch.no_grad():
        return differentiable_quotient(function, offsets, tangents, step)


def differentiable_quotient(function: Function, offsets: Tensor, tangents: Tensor, step: float) -> Tensor:
    """(f(x + step t) - f(x - step t)) / (2 step), which can be differentiated by all that it is made of."""
    return (function(offsets + step * tangents) - function(offsets - step * tangents)) / (2 * step)


def transposed_product(function: Function, offsets: Tensor, cotangents: Callable[[Tensor], Tensor]) -> Tensor:
    """(B, d): the transposed Jacobian at each of ``offsets`` (B, d) times a row of (B, F), in reverse mode.

    ``cotangents`` makes the rows from the values, whose shape is not known before.
    """
    with torch.enable_grad():
        points = offsets.detach().requires_grad_()
        values = function(points)
        found: Tensor = torch.autograd.grad(values, points, cotangents(values.detach()))[0]
    return found


def forward_mode_passes(function: Function, offsets: Tensor, tangents: Tensor, step: float) -> bool:
    """Whether forward mode runs through ``function`` here and agrees with a central difference of ``step``."""
    try:
        exact = forward_product(function, offsets, tangents)
    except (RuntimeError, NotImplementedError):  # torch names a missing derivative by either
        return False
    quotient = central_product(function, offsets, tangents, step)
    return bool((exact - quotient).norm() <= AGREEMENT * quotient.norm() + 1e-6)


def jacobian_columns(
    function: Function, offset: Tensor, tangents: Tensor, batch: int, step: float | None = None
) -> Tensor:
    """(m, F): the Jacobian at one ``offset`` (d,) along each of ``tangents`` (m, d), ``batch`` of them at a time.

    ``step``: of the central differences; None: forward mode.
    """
    found = []
    for some in torch.split(tangents, batch):
        here = offset.repeat(len(some), 1)
        if step is None:
            found.append(forward_product(function, here, some))
        else:
            found.append(central_product(function, here, some, step))
    return torch.cat(found)


def second_differences(
    function: Function, offset: Tensor, directions: Tensor, batch: int, step: float
) -> tuple[Tensor, Tensor]:
    """The Jacobian (m, F) and the Hessian (m, m, F) of ``function`` at ``offset`` (d,) within ``directions`` (m, d).

    Central differences, all of second order in ``step``: H_ij = [f(i+j) + f(-i-j) - f(i) - f(-i) - f(j) - f(-j) + 2 f]
    / (2 step²), where i stands for a step along direction i. Takes 1 + m + m² values of ``function``.
    """
    count = len(directions)
    first, second = torch.triu_indices(count, count, 1).unbind()
    moves = torch.cat([directions, directions[first] + directions[second]]) * step
    moves = torch.cat([torch.zeros_like(directions[:1]), moves, -moves])
    with torch.no_grad():
        values = torch.cat([function(offset + some) for some in torch.split(moves, batch)])
    centre, plus, minus = values[:1], values[1 : len(values) // 2 + 1], values[len(values) // 2 + 1 :]
    jacobian = (plus[:count] - minus[:count]) / (2 * step)
    both = plus + minus - 2 * centre  # along i: step² H_ii; along i + j: step² (H_ii + H_jj + 2 H_ij)
    hessian = torch.empty(count, count, values.shape[1], dtype=values.dtype, device=values.device)
    diagonal = torch.arange(count)
    hessian[diagonal, diagonal] = both[:count] / step**2
    mixed = (both[count:] - both[first] - both[second]) / (2 * step**2)
    hessian[first, second] = mixed
    hessian[second, first] = mixed
    return jacobian, hessian


def off_diagonal_squares(matrices: Tensor) -> Tensor:
    """(...,): the sum of the squared entries of ``matrices`` (..., m, m) off their diagonals."""
    off = ~torch.eye(matrices.shape[-1], dtype=torch.bool, device=matrices.device)
    total: Tensor = (matrices.square() * off).sum((-2, -1))
    return total
