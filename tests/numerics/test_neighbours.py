"""Precision and recall against hand-made cases and scikit-learn's neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from explorer.numerics.neighbours import precision_recall, radii, share_inside


def normal(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def by_sklearn(samples: np.ndarray, data: np.ndarray, k: int) -> float:
    """The share of samples in the balls around data, from another library's search."""
    own = NearestNeighbors(n_neighbors=k + 1).fit(data).kneighbors(data)[0][:, -1]
    inside = [(np.linalg.norm(data - one, axis=1) <= own).any() for one in samples]
    return float(np.mean(inside))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_agrees_with_a_second_computation(k: int) -> None:
    samples, data = normal(700, 5, 0) * 1.3 + 0.4, normal(600, 5, 1)
    found = precision_recall(samples, data, k)
    assert found.precision == pytest.approx(by_sklearn(samples.numpy(), data.numpy(), k), abs=1e-9)
    assert found.recall == pytest.approx(by_sklearn(data.numpy(), samples.numpy(), k), abs=1e-9)


def test_radii_of_points_on_a_line() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    assert radii(line, 1).tolist() == [1.0, 1.0, 2.0, 4.0]
    assert radii(line, 2).tolist() == [3.0, 2.0, 3.0, 6.0]
    assert share_inside(torch.tensor([[0.5], [4.9], [12.0]]), line, radii(line, 1)) == pytest.approx(2 / 3)


def test_a_copy_is_perfect_and_a_stranger_is_nothing() -> None:
    data = normal(200, 4, 0)
    assert precision_recall(data, data) == (1.0, 1.0)
    assert precision_recall(data + 100.0, data) == (0.0, 0.0)


def test_samples_of_one_of_two_clusters_are_precise_and_recall_half() -> None:
    near, far = normal(300, 3, 0), normal(300, 3, 1) + 50.0
    found = precision_recall(normal(600, 3, 2), torch.cat([near, far]))
    assert found.precision > 0.9
    assert found.recall == pytest.approx(0.5, abs=0.03)


def test_samples_that_stray_lose_precision_alone() -> None:
    data = normal(500, 2, 0)
    found = precision_recall(torch.cat([normal(250, 2, 1), normal(250, 2, 2) + 40.0]), data)
    assert found.precision == pytest.approx(0.5, abs=0.03)
    assert found.recall > 0.9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.floats(0.1, 10))
def test_scale_and_turning_do_not_matter_and_exchanging_exchanges(seed: int, k: int, scale: float) -> None:
    samples, data = normal(60, 3, seed).double() * 1.2, normal(50, 3, seed + 5000).double()
    turn = torch.linalg.qr(normal(3, 3, seed + 1).double()).Q * scale
    found = precision_recall(samples, data, k)
    assert precision_recall(samples @ turn, data @ turn, k) == pytest.approx(found, abs=1e-9)
    assert precision_recall(data, samples, k) == (found.recall, found.precision)


@pytest.mark.parametrize("k", [0, 5, 6])
def test_a_neighbour_that_there_is_not_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="neighbour"):
        radii(torch.zeros(5, 2), k)
