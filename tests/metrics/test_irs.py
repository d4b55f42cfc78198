"""The interventional robustness score: known codes, the published figures, a literal second computation, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_codes import data_of, grid, labels_of, noise, perfect, rotated, standard

from explorer.metrics.base import Codes, scored
from explorer.metrics.irs import MEASURE, deviations


def score(data: Codes) -> float:
    found = MEASURE(data, 0)["irs"].value
    assert found is not None
    return found


def test_published_figures_for_noise_and_for_a_perfect_code() -> None:
    """.35 and .90 with 2,000 pictures."""
    assert score(noise()) == pytest.approx(0.35, abs=0.02)
    assert score(perfect(noise=0.05)) == pytest.approx(0.90, abs=0.015)


def test_closed_forms_on_the_grid() -> None:
    """A latent that is its factor does not stray: 1. With 40 levels in 20 bins it strays by half a step of 1/39 of the
    range, that is 1/39 of the largest deviation. A sum of two equal factors strays by as much as one of them: 1/2."""
    labels = grid((4, 40))
    data = data_of(labels / [3.0, 39.0], labels)
    found = MEASURE(data, 0)["irs"]
    assert found.parts["z0"] == pytest.approx(1.0)
    assert found.parts["z1"] == pytest.approx(1 - 1 / 39)
    assert found.value == pytest.approx((1 + 1 - 1 / 39) / 2)
    pair = grid((11, 11))
    assert score(data_of((pair - 5.0).sum(axis=1, keepdims=True), pair)) == pytest.approx(0.5)
    assert score(rotated(data_of(pair - 5.0, pair), 0, 1)) == pytest.approx(0.5)


@pytest.mark.parametrize("dead", [0.0, 1e-9])
def test_dead_latents_weigh_nothing_and_are_no_nan(dead: float) -> None:
    lively, whole = perfect((4, 5), latents=2), perfect((4, 5), latents=6, dead=dead)
    assert score(whole) == pytest.approx(score(lively), abs=1e-3)
    if dead == 0:
        assert MEASURE(whole, 0)["irs"].parts["z5"] is None
        assert MEASURE(whole, 0)["irs"].note == "2 of 6 latents vary"
    still = MEASURE(replace(whole, codes=0 * whole.codes), 0)["irs"]
    assert still.value == 0.0
    assert "all latents are constant" in still.note


def test_duplicated_and_quantised_codes() -> None:
    data = perfect((4, 5), latents=2)
    assert score(data_of(np.hstack([data.codes, data.codes]), data.labels)) == pytest.approx(score(data))
    assert score(replace(data, codes=data.labels / 10, discrete=True)) == pytest.approx(1.0)


def test_the_definition_written_out() -> None:
    labels = labels_of((3, 30), 1000)
    codes = standard(labels) @ np.array([[1.0, 0.5, 0.1], [0.2, 0.5, 1.0]])
    codes += 0.2 * np.random.default_rng(0).standard_normal(codes.shape)
    scores, weights = [], []
    for d in range(3):
        largest = max(abs(code - codes[:, d].mean()) for code in codes[:, d])
        best = -np.inf
        for k in range(2):
            edges = np.histogram(labels[:, k], 20)[1][:-1]
            bins = np.digitize(labels[:, k], edges)
            strays = [
                np.percentile(np.abs(codes[bins == b, d] - codes[bins == b, d].mean()), 99) for b in np.unique(bins)
            ]
            best = max(best, 1 - np.mean(strays) / largest)
        scores.append(best)
        weights.append(largest)
    assert score(data_of(codes, labels)) == pytest.approx(np.average(scores, weights=weights))


def test_null_estimator_and_what_is_not_defined() -> None:
    """Chance lies where the tails of the codes put it: uniform ones reach their largest deviation at every value."""
    found = scored(MEASURE, perfect(n=1000, latents=5))["irs"]
    assert found.null == pytest.approx(0.02, abs=0.02)
    assert scored(MEASURE, noise(n=2000))["irs"].null == pytest.approx(0.35, abs=0.02)
    assert "99% quantile" in found.estimator
    data = perfect(n=1000)
    assert MEASURE(replace(data, labels=0 * data.labels), 0)["irs"].value is None
    assert MEASURE(data.only([]), 0)["irs"].value is None


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(3)), signs=st.lists(st.sampled_from([-1, 1]), min_size=3,
       max_size=3))  # fmt: skip
def test_laws(seed: int, order: list[int], signs: list[int]) -> None:
    """Unchanged when latents are permuted and mirrored and levels renamed; at most 1."""
    labels = labels_of((3, 4), 300, seed)
    source = np.random.default_rng(seed)
    codes = standard(labels) @ source.standard_normal((2, 3)) + 0.3 * source.standard_normal((300, 3))
    known = score(data_of(codes, labels))
    assert 0 <= known <= 1
    assert score(data_of(codes[:, order] * signs, (labels + 1) % [3, 4])) == pytest.approx(known)
    assert (deviations(codes, labels) >= 0).all()
