"""The mutual information gap: known codes, the published figures, a literal second computation, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_codes import SPRITES, data_of, grid, labels_of, noise, perfect, rotated, standard
from sklearn.metrics import mutual_info_score

from explorer.errors import ExplorerError
from explorer.metrics.base import scored
from explorer.metrics.mig import MEASURE


def mig(data) -> float | None:  # type: ignore[no-untyped-def]
    return MEASURE(data, 0)["mig"].value


def test_a_perfect_code_of_few_levels_has_gap_one_and_a_duplicated_one_none() -> None:
    labels = grid((4, 5, 20))
    assert mig(data_of(standard(labels), labels)) == pytest.approx(1.0)
    twice = np.hstack([standard(labels), -standard(labels)])
    assert mig(data_of(twice, labels)) == pytest.approx(0.0, abs=1e-12)


def test_published_figures_for_noise_and_for_a_perfect_code() -> None:
    """.002 and .777 with 2,000 pictures and 10 latents: 20 bins cannot hold 32 and 40 levels."""
    assert mig(noise()) == pytest.approx(0.002, abs=0.003)
    assert mig(perfect(noise=0.05)) == pytest.approx(0.777, abs=0.02)


def test_twenty_bins_hold_thirty_two_levels_by_a_closed_form() -> None:
    """32 levels evenly spaced fall into 20 bins as 12 pairs and 8 alone: I = log 32 − 12/16 · log 2."""
    labels = grid((2, 32))
    found = MEASURE(data_of(standard(labels), labels), 0)["mig"]
    assert found.parts["f1"] == pytest.approx(1 - 0.75 * np.log(2) / np.log(32))
    assert found.parts["f0"] == pytest.approx(1.0)


def test_a_rotated_pair_loses_its_gaps_alone() -> None:
    data = perfect((3, 8, 8), n=4000, latents=3)
    found = MEASURE(rotated(data, 1, 2), 0)["mig"].parts
    assert found["f0"] > 0.9  # type: ignore[operator]
    assert found["f1"] < 0.03  # type: ignore[operator]
    assert found["f2"] < 0.03  # type: ignore[operator]


@pytest.mark.parametrize("dead", [0.0, 1e-6])
def test_dead_latents_matter_by_their_chance_level_alone(dead: float) -> None:
    lively = perfect((4, 5), n=3000, latents=2)
    assert mig(perfect((4, 5), n=3000, latents=8, dead=dead)) == pytest.approx(mig(lively), abs=0.01)


def test_quantised_codes_keep_their_values_apart() -> None:
    labels = labels_of((10, 10), 3000)
    assert mig(data_of(np.linspace(-0.5, 0.5, 10)[labels], labels)) == pytest.approx(1.0, abs=0.01)


def test_the_definition_written_out() -> None:
    labels = labels_of((3, 6), 800)
    source = np.random.default_rng(0)
    codes = standard(labels) @ source.standard_normal((2, 4)) + 0.5 * source.standard_normal((800, 4))
    gaps = []
    for k in range(2):
        information = []
        for d in range(4):
            edges = np.histogram(codes[:, d], 20)[1]
            information.append(mutual_info_score(np.digitize(codes[:, d], edges[:-1]), labels[:, k]))
        largest, second = sorted(information)[-1], sorted(information)[-2]
        shares = np.bincount(labels[:, k]) / 800
        gaps.append((largest - second) / -(shares * np.log(shares)).sum())
    assert mig(data_of(codes, labels)) == pytest.approx(np.mean(gaps), abs=1e-12)


def test_null_and_estimator_stand_beside_the_score() -> None:
    score = scored(MEASURE, perfect(n=1000))["mig"]
    assert score.value > 0.7  # type: ignore[operator]
    assert score.null < 0.02  # type: ignore[operator]
    assert score.null <= score.null_high < 0.03  # type: ignore[operator]
    assert "20 equal bins" in score.estimator
    assert score.n == 1000
    with pytest.raises(ExplorerError, match="at least 500 pictures, not 499"):
        scored(MEASURE, perfect(n=499))


def test_what_is_not_defined_says_so() -> None:
    data = perfect((4, 5), n=600, latents=2)
    assert MEASURE(data.only([1]), 0)["mig"].note == "not defined for 1 latent: it needs 2"
    nothing = MEASURE(replace(data, labels=0 * data.labels), 0)["mig"]
    assert nothing.value is None
    assert "0 varying factors" in nothing.note
    half = MEASURE(replace(data, labels=data.labels * [0, 1]), 0)["mig"]
    assert half.note == "without f0: one value here"
    assert list(half.parts) == ["f1"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(4)), signs=st.lists(st.sampled_from([-2.0, 1.0]),
       min_size=4, max_size=4))  # fmt: skip
def test_laws(seed: int, order: list[int], signs: list[float]) -> None:
    """Unchanged when latents are permuted and scaled and levels renamed; mirrored, as far as bins are; 0..1."""
    labels = labels_of((3, 4), 300, seed)
    source = np.random.default_rng(seed)
    codes = standard(labels) @ source.standard_normal((2, 4)) + 0.3 * source.standard_normal((300, 4))
    known = mig(data_of(codes, labels))
    assert known is not None
    assert 0.0 <= known <= 1.0
    assert mig(data_of(codes[:, order] * signs, (labels + 2) % [3, 4])) == pytest.approx(known, abs=1e-9)


def test_sizes_are_those_of_the_data_set() -> None:
    assert int(np.prod(SPRITES)) == 737_280
