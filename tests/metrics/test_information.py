"""Entropies and mutual informations: closed forms, scikit-learn as the second computation, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_codes import data_of, labels_of, noise, perfect
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import mutual_info_score

from explorer.metrics.information import (
    discretise,
    entropies,
    entropy,
    nearest_neighbours,
    nmi_estimator,
    nmi_matrix,
    nmi_null,
    plug_in,
    quantised,
)


def test_entropy_of_even_odd_and_single_values() -> None:
    assert entropy(np.array([0, 1, 2, 3])) == pytest.approx(np.log(4))
    assert entropy(np.array([0, 0, 0, 5])) == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert entropy(np.zeros(7, np.int64)) == 0.0
    np.testing.assert_allclose(entropies(np.array([[0, 2], [1, 2]])), [np.log(2), 0.0])


def test_bins_are_those_of_numpy_histograms() -> None:
    codes = np.random.default_rng(0).standard_normal((500, 4)) * [1, 1e-9, 1e9, 1]
    codes[:, 3] = np.round(codes[:, 3])
    found = discretise(codes)
    for j, column in enumerate(codes.T):
        counts, edges = np.histogram(column, 20)
        np.testing.assert_array_equal(np.bincount(found[:, j], minlength=20), counts)
        np.testing.assert_array_equal(found[:, j] + 1, np.digitize(column, edges[:-1]))


def test_constant_and_nearly_constant_columns_have_bins() -> None:
    constant = np.full(10, 0.1)
    nearly = np.where(np.arange(10) < 5, 0.1, np.nextafter(0.1, 1.0))
    found = discretise(np.stack([constant, nearly], axis=1))
    assert len(set(found[:, 0])) == 1
    assert len(set(found[:, 1])) == 2


def test_plug_in_information_is_scikit_learns() -> None:
    first, second = labels_of((2, 5, 40), 700, 1), labels_of((3, 7), 700, 2)
    second[:, 1] = (second[:, 1] + first[:, 1]) % 7 * (first[:, 0] + 1)
    found = plug_in(first, second)
    for i in range(3):
        for j in range(2):
            assert found[i, j] == pytest.approx(max(0.0, mutual_info_score(first[:, i], second[:, j])), abs=1e-12)


def test_information_of_a_value_about_itself_is_its_entropy() -> None:
    labels = labels_of((4, 6), 400)
    assert plug_in(labels, labels)[0, 0] == pytest.approx(entropy(labels[:, 0]))


@pytest.mark.parametrize("levels", [2, 7, 20])
@pytest.mark.parametrize("scale", [0.0, 0.3, 3.0])
def test_neighbours_agree_with_scikit_learn_to_the_last_count(levels: int, scale: float) -> None:
    """Every count of neighbours is the same, so the sums agree to rounding; scikit-learn's own jitter is below it."""
    labels = labels_of((levels,), 1000)[:, 0]
    code = np.random.default_rng(3).standard_normal(1000) + scale * labels
    expected = mutual_info_classif(code[:, None], labels, discrete_features=False, n_neighbors=10, random_state=0)[0]
    assert nearest_neighbours(code / code.std(), labels) == pytest.approx(expected, abs=1e-9)


def ross(code: np.ndarray, labels: np.ndarray, neighbours: int) -> float:
    """The estimator of Ross (2014), equation 2, point by point."""
    kept = [i for i in range(len(code)) if (labels == labels[i]).sum() > 1]
    terms = []
    for i in kept:
        same = sorted(abs(code[j] - code[i]) for j in kept if labels[j] == labels[i] and j != i)
        k = min(neighbours, len(same))
        nearer = sum(abs(code[j] - code[i]) < same[k - 1] for j in kept)
        terms.append(digamma(len(kept)) + digamma(k) - digamma(len(same) + 1) - digamma(nearer))
    return max(0.0, float(np.mean(terms)))


@pytest.mark.parametrize("scale", [0.0, 0.3, 3.0])
def test_rare_labels_lower_the_neighbours_and_single_ones_are_left_out(scale: float) -> None:
    """Written out; scikit-learn differs by some hundredths here, because for few points it computes distances from
    squares, whose rounding lets the k-th neighbour itself be counted."""
    labels = np.concatenate([np.repeat(np.arange(12), 11), np.full(60, 12), np.full(4, 13), np.full(2, 14), [15, 16]])
    code = np.random.default_rng(0).standard_normal(len(labels)) + scale * labels
    found = nearest_neighbours(code, labels)
    assert found == pytest.approx(ross(code, labels, 10), abs=1e-12)
    by_scikit = mutual_info_classif(code[:, None], labels, discrete_features=False, n_neighbors=10, random_state=0)[0]
    assert found == pytest.approx(by_scikit, abs=0.06)
    assert nearest_neighbours(code, np.arange(len(code))) == 0.0


