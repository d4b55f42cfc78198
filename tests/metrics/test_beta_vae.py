"""The BetaVAE score: known codes, the published figures, sampling on the full grid, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_codes import data_of, grid, noise, perfect, rotated
from sklearn.linear_model import LogisticRegression

from explorer.metrics.base import scored
from explorer.metrics.beta_vae import MEASURE, BetaVae
from explorer.metrics.fixed_factor import FixedFactor

QUICK = BetaVae(train=2000, test=1000)


def score(data, measure: BetaVae = QUICK) -> float:  # type: ignore[no-untyped-def]
    found = measure(data, 0)["beta_vae"].value
    assert found is not None
    return found


def test_published_figures_for_noise_and_for_a_perfect_code() -> None:
    """.21 and 1.0; chance is 1/5, a little more where a table of few pictures is drawn from again and again."""
    assert score(noise(n=5000)) == pytest.approx(0.21, abs=0.05)
    assert score(perfect(), MEASURE) == pytest.approx(1.0, abs=0.01)


def test_it_saturates_for_rotated_duplicated_and_dead_latents() -> None:
    data = perfect((3, 6, 8, 8), latents=6)
    assert score(rotated(data, 2, 3)) > 0.7
    assert score(data_of(np.hstack([data.codes, -data.codes]), data.labels)) > 0.99
    assert score(perfect((3, 6, 8, 8), latents=6, dead=0.0)) > 0.99
    assert score(replace(data, codes=np.zeros_like(data.codes))) == pytest.approx(0.25, abs=0.05)


def test_quantised_codes() -> None:
    data = perfect((4, 5, 6), latents=3)
    assert score(replace(data, codes=data.labels / 10, discrete=True)) > 0.99


def test_partners_share_the_factor_alone_and_are_even_on_the_grid() -> None:
    labels = grid((3, 4, 5))
    table, source = FixedFactor(labels), np.random.default_rng(0)
    rows = source.integers(60, size=(400, 30))
    partners = table.partners(rows, 1, source)
    np.testing.assert_array_equal(labels[partners, 1], labels[rows, 1])
    for factor, levels in ((0, 3), (2, 5)):
        together = np.bincount(labels[rows, factor].ravel() * levels + labels[partners, factor].ravel())
        np.testing.assert_allclose(together / 12_000, 1 / levels**2, rtol=0.15)
    # A level that one row has: its only partner is itself.
    alone = FixedFactor(np.array([[0], [1], [1], [4]]))
    np.testing.assert_array_equal(alone.partners(np.array([0, 3, 0]), 0, source), [0, 3, 0])


def test_the_definition_with_factors_drawn_one_by_one() -> None:
    """As published: both halves of a pair are drawn from the factors, then one factor is copied; no table."""
    sizes = np.array([3, 4, 6])
    mixing = np.array([[1.0, 0.7, 0.0], [0.0, 0.7, 0.3], [0.2, 0.0, 1.0]])
    labels = grid((3, 4, 6))
    centre, spread = labels.mean(axis=0), labels.std(axis=0)
    source = np.random.default_rng(0)

    def batches(count: int) -> tuple[np.ndarray, np.ndarray]:
        features, equal = np.empty((count, 3)), np.empty(count, np.int64)
        for i in range(count):
            equal[i] = source.integers(3)
            first, second = source.integers(sizes, size=(64, 3)), source.integers(sizes, size=(64, 3))
            second[:, equal[i]] = first[:, equal[i]]
            features[i] = np.abs((first - second) / spread @ mixing).mean(axis=0)
        return features, equal

    model = LogisticRegression().fit(*batches(3000))
    literal = model.score(*batches(3000))
    data = data_of((labels - centre) / spread @ mixing, labels)
    assert score(data, BetaVae(train=3000, test=3000)) == pytest.approx(literal, abs=0.03)


def test_null_parts_estimator_and_what_is_not_defined() -> None:
    data = perfect((3, 6, 8), n=1000, latents=3)
    found = scored(QUICK, data)["beta_vae"]
    assert found.null == pytest.approx(1 / 3, abs=0.08)
    assert found.parts["f1"] == pytest.approx(1.0, abs=0.01)
    assert "2000 batches of 64 train, 1000 test, drawn from a table of 1000 encoded pictures" in found.estimator
    one = QUICK(replace(data, labels=data.labels * [1, 0, 0]), 0)["beta_vae"]
    assert one.value is None
    assert "it needs 2" in one.note


def test_laws() -> None:
    """Repeatable; unchanged when latents are permuted and mirrored, and little when levels are renamed."""
    data = perfect((3, 6, 8), n=1000, latents=3, noise=0.5, dead=1.0)
    known = score(rotated(data, 0, 1, 30))
    assert score(rotated(data, 0, 1, 30)) == known
    other = rotated(data, 0, 1, 30)
    assert score(replace(other, codes=-other.codes[:, [2, 0, 1]])) == pytest.approx(known, abs=0.01)
    assert score(replace(other, labels=[2, 5, 7] - other.labels)) == pytest.approx(known, abs=0.04)
    assert 0 <= known <= 1
