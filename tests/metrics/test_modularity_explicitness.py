"""Ridgeway's modularity and explicitness: known codes, the published figures, second computations, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from known_codes import data_of, grid, labels_of, noise, perfect, rotated, standard
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from explorer.metrics.base import scored
from explorer.metrics.classifiers import split, standardised
from explorer.metrics.modularity_explicitness import MEASURE, modularities


def test_published_figures_for_noise_and_for_a_perfect_code() -> None:
    """Modularity .65 and .83 (.50 where the dead half is constant) with 2,000 pictures and 10 latents; explicitness
    .50 and .947 with 2,000 that train."""
    assert MEASURE(noise(), 0)["modularity"].value == pytest.approx(0.65, abs=0.02)
    assert MEASURE(perfect(noise=0.05), 0)["modularity"].value == pytest.approx(0.83, abs=0.02)
    assert MEASURE(perfect(dead=0.0), 0)["modularity"].value == pytest.approx(0.50, abs=0.01)
    assert MEASURE(noise(n=3000), 0)["explicitness"].value == pytest.approx(0.50, abs=0.02)
    assert MEASURE(perfect(n=3000, noise=0.05), 0)["explicitness"].value == pytest.approx(0.947, abs=0.012)


def test_a_perfect_code_has_modularity_one_and_a_rotated_pair_has_half_the_rest() -> None:
    labels = np.tile(grid((4, 5, 5)), (8, 1))
    data = data_of(standard(labels), labels)
    assert MEASURE(data, 0)["modularity"].value == pytest.approx(1.0)
    found = MEASURE(rotated(data, 1, 2), 0)["modularity"].parts
    assert found["z0"] == pytest.approx(1.0)
    # Both factors to the same degree: I² / (2 · I²) of two others is lost.
    assert found["z1"] == pytest.approx(0.5, abs=0.01)
    assert found["z2"] == pytest.approx(0.5, abs=0.01)


def test_a_duplicated_latent_changes_no_modularity() -> None:
    data = perfect((4, 5), n=2000, latents=2)
    twice = data_of(np.hstack([data.codes, -data.codes]), data.labels)
    assert MEASURE(twice, 0)["modularity"].value == pytest.approx(MEASURE(data, 0)["modularity"].value, abs=1e-3)


def test_the_null_of_modularity_is_far_from_zero_and_stands_beside_it() -> None:
    found = scored(MEASURE, noise(n=2000), permutations=3)
    assert found["modularity"].null == pytest.approx(found["modularity"].value, abs=0.05)
    assert found["modularity"].null > 0.5  # type: ignore[operator]
    assert found["explicitness"].null == pytest.approx(0.5, abs=0.02)


def test_modularity_written_out() -> None:
    information = np.array([[0.5, 0.1, 0.2], [0.0, 0.0, 0.0], [0.3, 0.3, 0.3]])
    first = 1 - (0.1**2 + 0.2**2) / (0.5**2 * 2)
    np.testing.assert_allclose(modularities(information), [first, 0.0, 0.0], atol=1e-12)


def test_explicitness_of_gaussian_classes() -> None:
    """Two classes two standard deviations apart: the area under the curve of the best classifier is Φ(√2) = 0.9214."""
    labels = labels_of((2, 2), 6000)
    codes = 2.0 * labels + np.random.default_rng(0).standard_normal(labels.shape)
    assert MEASURE(data_of(codes, labels), 0)["explicitness"].value == pytest.approx(0.9214, abs=0.012)


def test_explicitness_by_scikit_learn() -> None:
    labels = labels_of((2, 5), 900)
    codes = standard(labels) + np.random.default_rng(0).standard_normal(labels.shape)
    data = data_of(codes, labels)
    train, test = split(data, 0)
    areas = []
    for k in range(2):
        scaler = StandardScaler().fit(train.codes)
        model = LogisticRegression().fit(scaler.transform(train.codes), train.labels[:, k])
        probability = model.predict_proba(scaler.transform(test.codes))
        shown = LabelBinarizer().fit_transform(test.labels[:, k])
        areas.append(roc_auc_score(shown, probability if k else probability[:, 1]))
    assert MEASURE(data, 0)["explicitness"].value == pytest.approx(np.mean(areas), abs=1e-9)


@pytest.mark.parametrize("dead", [0.0, 1e-12])
def test_dead_latents_are_no_nan(dead: float) -> None:
    found = MEASURE(perfect((3, 4), n=900, latents=4, dead=dead), 0)
    assert all(np.isfinite(outcome.value) for outcome in found.values())  # type: ignore[arg-type]
    assert found["explicitness"].value > 0.9  # type: ignore[operator]
    np.testing.assert_array_equal(standardised(np.full((5, 1), 0.1)), np.zeros((5, 1)))


def test_quantised_codes() -> None:
    labels = labels_of((4, 5), 2000)
    found = MEASURE(data_of(labels / 10, labels, discrete=True), 0)
    assert found["modularity"].value == pytest.approx(1.0, abs=0.001)
    assert found["explicitness"].value > 0.85  # type: ignore[operator]


def test_a_level_that_training_never_saw_and_one_factor() -> None:
    labels = labels_of((3, 4), 900)
    labels[0, 0] = 3
    found = MEASURE(data_of(standard(labels), labels), 0)
    assert found["explicitness"].value is not None
    one = MEASURE(data_of(standard(labels), labels * [1, 0] + [0, 2]).only([0]), 0)
    assert one["modularity"].value is None
    assert "it needs 2" in one["modularity"].note
    nothing = MEASURE(replace(data_of(standard(labels), labels), labels=0 * labels), 0)
    assert {outcome.value for outcome in nothing.values()} == {None}


@settings(max_examples=50, deadline=None)
@given(information=arrays(float, (4, 3), elements=st.floats(0, 5)), seed=st.integers(0, 50))
def test_laws_of_modularity(information: np.ndarray, seed: int) -> None:
    source = np.random.default_rng(seed)
    found = modularities(information)
    assert ((found >= -1e-9) & (found <= 1 + 1e-9)).all()
    assert modularities(information[:, source.permutation(3)]) == pytest.approx(found, abs=1e-9)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 50))
def test_laws(seed: int) -> None:
    """Unchanged when latents are permuted and mirrored and levels renamed."""
    labels = labels_of((3, 4), 750, seed)
    source = np.random.default_rng(seed)
    codes = standard(labels) @ source.standard_normal((2, 3)) + source.standard_normal((750, 3))
    known = MEASURE(data_of(codes, labels), 0)
    other = MEASURE(data_of(-codes[:, source.permutation(3)], (labels + 1) % [3, 4]), 0)
    for name, outcome in known.items():
        assert 0 <= outcome.value <= 1  # type: ignore[operator]
        assert other[name].value == pytest.approx(outcome.value, abs=1e-3)
