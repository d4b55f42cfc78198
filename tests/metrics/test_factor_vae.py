"""The FactorVAE score: known codes, the published figures, a literal second computation, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_codes import data_of, grid, noise, perfect, rotated

from explorer.metrics.base import Codes, scored
from explorer.metrics.factor_vae import MEASURE, FactorVae

QUICK = FactorVae(train=1500, test=1000)


def score(data: Codes, measure: FactorVae = QUICK) -> float:
    found = measure(data, 0)["factor_vae"].value
    assert found is not None
    return found


def test_published_figures_for_noise_and_for_a_perfect_code() -> None:
    """.24 and 1.0 with 5 factors and 10 latents."""
    assert score(noise(), MEASURE) == pytest.approx(0.24, abs=0.04)
    assert score(perfect(), MEASURE) == 1.0


def test_a_constant_latent_does_not_win_every_vote() -> None:
    for dead in (0.0, 1e-9, 0.01):
        found = QUICK(perfect((3, 6, 8), latents=6, dead=dead), 0)["factor_vae"]
        assert found.value == 1.0
        assert found.note == "3 of 6 latents vote"
    small = perfect((3, 6), latents=2)
    still = QUICK(replace(small, codes=small.codes / 100), 0)["factor_vae"]
    assert still.value == 0.0
    assert still.note == "0 of 2 latents vote"
    assert QUICK(small.only([]), 0)["factor_vae"].value is None


def test_rotated_duplicated_and_quantised_codes() -> None:
    data = perfect((3, 8, 8), latents=3)
    turned = QUICK(rotated(data, 1, 2), 0)["factor_vae"]
    # The two turned latents vary alike whichever of their factors is fixed: these votes are guesses.
    assert turned.parts["f0"] == pytest.approx(1.0, abs=0.01)
    assert turned.value == pytest.approx((1 + 0.5 + 0.5) / 3, abs=0.06)
    assert score(data_of(np.hstack([data.codes, data.codes]), data.labels)) == 1.0
    assert score(replace(data, codes=data.labels / 10, discrete=True)) == 1.0


def test_the_definition_with_factors_drawn_one_by_one() -> None:
    """As published: a batch is drawn from the factors, and one factor of all its rows is set to the first row's."""
    sizes = np.array([3, 4, 6])
    mixing = np.array([[1.0, 0.7, 0.0, 0.3], [0.0, 0.7, 0.3, 0.3], [0.2, 0.0, 1.0, 0.9]])
    labels = grid((3, 4, 6))
    codes = (labels / labels.std(axis=0)) @ mixing
    spread = codes.var(axis=0, ddof=1)
    source = np.random.default_rng(0)

    def votes(count: int) -> np.ndarray:
        table = np.zeros((3, 4), np.int64)
        for _ in range(count):
            factor = source.integers(3)
            batch = source.integers(sizes, size=(64, 3))
            batch[:, factor] = batch[0, factor]
            drawn = (batch / labels.std(axis=0)) @ mixing
            table[factor, np.argmin(np.var(drawn, axis=0, ddof=1) / spread)] += 1
        return table

    decision, test = votes(3000).argmax(axis=0), votes(3000)
    literal = test[decision, np.arange(4)].sum() / test.sum()
    assert score(data_of(codes, labels), FactorVae(train=3000, test=3000)) == pytest.approx(literal, abs=0.03)


def test_null_estimator_and_what_is_not_defined() -> None:
    data = perfect((3, 6, 8), n=1000, latents=3)
    found = scored(QUICK, data)["factor_vae"]
    assert found.null == pytest.approx(0.38, abs=0.06)
    assert found.null < found.null_high < 0.5  # type: ignore[operator]
    assert "standard deviation ≥ 0.05" in found.estimator
    assert "drawn from a table of 1000 encoded pictures" in found.estimator
    one = QUICK(replace(data, labels=data.labels * [1, 0, 0]), 0)["factor_vae"]
    assert one.value is None
    assert "without f1, f2" in one.note or "it needs 2" in one.note


def test_laws() -> None:
    """Repeatable; unchanged when latents are permuted, mirrored and scaled, and little when levels are renamed."""
    data = rotated(perfect((3, 6, 8), n=1000, latents=3, noise=0.5, dead=1.0), 0, 1, 30)
    known = score(data)
    assert score(data) == known
    assert 0 <= known <= 1
    assert score(replace(data, codes=-3 * data.codes[:, [2, 0, 1]])) == pytest.approx(known, abs=1e-9)
    assert score(replace(data, labels=[2, 5, 7] - data.labels)) == pytest.approx(known, abs=0.04)
