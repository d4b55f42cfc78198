"""InfoM, InfoE, InfoC: known codes, a literal second computation, pruning, and codes that the original cannot score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from known_codes import data_of, grid, labels_of, noise, perfect, rotated, standard
from sklearn.feature_selection import mutual_info_classif

from explorer.metrics.base import Codes, scored
from explorer.metrics.infomec import MEASURE, NOISE, unpruned


def values(data: Codes, seed: int = 0) -> dict[str, float | None]:
    return {name: outcome.value for name, outcome in MEASURE(data, seed).items()}


def test_a_perfect_code_scores_one_and_its_dead_latents_are_pruned() -> None:
    data = perfect((4, 5, 6), n=2000, latents=6)
    found = MEASURE(data, 0)
    assert found["infom"].value == pytest.approx(1.0, abs=0.03)
    assert found["infoe"].value == pytest.approx(1.0, abs=0.02)
    assert found["infoc"].value == pytest.approx(1.0, abs=0.03)
    assert found["infom"].note == f"3 of 6 latents kept, 3 informative; {NOISE}"
    assert [found["infom"].parts[f"z{j}"] for j in (3, 4, 5)] == [None] * 3
    np.testing.assert_array_equal(unpruned(data), [True] * 3 + [False] * 3)


def test_a_rotated_pair_loses_modularity_and_compactness_but_not_explicitness() -> None:
    data = perfect((4, 8, 8), n=3000, latents=3, noise=0.02)
    before, after = values(data), values(rotated(data, 1, 2))
    assert after["infom"] < before["infom"] - 0.25  # type: ignore[operator]
    assert after["infoc"] < before["infoc"] - 0.25  # type: ignore[operator]
    assert after["infoe"] == pytest.approx(before["infoe"], abs=0.05)


def test_a_duplicated_latent_costs_compactness_alone() -> None:
    """Each factor twice: a latent still tells of one factor, while the largest share of a factor is 1/2 of four."""
    single = perfect((4, 5), n=2000, latents=2)
    double = data_of(np.hstack([single.codes, single.codes]), single.labels)
    found = values(double)
    assert found["infom"] == pytest.approx(1.0, abs=0.03)
    assert found["infoc"] == pytest.approx((1 / 2 - 1 / 4) / (1 - 1 / 4), abs=0.03)


def test_noise_scores_at_its_null_and_explicitness_shows_it() -> None:
    found = scored(MEASURE, noise(n=2000), permutations=3)
    for score in found.values():
        assert score.value is not None
        assert score.null is not None
        assert abs(score.value - score.null) < 0.12
    assert found["infom"].value > 0.4  # type: ignore[operator]
    assert found["infoe"].value < 0.05  # type: ignore[operator]


def test_a_latent_without_any_information_is_left_out_of_the_mean() -> None:
    """Its share is 0/0, which makes the original not a number: here every level has the same count of both values."""
    labels = np.tile(grid((3, 4)), (200, 1))
    codes = np.stack([labels[:, 1] / 4.0, np.arange(len(labels)) // 12 % 2 * 1.0], axis=1)
    found = MEASURE(data_of(codes, labels), 0)
    assert found["infom"].value == pytest.approx(1.0, abs=1e-6)
    assert found["infom"].parts == {"z0": pytest.approx(1.0), "z1": None}
    assert found["infom"].note == f"2 of 2 latents kept, 1 informative; {NOISE}"


def test_constant_codes_have_no_modularity_and_no_explicitness() -> None:
    found = MEASURE(data_of(np.full((2400, 2), 0.1), np.tile(grid((3, 4)), (200, 1))), 0)
    assert found["infom"].value is None
    assert found["infoc"].value is None
    assert found["infoe"].value == pytest.approx(0.0, abs=1e-9)
    assert "0 of 2 latents kept, 0 informative" in found["infom"].note


def test_one_latent_or_one_factor_is_not_defined_with_a_reason() -> None:
    data = perfect((4, 5), n=1000, latents=2)
    one_latent = MEASURE(data.only([0]), 0)
    assert one_latent["infoc"].value is None
    assert "not defined for one latent" in one_latent["infoc"].note
    assert one_latent["infom"].value is not None
    one_factor = MEASURE(replace(data, labels=data.labels * [1, 0]), 0)
    assert one_factor["infom"].value is None
    assert "without f1: one value here" in one_factor["infom"].note
    assert "it needs 2" in one_factor["infom"].note
    none = MEASURE(data.only([]), 0)
    assert {outcome.value for outcome in none.values()} == {None}


def test_quantised_codes_are_counted_and_one_hot() -> None:
    labels = labels_of((4, 5, 3), 3000)
    codes = np.hstack([labels[:, :2] / 10, (labels[:, 2:] + 1) % 3 / 10, np.full((3000, 1), 0.3)])
    data = data_of(codes, labels, discrete=True)
    found = MEASURE(data, 0)
    assert found["infom"].value == pytest.approx(1.0, abs=0.03)
    assert found["infoc"].value == pytest.approx(1.0, abs=0.03)
    # f2 is encoded out of order: a linear classifier reads it from one-hot values alone.
    assert found["infoe"].parts["f2"] == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(unpruned(data), [True, True, True, False])
    line = MEASURE.estimator(data)
    assert "range > 0" in line
    assert "one-hot" in line
    assert "nearest" not in line


def test_pruning_of_continuous_codes_is_at_a_twentieth_of_the_largest_range() -> None:
    base = np.linspace(-1, 1, 1000)
    data = data_of(np.stack([base, base / 19.9, base / 20.1], axis=1), labels_of((3, 3), 1000))
    np.testing.assert_array_equal(unpruned(data), [True, True, False])


def test_explicitness_is_the_loss_of_an_independently_fitted_classifier() -> None:
    """Unpenalised, balanced, multinomial: fitted here by Newton-like steps in torch, to the optimum."""
    labels = labels_of((3, 4), 800)
    codes = 0.8 * standard(labels) + np.random.default_rng(1).standard_normal(labels.shape)
    found = MEASURE(data_of(codes, labels), 0)["infoe"]
    scaled = torch.from_numpy((codes - codes.mean(0)) / codes.std(0))
    for k, levels in enumerate((3, 4)):
        target = torch.from_numpy(labels[:, k])
        weight = torch.zeros(3, levels, dtype=torch.float64, requires_grad=True)
        balance = 800 / (levels * torch.bincount(target).double())
        solver = torch.optim.LBFGS([weight], max_iter=100, tolerance_grad=1e-7, line_search_fn="strong_wolfe")

        def closure(solver=solver, weight=weight, target=target, balance=balance):  # type: ignore[no-untyped-def]
            solver.zero_grad()
            loss = torch.nn.functional.cross_entropy(scaled @ weight[:2] + weight[2], target, weight=balance)
            loss.backward()
            return loss

        solver.step(closure)
        loss = torch.nn.functional.cross_entropy(scaled @ weight[:2] + weight[2], target).item()
        assert found.parts[f"f{k}"] == pytest.approx(1 - loss / np.log(levels), abs=2e-3)


def test_infom_and_infoc_are_the_written_formulas() -> None:
    """With scikit-learn's estimator and the formulas written out, on a code that mixes."""
    labels = labels_of((3, 5), 1000)
    source = np.random.default_rng(2)
    codes = standard(labels) @ np.array([[1.0, 0.6, 0.1], [0.0, 0.8, 1.0]]) + 0.1 * source.standard_normal((1000, 3))
    found = values(data_of(codes, labels))
    nmi = np.array([
        mutual_info_classif((codes - codes.mean(0)) / codes.std(0), column, n_neighbors=10, random_state=0)
        / -(np.bincount(column) / 1000 * np.log(np.bincount(column) / 1000)).sum()
        for column in labels.T
    ])  # fmt: skip
    infom = np.mean([(max(nmi[:, d]) / sum(nmi[:, d]) - 1 / 2) / (1 - 1 / 2) for d in range(3)])
    infoc = np.mean([(max(nmi[k]) / sum(nmi[k]) - 1 / 3) / (1 - 1 / 3) for k in range(2)])
    assert found["infom"] == pytest.approx(infom, abs=1e-6)
    assert found["infoc"] == pytest.approx(infoc, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), order=st.permutations(range(3)), signs=st.lists(st.sampled_from([-1, 1]), min_size=3,
       max_size=3))  # fmt: skip
def test_laws(seed: int, order: list[int], signs: list[int]) -> None:
    """Unchanged when latents are permuted or mirrored and levels renamed; 0..1."""
    labels = labels_of((3, 4), 400, seed)
    source = np.random.default_rng(seed)
    codes = standard(labels) @ source.standard_normal((2, 3)) + source.standard_normal((400, 3))
    known = values(data_of(codes, labels))
    other = values(data_of(codes[:, order] * signs, (labels + 1) % [3, 4]))
    for name, value in known.items():
        assert value is not None
        assert -1e-9 <= value <= 1 + 1e-9
        assert other[name] == pytest.approx(value, abs=2e-3)