def test_two_separate_uniform_halves_tell_one_bit() -> None:
    """I = H(label) where the classes do not overlap; the estimator is exact up to ψ(N) − ψ(N/2) ≈ log 2 + 1/N."""
    source = np.random.default_rng(0)
    labels = np.arange(2000) % 2
    assert nearest_neighbours(source.uniform(size=2000) + 2 * labels, labels) == pytest.approx(np.log(2), abs=1e-3)


def test_gaussian_classes_tell_what_the_integral_says() -> None:
    """Two classes at ±1 with unit variance: I by quadrature of the mixture's entropy less the Gaussian's."""
    line = np.linspace(-9, 9, 20001)
    density = (np.exp(-((line - 1) ** 2) / 2) + np.exp(-((line + 1) ** 2) / 2)) / np.sqrt(8 * np.pi)
    mixture = -(density * np.log(density)).sum() * (line[1] - line[0])
    exact = mixture - 0.5 * np.log(2 * np.pi * np.e)
    source = np.random.default_rng(0)
    labels = source.integers(2, size=20_000)
    assert nearest_neighbours(source.standard_normal(20_000) + 2 * labels - 1, labels) == pytest.approx(exact, abs=0.02)


def test_ties_are_parted_and_latents_with_few_values_are_counted() -> None:
    labels = labels_of((5, 4), 3000)
    codes = np.stack([labels[:, 0] / 3, np.round(np.random.default_rng(0).standard_normal(3000), 1)], axis=1)
    data = data_of(codes, labels)
    assert quantised(data) == [True, False]
    assert nmi_estimator(data).endswith("counts of discrete values for 1 of 2 latents")
    assert quantised(replace(data, discrete=True)) == [True, True]
    found = nmi_matrix(data)
    assert found[0, 0] == pytest.approx(1.0)
    assert found[1, 0] < 0.01
    assert found[:, 1].max() < 0.02
    assert np.isfinite(found).all()


def test_matrix_of_a_perfect_code_its_null_and_a_factor_that_does_not_vary() -> None:
    data = perfect((4, 6, 8), n=2000, latents=4)
    found = nmi_matrix(data)
    np.testing.assert_allclose(np.diag(found), 1.0, atol=0.02)
    assert (found[~np.eye(3, 4, dtype=bool)] < 0.05).all()
    assert nmi_null(data, permutations=3).max() < 0.02
    still = replace(data, labels=data.labels * [1, 0, 1])
    assert (nmi_matrix(still)[1] == 0).all()
    np.testing.assert_array_equal(nmi_matrix(data, seed=4), nmi_matrix(data, seed=4))


def test_chance_of_the_histogram_is_what_the_field_has_measured() -> None:
    """Plug-in NMI of 20 bins with a factor of 40 levels where there is none: .171 at 500 pictures, .046 at 2,000,
    .009 at 10,000; it falls as 1/n."""
    for n, chance in ((500, 0.171), (2000, 0.046), (10_000, 0.009)):
        data = noise((40,), n, latents=8)
        found = plug_in(discretise(data.codes), data.labels).mean() / np.log(40)
        assert found == pytest.approx(chance, rel=0.12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), levels=st.integers(2, 8), shift=st.integers(1, 7))
def test_laws_of_information(seed: int, levels: int, shift: int) -> None:
    """Symmetric; unchanged when labels are renamed, and when codes are shifted, scaled or mirrored."""
    source = np.random.default_rng(seed)
    labels = source.integers(levels, size=(120, 1))
    values = (labels * source.integers(2, size=(120, 1)) + source.integers(3, size=(120, 1))) % 5
    forward, back = plug_in(labels, values)[0, 0], plug_in(values, labels)[0, 0]
    assert forward == pytest.approx(back)
    assert -1e-12 <= forward <= min(entropy(labels[:, 0]), entropy(values[:, 0])) + 1e-9
    renamed = (labels + shift) % levels
    assert plug_in(renamed, values)[0, 0] == pytest.approx(forward)
    code = source.standard_normal(120) + labels[:, 0]
    known = nearest_neighbours(code, labels[:, 0])
    assert nearest_neighbours(code, renamed[:, 0]) == pytest.approx(known)
    assert nearest_neighbours(-4 * code, labels[:, 0]) == pytest.approx(known, abs=1e-6)
