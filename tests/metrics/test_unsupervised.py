"""Dependence of latents: closed forms of Gaussians, second computations by scipy, its own null, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_codes import data_of, labels_of, noise, perfect, rotated
from scipy.linalg import sqrtm
from sklearn.metrics import mutual_info_score

from explorer.metrics.base import Codes, scored
from explorer.metrics.unsupervised import MEASURE, total_correlation, wasserstein_correlation


def values(data: Codes) -> dict[str, float | None]:
    return {name: outcome.value for name, outcome in MEASURE(data, 0).items()}


def correlated(n: int, correlation: float, scale: float = 1.0) -> Codes:
    pair = np.random.default_rng(0).standard_normal((n, 2))
    pair[:, 1] = correlation * pair[:, 0] + np.sqrt(1 - correlation**2) * pair[:, 1]
    return data_of(pair * [1.0, scale], labels_of((2, 2), n))


@pytest.mark.parametrize("r", [0.0, 0.5, -0.9])
def test_closed_forms_of_two_gaussians(r: float) -> None:
    """Total correlation −log(1 − r²)/2; Wasserstein correlation 4 − 2(√(1 + r) + √(1 − r)) at unit variances."""
    covariance = np.array([[1.0, r], [r, 1.0]])
    assert total_correlation(covariance) == pytest.approx(-0.5 * np.log(1 - r**2), abs=1e-12)
    assert total_correlation(covariance * [[9, 6], [6, 4]]) == pytest.approx(-0.5 * np.log(1 - r**2), abs=1e-12)
    distance = 4 - 2 * (np.sqrt(1 + r) + np.sqrt(1 - r))
    assert wasserstein_correlation(covariance) == pytest.approx(distance, abs=1e-12)
    found = values(correlated(20_000, r))
    assert found["total_correlation_mean"] == pytest.approx(-0.5 * np.log(1 - r**2), abs=0.02)
    assert found["wasserstein_correlation_normalised"] == pytest.approx(distance / 2, abs=0.01)
    # Of Gaussians the mutual information is the total correlation; 20 bins lose a little of it.
    assert found["mutual_information_latents"] == pytest.approx(-0.5 * np.log(1 - r**2), abs=0.06)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), size=st.integers(2, 6))
def test_wasserstein_and_total_correlation_by_matrix_functions(seed: int, size: int) -> None:
    factor = np.random.default_rng(seed).standard_normal((size, size + 2))
    covariance = factor @ factor.T
    root = sqrtm(covariance * np.diag(covariance)[:, None]).real
    assert wasserstein_correlation(covariance) == pytest.approx(2 * np.trace(covariance) - 2 * np.trace(root), abs=1e-8)
    expected = 0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1])
    assert total_correlation(covariance) == pytest.approx(expected)


def test_information_written_out() -> None:
    data = rotated(perfect((3, 8, 8), n=900, latents=3), 1, 2, 30)
    pairs = []
    for i in range(3):
        for j in range(3):
            if i != j:
                first, second = (np.digitize(c, np.histogram(c, 20)[1][:-1]) for c in data.codes[:, [i, j]].T)
                pairs.append(mutual_info_score(first, second))
    assert values(data)["mutual_information_latents"] == pytest.approx(np.mean(pairs))


def test_a_duplicated_latent_is_infinitely_dependent_which_is_said() -> None:
    data = noise(n=1000, latents=3)
    found = MEASURE(data_of(np.hstack([data.codes, data.codes[:, :1]]), data.labels), 0)
    assert found["total_correlation_mean"].value is None
    assert "infinite" in found["total_correlation_mean"].note
    assert found["wasserstein_correlation"].value == pytest.approx(4 - 2 * np.sqrt(2), abs=0.3)


def test_constant_latents_are_left_out_and_named() -> None:
    data = perfect((3, 4), n=1000, latents=4, dead=0.0)
    found, alone = MEASURE(data, 0), MEASURE(data.only([0, 1]), 0)
    for name, outcome in found.items():
        assert outcome.value == alone[name].value
        assert "without z2, z3: constant" in outcome.note
    single = MEASURE(data.only([0, 2]), 0)
    assert {outcome.value for outcome in single.values()} == {None}


def test_means_and_draws_differ_as_passive_latents_do() -> None:
    """Two passive latents: correlated traces in the mean, unit noise in the draws."""
    data = correlated(3000, 0.99)
    means = 0.01 * data.codes
    draws = means + np.random.default_rng(4).standard_normal(means.shape)
    found = values(replace(data, codes=means, sampled=draws))
    assert found["total_correlation_mean"] == pytest.approx(1.96, abs=0.1)
    assert found["total_correlation_sampled"] < 0.005  # type: ignore[operator]
    assert "no posterior" in MEASURE(data, 0)["total_correlation_sampled"].note


def test_the_null_permutes_every_latent_on_its_own() -> None:
    data = correlated(2000, 0.9)
    found = scored(MEASURE, replace(data, sampled=data.codes + 0.1), permutations=5)
    for name in ("total_correlation_mean", "total_correlation_sampled", "wasserstein_correlation"):
        assert found[name].value > 0.1  # type: ignore[operator]
        assert found[name].null < 0.01  # type: ignore[operator]
        assert found[name].better == "lower"
    shuffled = MEASURE.shuffled(replace(data, sampled=data.codes + 0.1), np.random.default_rng(0))
    np.testing.assert_allclose(np.sort(shuffled.codes, axis=0), np.sort(data.codes, axis=0))
    np.testing.assert_allclose(shuffled.sampled, shuffled.codes + 0.1)
    assert "permuted on its own" in MEASURE.estimator(data)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(3)), signs=st.lists(st.sampled_from([-1, 1]), min_size=3,
       max_size=3))  # fmt: skip
def test_laws(seed: int, order: list[int], signs: list[int]) -> None:
    """Not negative; unchanged when latents are permuted and mirrored, and but for Wasserstein when they are scaled."""
    source = np.random.default_rng(seed)
    codes = source.standard_normal((300, 3)) @ source.standard_normal((3, 3))
    known = values(data_of(codes, labels_of((2,), 300)))
    other = values(data_of(codes[:, order] * signs, labels_of((2,), 300)))
    scaled = values(data_of(codes * [1, 20, 0.5], labels_of((2,), 300)))
    for name, value in known.items():
        if name == "total_correlation_sampled":
            continue
        assert value is not None
        assert value >= 0
        # The logarithm of a nearly singular determinant has fewer digits.
        assert other[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
        if "wasserstein" not in name:
            assert scaled[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
