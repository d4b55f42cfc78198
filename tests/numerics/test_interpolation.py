"""Interpolation between latents, against closed forms and a second computation in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from explorer.numerics.interpolation import lerp, slerp, smooth
from explorer.scene.curves import catmull_rom_weights

SHAPES = st.sampled_from([(1,), (2,), (5,), (3, 4), (2, 3, 3)])


def _normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(SHAPES, st.integers(0, 2**16), st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_the_ends_come_back_bit_for_bit(shape: tuple[int, ...], seed: int, batch: int) -> None:
    start, end = _normal(seed, batch, *shape), _normal(seed + 1, batch, *shape)
    start[0] = -0.0
    for between in (lerp, slerp):
        for t, expected in ((0.0, start), (1.0, end)):
            assert torch.equal(between(start, end, t).view(torch.int32), expected.view(torch.int32))


@given(SHAPES, st.integers(0, 2**16), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_a_batch_equals_its_rows(shape: tuple[int, ...], seed: int, t: float) -> None:
    start, end = _normal(seed, 3, *shape), _normal(seed + 1, 3, *shape)
    times = torch.tensor([t, 1 - t, 0.5])
    for between in (lerp, slerp):
        batch = between(start, end, times)
        for row in range(3):
            one = between(start[row : row + 1], end[row : row + 1], times[row : row + 1])
            torch.testing.assert_close(one[0], batch[row], rtol=1e-6, atol=1e-7)


def test_slerp_agrees_with_unit_quaternions_of_scipy() -> None:
    # Rotations by less than 180° between them: there quaternion slerp takes the same arc as a plain slerp.
    start = np.array([1.0, 0.2, -0.3, 0.5])
    end = np.array([0.4, 0.9, 0.1, -0.2])
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    assert start @ end > 0
    times = np.linspace(0, 1, 9)
    expected = Slerp([0, 1], Rotation.from_quat([start, end]))(times).as_quat()
    expected *= np.sign(expected @ start)[:, None]
    ours = slerp(torch.tensor(start).expand(9, 4), torch.tensor(end).expand(9, 4), torch.tensor(times))
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)


@given(SHAPES.filter(lambda shape: math.prod(shape) > 1), st.integers(0, 2**16), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_slerp_turns_at_constant_speed_and_lerps_the_norm(shape: tuple[int, ...], seed: int, t: float) -> None:
    start, end = _normal(seed, 1, *shape).double(), 3 * _normal(seed + 1, 1, *shape).double()
    point = slerp(start, end, t).flatten()
    a, b = start.flatten(), end.flatten()
    assert math.isclose(point.norm(), (1 - t) * a.norm() + t * b.norm(), rel_tol=1e-9)
    whole = torch.acos(torch.clamp(a @ b / a.norm() / b.norm(), -1, 1))
    part = torch.acos(torch.clamp(a @ point / a.norm() / point.norm(), -1, 1))
    assert math.isclose(part, t * whole, abs_tol=1e-6)


def test_slerp_is_safe_where_no_great_circle_is_defined() -> None:
    a = torch.tensor([[1.0, 2.0, -2.0]])
    torch.testing.assert_close(slerp(a, 2 * a, 0.25), 1.25 * a)  # parallel
    middle = slerp(a, -a, 0.5)  # opposite: half a turn, at the same norm
    assert middle.norm().item() == pytest.approx(3.0)
    assert (middle @ a.T).abs().item() < 1e-5
    assert torch.equal(middle, slerp(a, -a, 0.5))
    zero = torch.zeros_like(a)
    torch.testing.assert_close(slerp(zero, a, 0.25), 0.25 * a)
    torch.testing.assert_close(slerp(a, zero, 0.25), 0.75 * a)
    assert torch.equal(slerp(zero, zero, 0.5), zero)
    one = torch.tensor([[2.0]])  # on a line there is no arc: through 0
    assert slerp(one, -one, 0.5).abs().item() < 1e-6


def test_slerp_next_to_opposite_points_still_arrives() -> None:
    a = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([[-1.0, 1e-6, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(slerp(a, b, 1 - 1e-9), b, atol=1e-8, rtol=0)


def test_smooth_keeps_the_norm_log_linearly() -> None:
    points = torch.stack([_normal(1, 2, 6), 4 * _normal(2, 2, 6), _normal(3, 2, 6)]).double()
    weights = torch.tensor([0.5, 0.7, -0.2], dtype=torch.float64)
    mixed = smooth(points, weights)
    plain = sum(weight * point for weight, point in zip(weights, points, strict=True))
    norms = torch.exp(sum(weight * point.norm(dim=1).log() for weight, point in zip(weights, points, strict=True)))
    torch.testing.assert_close(mixed, plain / plain.norm(dim=1, keepdim=True) * norms[:, None])


@given(st.integers(0, 2), st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_smooth_with_one_weight_is_that_point(index: int, seed: int) -> None:
    points = _normal(seed, 3, 2, 4)
    weights = torch.zeros(3)
    weights[index] = 1
    assert torch.equal(smooth(points, weights), points[index])


def test_smooth_leaves_undefined_norms_alone() -> None:
    a = torch.tensor([[1.0, 1.0]])
    half = torch.tensor([0.5, 0.5])
    assert torch.equal(smooth(torch.stack([a, -a]), half), torch.zeros_like(a))
    torch.testing.assert_close(smooth(torch.stack([a, 0 * a]), half), 0.5 * a)


def test_a_path_of_catmull_rom_mixtures_stays_in_the_shell() -> None:
    points = _normal(4, 5, 1, 512)
    norms = []
    for frame in range(41):
        indices, weights = catmull_rom_weights([0, 1, 2, 3, 4], frame / 10)
        norms.append(float(smooth(points[list(indices)], weights).norm()))
    assert min(norms) > 0.9 * math.sqrt(512)
    assert max(norms) < 1.1 * math.sqrt(512)


def test_interpolation_is_differentiable() -> None:
    start, end = _normal(1, 2, 4).requires_grad_(), _normal(2, 2, 4).requires_grad_()
    (lerp(start, end, 0.3).sum() + slerp(start, end, 0.3).sum()).backward()
    assert start.grad is not None
    assert bool(start.grad.isfinite().all())
