"""Residuals of the equations of flows: closed forms that solve them, finite differences, and the authors' program."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import pytest
import torch
from torch import Tensor

from explorer.numerics.derivatives import differentiable_product
from explorer.numerics.flow_equations import (
    EXACT_UP_TO,
    PointFunction,
    divergence,
    hamilton_jacobi,
    heat,
    rademacher,
    released_hamilton_jacobi,
    released_wave,
    time_derivatives,
    wave,
)
from explorer.numerics.potential_network import Affine, PotentialNetwork

D, B = 5, 9


@dataclass(frozen=True)
class ClosedForm:
    """A potential and its gradient, by hand."""

    potential: PointFunction
    velocity: PointFunction


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _points(width: int = D, count: int = B) -> tuple[Tensor, Tensor]:
    return _normal(0, count, width), _normal(1, count).abs() + 0.3


def _networks(k: int, width: int, bounded: bool = True, seed: int = 2) -> PotentialNetwork:
    def affine(outputs: int, stream: int) -> Affine:
        return Affine(
            _normal(seed + stream, k, outputs, width) / math.sqrt(width), _normal(seed + 9 + stream, k, outputs)
        )

    return PotentialNetwork(
        affine(width, 0), affine(width, 1), affine(1, 2), (affine(width, 3), affine(width, 4)), bounded
    )


def _one(network: PotentialNetwork, index: int) -> PotentialNetwork:
    def only(layer: Affine) -> Affine:
        return Affine(layer.weight[index], layer.bias[index])

    assert network.time is not None
    early, late = map(only, network.time)
    return PotentialNetwork(only(network.into), only(network.fusion), only(network.out), (early, late), network.bounded)


def _rows(value: float) -> Tensor:
    return torch.full((B,), value, dtype=torch.float64)


@pytest.mark.parametrize("speed", [0.4, 1.0, 1.7])
def test_travelling_waves_solve_the_wave_equation(speed: float) -> None:
    k = _normal(3, D)
    rate = speed * float(k.norm())
    z, time = _points()

    def phase(z: Tensor, time: Tensor) -> Tensor:
        return z @ k - rate * time

    sine = ClosedForm(lambda z, t: phase(z, t).sin(), lambda z, t: phase(z, t).cos()[..., None] * k)
    bump = ClosedForm(
        lambda z, t: torch.exp(-phase(z, t).square()),
        lambda z, t: (-2 * phase(z, t) * torch.exp(-phase(z, t).square()))[..., None] * k,
    )
    for travelling in (sine, bump):
        assert float(wave(travelling, z, time, _rows(speed)).abs().max()) < 1e-8
        assert float(wave(travelling, z, time, _rows(1.3 * speed)).abs().max()) > 0.05


@pytest.mark.parametrize("diffusivity", [0.3, 1.0])
def test_the_heat_kernel_solves_the_heat_equation(diffusivity: float) -> None:
    def kernel(z: Tensor, time: Tensor) -> Tensor:
        spread = 4 * diffusivity * time
        return (math.pi * spread) ** (-D / 2) * torch.exp(-z.square().sum(-1) / spread)

    field = ClosedForm(kernel, lambda z, t: -z * (kernel(z, t) / (2 * diffusivity * t))[..., None])
    z, time = _points()
    assert float(heat(field, z, time, _rows(diffusivity)).abs().max()) < 1e-8
    assert float(heat(field, z, time, _rows(1.5 * diffusivity)).abs().max()) > 1e-3


def _quadratic(matrix: Tensor) -> ClosedForm:
    """½ zᵀ A (1 + t A)⁻¹ z: free Hamilton-Jacobi from the data ½ zᵀ A z."""

    def later(time: Tensor) -> Tensor:
        return torch.linalg.inv(torch.linalg.inv(matrix) + time[..., None, None] * torch.eye(D, dtype=torch.float64))

    def velocity(z: Tensor, time: Tensor) -> Tensor:
        return (later(time) @ z[..., None])[..., 0]

    return ClosedForm(lambda z, t: (z * velocity(z, t)).sum(-1) / 2, velocity)


def _data() -> tuple[ClosedForm, ClosedForm, Tensor]:
    p, root = _normal(4, D), _normal(5, D, D)
    linear = ClosedForm(lambda z, t: z @ p - t * p.square().sum() / 2, lambda z, t: p.expand_as(z))
    matrix = root @ root.T / D + torch.eye(D, dtype=torch.float64)
    return linear, _quadratic(matrix), matrix


def test_linear_and_quadratic_data_solve_the_hamilton_jacobi_equation() -> None:
    z, time = _points()
    linear, quadratic, _ = _data()
    for free in (linear, quadratic):
        assert float(hamilton_jacobi(free, z, time, _rows(0.0)).abs().max()) < 1e-8
        # A force of 0.7 everywhere is a potential that falls by 0.49 more in every unit of time.
        pushed = ClosedForm(lambda z, t, free=free: free.potential(z, t) - 0.49 * t, free.velocity)
        assert float(hamilton_jacobi(pushed, z, time, _rows(0.7)).abs().max()) < 1e-8
        assert float((hamilton_jacobi(pushed, z, time, _rows(0.0)) + 0.49).abs().max()) < 1e-8


def _acceleration(field: ClosedForm | PotentialNetwork, z: Tensor, time: Tensor) -> Tensor:
    """(B, d): dv/dt along the path, ∂v/∂t + (v·∇)v."""
    along = differentiable_product(lambda points: field.velocity(points, time), z, field.velocity(z, time))[1]
    return along + differentiable_product(lambda moment: field.velocity(z, moment), time, torch.ones_like(time))[1]


def test_free_hamilton_jacobi_paths_are_straight() -> None:
    z, time = _points()
    linear, quadratic, matrix = _data()
    for free in (linear, quadratic):
        assert float(_acceleration(free, z, time).abs().max()) < 1e-8
    # The path from z is z + t A z: its velocity never changes.
    moved = z + time[:, None] * (z @ matrix)
    torch.testing.assert_close(quadratic.velocity(moved, time), z @ matrix, rtol=0, atol=1e-8)


@pytest.mark.parametrize("bounded", [True, False])
def test_paths_bend_by_the_gradient_of_what_is_left_of_the_equation(bounded: bool) -> None:
    """z̈ = ∇(u_t + ½ |∇u|²), whatever u is: all curvature is force or residual."""
    field, (z, time) = _one(_networks(2, D, bounded), 1), _points()
    points = z.clone().requires_grad_()
    left = hamilton_jacobi(field, points, time, _rows(0.0))
    gradient = torch.autograd.grad(left.sum(), points)[0]
    assert float(gradient.abs().max()) > 1e-3
    torch.testing.assert_close(_acceleration(field, z, time), gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bounded", [True, False])
def test_derivatives_against_differences(bounded: bool) -> None:
    field, (z, time) = _one(_networks(2, D, bounded), 0), _points()
    step = 1e-4

    def at(by: Tensor | float, later: float) -> Tensor:
        return field.potential(z + by, time + later)

    rate, bend = time_derivatives(field.potential, z, time)
    torch.testing.assert_close(rate, (at(0, step) - at(0, -step)) / (2 * step), rtol=0, atol=1e-7)
    torch.testing.assert_close(bend, (at(0, step) + at(0, -step) - 2 * at(0, 0)) / step**2, rtol=0, atol=1e-6)
    axes = step * torch.eye(D, dtype=torch.float64)
    second = sum((at(axis, 0) + at(-axis, 0) - 2 * at(0, 0) for axis in axes), torch.zeros(B)) / step**2
    torch.testing.assert_close(divergence(field.velocity, z, time), second, rtol=0, atol=1e-6)


def test_the_mean_over_all_probes_is_the_laplacian() -> None:
    field, (z, time) = _one(_networks(2, D), 0), _points()
    probes = torch.tensor(list(product([-1.0, 1.0], repeat=D)), dtype=torch.float64).expand(B, -1, -1)
    exact = divergence(field.velocity, z, time)
    torch.testing.assert_close(divergence(field.velocity, z, time, probes), exact, rtol=0, atol=1e-12)
    assert float((divergence(field.velocity, z, time, probes[:, :1]) - exact).abs().max()) > 1e-3


def test_probes_are_drawn_only_where_the_width_needs_them() -> None:
    source = torch.Generator().manual_seed(0)
    assert rademacher(torch.zeros(3, EXACT_UP_TO), 2, source) is None
    width = EXACT_UP_TO + 1
    probes = rademacher(torch.zeros(2, 3, width), 4000, source)
    assert probes is not None
    assert probes.shape == (2, 3, 4000, width)
    assert bool((probes.abs() == 1).all())
    assert float(probes.mean((0, 1, 2)).abs().max()) < 0.05
    field, (z, time) = _one(_networks(2, width), 0), _points(width)
    estimated = divergence(field.velocity, z, time, rademacher(z, 4000, source))
    exact = divergence(field.velocity, z, time)
    assert float((estimated - exact).norm() / exact.norm()) < 0.05


def test_networks_side_by_side_are_each_their_own() -> None:
    bank = _networks(3, D)
    z, time, speed = _normal(6, 3, 4, D), _normal(7, 3, 4).abs(), _normal(8, 3, 4)
    together = wave(bank, z, time, speed)
    for index in range(3):
        alone = wave(_one(bank, index), z[index], time[index], speed[index])
        torch.testing.assert_close(together[index], alone, rtol=0, atol=1e-12)
        for row in range(4):
            only = slice(row, row + 1)
            own = wave(_one(bank, index), z[index, only], time[index, only], speed[index, only])
            torch.testing.assert_close(own, alone[only], rtol=0, atol=1e-12)


@pytest.mark.parametrize("bounded", [True, False])
def test_the_released_residuals_are_those_of_the_authors_program(bounded: bool) -> None:
    """Written as theirs: one time for all points, double backward passes over sums."""
    field, speed, moment = _one(_networks(2, D, bounded), 0), torch.tensor(0.8, dtype=torch.float64), 3.0
    force = _normal(9, B)
    z = _normal(10, B, D).requires_grad_()
    t = torch.tensor([[moment]], dtype=torch.float64, requires_grad=True)
    u = field.potential(z, t.expand(B, 1)[:, 0])
    u_t = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    u_tt = torch.autograd.grad(u_t.sum(), t, create_graph=True)[0]
    u_z = torch.autograd.grad(u.sum(), z, create_graph=True)[0]
    u_zz = torch.autograd.grad(u_z.sum(), z, create_graph=True)[0]
    theirs = u_tt - (speed**2) * u_zz
    ours = released_wave(field, z, _rows(moment), speed)
    assert theirs.shape == ours.shape == (B, D)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    jacobi = (u_t + 0.5 * torch.mean(u_z**2) + force[:, None] ** 2)[:, 0]
    torch.testing.assert_close(released_hamilton_jacobi(field, z, _rows(moment), force), jacobi, rtol=0, atol=1e-6)
    # Neither is the equation: that knows each point alone, and the trace.
    true = wave(field, z, _rows(moment), speed.expand(B))
    assert float((ours.mean(1) - true).detach().abs().max()) > 0.01


@pytest.mark.parametrize(("networks", "rows"), [((), (7,)), ((), (2, 7)), ((3,), (3, 7)), ((2, 3), (2, 3, 7))])
def test_layers_side_by_side_are_each_their_own_map(networks: tuple[int, ...], rows: tuple[int, ...]) -> None:
    layer, points = Affine(_normal(3, *networks, 4, D), _normal(4, *networks, 4)), _normal(5, *rows, D)
    weight, bias = torch.broadcast_to(layer.weight, (*rows[:-1], 4, D)), torch.broadcast_to(layer.bias, (*rows[:-1], 4))
    expected = torch.einsum("...oi,...bi->...bo", weight, points) + bias[..., None, :]
    torch.testing.assert_close(layer(points), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer.back(expected), torch.einsum("...oi,...bo->...bi", weight, expected))
