"""Disentanglement, completeness, informativeness: known codes, the published figures, and the formulas on matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from known_codes import data_of, noise, perfect, rotated, standard
from scipy.stats import entropy

from explorer.metrics.dci import MEASURE, Dci, selectivity, shares

QUICK = Dci(train=300, test=150, trees=30)


def values(data, measure: Dci = QUICK) -> list[float | None]:  # type: ignore[no-untyped-def]
    return [outcome.value for outcome in measure(data, 0).values()]


def test_published_figures_for_noise_and_for_a_perfect_code() -> None:
    """.007 (with 2,000 pictures; fewer give a little more) and 1.0 for factors of 4, 3 and 5 levels and 10 latents."""
    disentanglement, completeness, informativeness = values(noise((4, 3, 5)), Dci(train=600, test=500))
    assert disentanglement == pytest.approx(0.007, abs=0.012)
    assert completeness == pytest.approx(0.007, abs=0.012)
    assert informativeness == pytest.approx(np.mean([1 / 4, 1 / 3, 1 / 5]), abs=0.05)
    assert values(perfect((4, 3, 5), n=900), Dci(train=300, test=150)) == pytest.approx([1.0, 1.0, 1.0], abs=0.005)


def test_a_duplicated_latent_costs_completeness_and_a_rotated_pair_costs_both() -> None:
    data = perfect((3, 4), n=900, latents=2)
    source = np.random.default_rng(0)
    # A copy with its own noise: trees that may choose either take both.
    twice = np.hstack([data.codes, data.codes]) + 0.25 * source.standard_normal((900, 4))
    disentangled, complete, _ = values(data_of(twice, data.labels))
    assert disentangled > 0.8  # type: ignore[operator]
    assert complete < 0.75  # type: ignore[operator]
    disentangled, complete, informative = values(rotated(replace(data, codes=standard(data.codes)), 0, 1))  # type: ignore[arg-type]
    assert disentangled < 0.5  # type: ignore[operator]
    assert complete < 0.5  # type: ignore[operator]
    assert informative > 0.95  # type: ignore[operator]


def test_dead_latents_count_for_nothing() -> None:
    for dead in (0.0, 1e-9):
        assert values(perfect((3, 4), n=900, latents=5, dead=dead)) == pytest.approx([1.0, 1.0, 1.0], abs=0.01)


def test_formulas_on_a_matrix_by_scipy() -> None:
    importance = np.array([[0.7, 0.1, 0.0], [0.2, 0.1, 0.0], [0.1, 0.8, 0.0], [0.0, 0.0, 0.0]])
    rows = [1 - entropy(row + 1e-11, base=3) for row in importance]
    np.testing.assert_allclose(selectivity(importance), rows, atol=1e-12)
    np.testing.assert_allclose(shares(importance), importance.sum(axis=1) / 2)
    columns = [1 - entropy(column + 1e-11, base=4) for column in importance.T]
    np.testing.assert_allclose(selectivity(importance.T), columns, atol=1e-12)
    np.testing.assert_allclose(shares(np.zeros((4, 2))), 0.25)


def test_parts_counts_and_what_is_not_defined() -> None:
    data = perfect((3, 4), n=900, latents=3)
    found = QUICK(data, 0)
    assert list(found["dci_disentanglement"].parts) == ["z0", "z1", "z2"]
    assert list(found["dci_completeness"].parts) == ["f0", "f1"]
    assert "300 pictures train, 150 others test" in QUICK.estimator(data)
    assert "600 pictures train, 300 others test" in MEASURE.estimator(data)
    assert "1000 pictures train, 500 others test" in MEASURE.estimator(noise())
    one_latent = QUICK(data.only([0]), 0)
    assert one_latent["dci_completeness"].value is None
    assert one_latent["dci_completeness"].parts == {"f0": None, "f1": None}
    assert one_latent["dci_disentanglement"].value is not None
    one_factor = QUICK(replace(data, labels=data.labels * [1, 0]), 0)
    assert one_factor["dci_disentanglement"].value is None
    assert "without f1" in one_factor["dci_disentanglement"].note


def test_latents_in_another_order_and_mirrored_change_little() -> None:
    data = perfect((3, 4), n=900, latents=3, noise=0.4, dead=1.0)
    other = data_of(-data.codes[:, [2, 0, 1]], (data.labels + 1) % [3, 4])
    assert values(other) == pytest.approx(values(data), abs=0.02)


@settings(max_examples=50, deadline=None)
@given(importance=arrays(float, (4, 3), elements=st.floats(0, 1)), seed=st.integers(0, 100))
def test_laws_of_the_formulas(importance: np.ndarray, seed: int) -> None:
    """0..1; the order of latents and of factors does not matter."""
    source = np.random.default_rng(seed)
    rows, columns = source.permutation(4), source.permutation(3)
    other = importance[rows][:, columns]
    for table, turned in ((importance, other), (importance.T, other.T)):
        value = selectivity(table) @ shares(table)
        assert -1e-9 <= value <= 1 + 1e-9
        assert selectivity(turned) @ shares(turned) == pytest.approx(value)
