"""Unsupervised disentanglement ranking: models that agree, models that are rotated, a literal second computation."""

from __future__ import annotations

import numpy as np
import pytest
from known_codes import perfect, standard
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler

from explorer.errors import ExplorerError
from explorer.metrics.udr import Variant, similarity, udr

VARIANTS: tuple[Variant, ...] = ("lasso", "spearman")


def models() -> list[np.ndarray]:
    """The same independent latents, the same in another order and mirrored, and turned by a random rotation."""
    source = np.random.default_rng(0)
    z = source.standard_normal((800, 4))
    turn = np.linalg.qr(source.standard_normal((4, 4)))[0]
    return [z, z[:, [2, 0, 3, 1]] * [1, -2, 3, -1], z @ turn]


@pytest.mark.parametrize(("variant", "same"), [("lasso", 0.9), ("spearman", 1 / 1.06)])
def test_models_that_agree_score_high_and_a_rotated_one_low(variant: Variant, same: float) -> None:
    """Of independent latents the Lasso weight is 1 − α, so two models that agree have 0.9 squared over 0.9."""
    z, moved, turned = models()
    ones = np.ones(4)
    for score in udr([z, moved], [ones, ones], variant, permutations=3):
        assert score.value == pytest.approx(same, abs=0.03)
        assert score.null < 0.06  # type: ignore[operator]
        assert score.null <= score.null_high  # type: ignore[operator]
        assert score.n == 800
    found = udr([z, moved, z[:, ::-1], turned], [ones] * 4, variant, permutations=0)
    assert found[3].value < min(score.value for score in found[:3]) - 0.2  # type: ignore[operator, type-var]
    assert found[3].null is None


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_definition_written_out(variant: Variant) -> None:
    tables = [*models(), perfect((3, 4), n=800, latents=5).codes]
    kl = [np.array([1, 1, 0.005, 1]), np.ones(4), np.array([0.02, 1, 1, 0.01]), np.array([1, 1, 0, 1, 0])]
    kept = [divergence > 0.01 for divergence in kl]
    pairs = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            if i == j:
                continue
            first, second = (StandardScaler().fit_transform(tables[m]) * kept[m] for m in (i, j))
            if variant == "lasso":
                relation = np.abs(Lasso(alpha=0.1).fit(first, second).coef_).T[kept[i]][:, kept[j]]
            else:
                relation = np.array([
                    [abs(spearmanr(first[:, a], second[:, b]).statistic) for b in np.flatnonzero(kept[j])]
                    for a in np.flatnonzero(kept[i])
                ])  # fmt: skip
            by_row = [row.max() ** 2 / row.sum() if row.sum() else 0.0 for row in relation]
            by_column = [column.max() ** 2 / column.sum() if column.sum() else 0.0 for column in relation.T]
            pairs[i, j] = (np.mean(by_row) + np.mean(by_column)) / 2
    expected = [np.median([pairs[j, i] for j in range(4) if j != i]) for i in range(4)]
    found = udr(tables, kl, variant, permutations=0)
    assert [score.value for score in found] == pytest.approx(expected, abs=1e-6)
    assert found[2].note == "3 of 4 latents informative"


def test_similarity_of_known_matrices() -> None:
    assert similarity(np.eye(3)) == 1.0
    assert similarity(np.full((2, 2), 0.5)) == pytest.approx(0.25)
    assert similarity(np.diag([1.0, 0.0])) == 0.5
    assert similarity(np.zeros((2, 0))) == 0.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_without_informative_latents_has_no_score_and_harms_nobody_with_nan(variant: Variant) -> None:
    z, moved, _ = models()
    dead, z_score, moved_score = udr([z * 0 + 0.1, z, moved], [np.zeros(4), np.ones(4), np.ones(4)], variant)
    assert dead.value is None
    assert dead.null is None
    assert dead.note == "0 of 4 latents informative"
    assert z_score.value == pytest.approx(moved_score.value, abs=1e-6)
    assert 0 < z_score.value < 1  # type: ignore[operator]


def test_what_cannot_be_compared_is_refused() -> None:
    z, ones = standard(np.arange(2000).reshape(1000, 2)), np.ones(2)
    for codes, kl, reason in (
        ([z], [ones], "two or more"),
        ([z, z[:900]], [ones, ones], "same pictures"),
        ([z, z], [ones, np.ones(3)], "KL for every latent"),
        ([z[:499], z[:499]], [ones, ones], "at least 500 pictures, not 499"),
    ):
        with pytest.raises(ExplorerError, match=reason):
            udr(codes, kl)
