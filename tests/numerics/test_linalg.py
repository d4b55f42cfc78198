"""Principal components, frames and angles, against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.numerics import linalg
from explorer.numerics.linalg import (
    components_of,
    fix_signs,
    gram_schmidt,
    merge,
    moments,
    principal_angles,
    principal_components,
    random_orthonormal,
)


def _rows(count: int, width: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    scales = np.geomspace(3, 0.1, width)
    turn = scipy.stats.ortho_group.rvs(width, random_state=rng) if width > 1 else np.eye(1)
    return torch.from_numpy(rng.normal(size=(count, width)) * scales @ turn + rng.normal(size=width))


@pytest.mark.parametrize(("count", "width"), [(200, 12), (12, 40), (13, 13)])
def test_components_agree_with_a_singular_value_decomposition(count: int, width: int) -> None:
    rows = _rows(count, width)
    found = principal_components(rows, 6)
    centred = rows.numpy() - rows.numpy().mean(0)
    _, singular, right = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.variances, singular[:6] ** 2 / (count - 1), rtol=1e-10)
    np.testing.assert_allclose(np.abs((found.components.numpy() * right[:6]).sum(1)), 1, atol=1e-10)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(6), atol=1e-10)
    assert found.total_variance == pytest.approx((singular**2).sum() / (count - 1))
    np.testing.assert_allclose(found.explained, singular[:6] ** 2 / (singular**2).sum(), rtol=1e-10)


def test_components_of_large_rows_are_those_of_the_whole_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _rows(260, 240, 3).float()
    exact = principal_components(rows, 6)
    monkeypatch.setattr(linalg, "LARGEST_EIGENPROBLEM", 100)
    monkeypatch.setattr(linalg, "ROWS_AT_ONCE", 70)
    found = principal_components(rows, 6)
    assert found.components.equal(principal_components(rows, 6).components)
    assert not found.components.equal(exact.components)  # it went the other way
    np.testing.assert_allclose(found.variances, exact.variances, rtol=1e-6)
    np.testing.assert_allclose((found.components * exact.components).sum(1), 1, atol=1e-4)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(6), atol=1e-10)
    assert found.total_variance == pytest.approx(exact.total_variance)


def test_projections_on_a_component_have_its_standard_deviation() -> None:
    rows = _rows(500, 8)
    found = principal_components(rows, 8)
    projected = (rows - found.mean) @ found.components.T
    torch.testing.assert_close(projected.var(0), found.variances)


def test_moments_in_chunks_are_the_moments_of_all() -> None:
    rows = _rows(97, 5) + 1e4  # a mean far from 0, where the textbook formula cancels
    seen = moments(rows[:1])
    for start, end in ((1, 30), (30, 31), (31, 97)):
        seen = merge(seen, moments(rows[start:end]))
    assert seen.count == 97
    np.testing.assert_allclose(seen.mean, rows.numpy().mean(0), rtol=1e-14)
    np.testing.assert_allclose(seen.covariance, np.cov(rows.numpy(), rowvar=False), rtol=1e-9)
    np.testing.assert_allclose(components_of(seen, 5).variances, principal_components(rows, 5).variances, rtol=1e-9)


def test_rows_without_variance_have_components_but_explain_nothing() -> None:
    found = principal_components(torch.ones(10, 4), 2)
    assert found.explained.tolist() == [0, 0]


def test_signs_are_fixed_by_the_largest_entry() -> None:
    rows = torch.tensor([[0.1, -3.0, 2.0], [0.5, 0.2, -0.1]])
    assert torch.equal(fix_signs(rows), torch.tensor([[-0.1, 3.0, -2.0], [0.5, 0.2, -0.1]]))
    assert torch.equal(fix_signs(-rows), fix_signs(rows))


def test_a_random_frame_is_orthonormal_and_repeats() -> None:
    frame = random_orthonormal(5, 32, seed=3)
    torch.testing.assert_close(frame @ frame.T, torch.eye(5, dtype=torch.float64), atol=1e-14, rtol=0)
    assert torch.equal(frame, random_orthonormal(5, 32, seed=3))
    assert not torch.equal(frame, random_orthonormal(5, 32, seed=4))


def test_random_frames_are_uniform_over_the_sphere() -> None:
    # The first coordinate of a uniform unit vector in R³ is uniform on [-1, 1] (Archimedes), in every row.
    rows = torch.stack([random_orthonormal(3, 3, seed) for seed in range(600)])
    for row in range(3):
        assert scipy.stats.kstest(rows[:, row, 0].numpy(), "uniform", args=(-1, 2)).pvalue > 1e-3


@settings(max_examples=40, deadline=None)
@given(k=st.integers(1, 8), more=st.integers(0, 6), seed=st.integers(0, 2**31))
def test_gram_schmidt_is_the_textbook_recursion(k: int, more: int, seed: int) -> None:
    columns = np.random.default_rng(seed).normal(size=(k + more, k)) * 5
    expected: list[np.ndarray] = []
    for column in columns.T:
        rest = column - sum((column @ unit) * unit for unit in expected)
        expected.append(rest / np.linalg.norm(rest))
    frame = gram_schmidt(torch.from_numpy(columns)).numpy()
    condition = np.linalg.cond(columns)
    np.testing.assert_allclose(frame, np.stack(expected, axis=1), atol=1e-13 * condition**2)


def test_principal_angles_agree_with_scipy_and_are_exact_when_small() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 9)), rng.normal(size=(4, 9))
    expected = np.sort(scipy.linalg.subspace_angles(a.T, b.T))
    np.testing.assert_allclose(principal_angles(torch.from_numpy(a), torch.from_numpy(b)), expected, atol=1e-12)
    tilt = 1e-9
    first = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    second = torch.tensor([[np.cos(tilt), np.sin(tilt), 0.0]], dtype=torch.float64)
    assert principal_angles(first, second).item() == pytest.approx(tilt, rel=1e-6)
    assert principal_angles(first, torch.tensor([[0.0, 0.0, 2.0]])).item() == pytest.approx(np.pi / 2)
