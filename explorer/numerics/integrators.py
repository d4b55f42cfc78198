"""Steps of fixed length along dz/ds = f(z, s): explicit Runge-Kutta methods of the orders 1, 2 and 4.

Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, 1993, section II.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from torch import Tensor

Integrator = Literal["euler", "heun", "rk4"]
ORDERS: dict[Integrator, int] = {"euler": 1, "heun": 2, "rk4": 4}
"""Halving the step divides the error of a path by 2 to this power."""

Length: TypeAlias = "float | Tensor"
Velocity = Callable[[Tensor, Length], Tensor]
"""(z, s) → dz/ds, in the shape of z."""


def step(method: Integrator, velocity: Velocity, z: Tensor, s: Length, length: Length) -> Tensor:
    """The point that one step of ``length`` leads to from ``z`` at ``s``."""
    first = velocity(z, s)
    if method == "euler":
        return z + length * first
    if method == "heun":
        return z + length / 2 * (first + velocity(z + length * first, s + length))
    second = velocity(z + length / 2 * first, s + length / 2)
    third = velocity(z + length / 2 * second, s + length / 2)
    fourth = velocity(z + length * third, s + length)
    return z + length / 6 * (first + 2 * second + 2 * third + fourth)


def integrate(method: Integrator, velocity: Velocity, z: Tensor, start: float, end: float, steps: int) -> Tensor:
    """The point that ``steps`` equal steps lead to from ``z`` at ``start`` until ``end``."""
    length = (end - start) / steps
    for number in range(steps):
        z = step(method, velocity, z, start + number * length, length)
    return z
