"""The measures of directions against cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.attributes.base import Attribute
from explorer.metrics import direction_measures as measures
from explorer.metrics.direction_counterfactuals import MATCHED
from explorer.metrics.direction_evidence import Evidence, deviation, difference, quantile_bins
from explorer.metrics.direction_measures import Sample, largest_share, normalised_information
from explorer.metrics.directions import COLUMNS, described, figures, signatures, signed_effects
from explorer.scene.compare_text import is_free, standing

AMOUNTS = np.linspace(-1, 1, 9)


def made(
    effects: object,
    attributes: tuple[Attribute, ...] = (),
    bases: int = 6,
    pictures: int = 400,
    observed: np.ndarray | None = None,
    coordinates: np.ndarray | None = None,
) -> Evidence:
    """Directions that change attribute a by effects[k, a] at one calibrated step, in proportion to the amount; the
    observed attributes have the deviation 1. A row of NaN is a direction without effect."""
    matrix = np.array(effects, float)
    directions, count = matrix.shape
    source = np.random.default_rng(0)
    if observed is None:
        observed = source.standard_normal((pictures, count))
        observed = (observed - observed.mean(0)) / observed.std(0)
    base = source.standard_normal((bases, 1, 1, count))
    values = base + AMOUNTS[:, None] * matrix[None, :, None, :]
    pairs = np.array([(i, j) for i in range(directions) for j in range(i)], np.int64).reshape(-1, 2)
    features = np.broadcast_to(np.eye(directions)[None], (bases, directions, directions)).copy()
    return Evidence(
        controls=tuple(f"d{k}" for k in range(directions)),
        attributes=attributes or tuple(Attribute(f"a{i}") for i in range(count)),
        alphas=np.where(np.isnan(matrix).any(1), np.nan, 2.0),
        amounts=AMOUNTS,
        values=values,
        observed=observed,
        pairs=pairs,
        interactions=np.tile([0.1, 0.4], (bases, len(pairs), 1)),
        cosines=np.broadcast_to(np.eye(directions)[None], (bases, directions, directions)).copy(),
        features=features,
        steps=np.ones((bases, directions, 8)),
        recognised=np.full((bases, directions), 0.75),
        typicality=np.full((bases, directions), 0.1),
        bends=np.full((bases, directions), 0.2),
        returns=np.full((bases, directions), 0.3),
        orders=np.full((bases, len(pairs)), 0.4),
        coordinates=coordinates,
    )


def whole(evidence: Evidence) -> Sample:
    return Sample(evidence, np.arange(evidence.bases), np.arange(len(evidence.observed)))


def test_perfect_directions() -> None:
    sample = whole(made(np.diag([1.0, 0.5, -2.0])))
    np.testing.assert_allclose(sample.effects, np.diag([2.0, 1.0, 4.0]), atol=1e-12)
    assert measures.modularity(sample) == pytest.approx(1.0)
    assert measures.compactness(sample) == pytest.approx(1.0)
    assert measures.coverage(sample) == 1.0
    assert measures.dependency(sample) == pytest.approx(0.0)
    assert measures.monotonicity(sample) == pytest.approx(1.0)
    assert measures.readable(sample) == 1.0


def test_directions_that_change_everything_alike_are_at_chance() -> None:
    sample = whole(made(np.ones((3, 4))))
    assert measures.modularity(sample) == pytest.approx(0.0)
    assert measures.compactness(sample) == pytest.approx(0.0)
    assert measures.coverage(sample) == pytest.approx(1 / 3)
    assert measures.dependency(sample) == pytest.approx(MATCHED)


def test_shares_by_hand() -> None:
    # Shares 3/4 and 2/3, less a half, over a half: 1/2 and 1/3; by columns the same.
    sample = whole(made([[3.0, 1.0], [1.0, 2.0]]))
    assert measures.modularity(sample) == pytest.approx((0.5 + 1 / 3) / 2)
    assert measures.compactness(sample) == pytest.approx((0.5 + 1 / 3) / 2)
    # Where the target has changed by a half, the others have by 1/6 and by 1/4.
    assert measures.dependency(sample) == pytest.approx((1 / 6 + 1 / 4) / 2)


def test_a_target_that_never_changes_by_a_half_is_extrapolated_in_proportion() -> None:
    # At one step the target has changed by 0.2; where it changed by 0.5, the others would by 0.1 · 2.5 and 0.04 · 2.5.
    sample = whole(made([[0.2, 0.1, 0.04]]))
    assert measures.dependency(sample) == pytest.approx((0.25 + 0.1) / 2)


@given(st.floats(0.01, 20), st.floats(0, 0.99))
def test_dependency_of_proportional_effects_depends_on_their_ratio_alone(scale: float, ratio: float) -> None:
    sample = whole(made([[scale, scale * ratio]]))
    assert measures.dependency(sample) == pytest.approx(MATCHED * ratio, abs=1e-9)


def test_duplicates_are_modular_and_not_compact() -> None:
    sample = whole(made([[1.0, 0.0], [1.0, 0.0]]))
    assert measures.modularity(sample) == pytest.approx(1.0)
    assert measures.compactness(sample) == pytest.approx(0.0)
    assert measures.coverage(sample) == 0.5


def test_dead_directions_are_counted_and_not_divided_by() -> None:
    evidence = made([[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0], [np.nan, np.nan]])
    found = figures([evidence], (), 20)
    assert found["modularity"].value == pytest.approx(1.0)
    assert found["modularity"].note == "2 of 4 without effect"
    assert found["coverage"].value == 1.0
    assert [one.alpha for one in described(evidence)] == [2.0, None, 2.0, None]
    assert described(evidence)[1].effects == (None, None)


def test_nothing_has_an_effect() -> None:
    evidence = made(np.full((2, 2), np.nan))
    for figure in figures([evidence], [evidence], 5).values():
        assert figure.value is None
        assert figure.note == "no direction has an effect"


def test_an_attribute_that_never_varies_is_no_zero() -> None:
    evidence = made(np.eye(2))
    still = replace(evidence, observed=evidence.observed * [1, 0] + [0, 7])
    np.testing.assert_array_equal(still.varying, [True, False])
    found = figures([still], (), 10)
    assert found["modularity"].value is None, "one attribute alone leaves no choice"
    assert "a1: never varies" in found["modularity"].note
    assert [one.effects[1] for one in described(still)] == [None, None]
    assert signatures(still).shape == (2, 1)
    # Its constant column changes nothing of what the others say.
    wider = made(np.diag([1.0, 0.5, 3.0]))
    without = replace(wider, observed=wider.observed * [1, 1, 0])
    assert measures.coverage(whole(without)) == 1.0
    assert measures.modularity(whole(without)) == pytest.approx(1.0)
    nothing = replace(evidence, observed=evidence.observed * 0)
    assert figures([nothing], (), 5)["coverage"].note == "no attribute varies"


def test_a_share_that_only_trembles_never_varies() -> None:
    evidence = made(np.eye(2), (Attribute("glasses", "share"), Attribute("x")))
    source = np.random.default_rng(0)
    trembling = np.stack([0.001 * source.random(400), source.standard_normal(400)], 1)
    np.testing.assert_array_equal(replace(evidence, observed=trembling).varying, [False, True])


def test_cyclic_attributes_go_the_shorter_way() -> None:
    hue = Attribute("hue", period=1.0)
    gap = difference(np.array([0.05, 0.95, 0.5, 0.2]), np.array([0.95, 0.05, 0.0, 0.1]), hue)
    np.testing.assert_allclose(gap, [0.1, -0.1, 0.5, 0.1])
    # Along the path over the seam: a steady change, no jump.
    evidence = made([[0.2, 0.0], [0.0, 1.0]], (hue, Attribute("x")))
    turned = evidence.values.copy()
    turned[..., 0] = (0.95 + AMOUNTS * np.array([0.2, 0.0])[:, None]) % 1.0
    around = replace(evidence, values=turned, observed=np.random.default_rng(0).random((400, 2)))
    np.testing.assert_allclose(signed_effects(around)[:, 0] * around.deviations[0], [0.4, 0.0], atol=1e-12)
    assert measures.monotonicity(whole(around)) == pytest.approx(1.0)


def test_deviations() -> None:
    source = np.random.default_rng(0)
    values = source.standard_normal(5000)
    assert deviation(values, Attribute("x")) == pytest.approx(values.std())
    # Narrow on the circle it is the usual one, wherever the seam is.
    assert deviation((0.02 * values) % 1.0, Attribute("h", period=1.0)) == pytest.approx(0.02, rel=0.05)
    assert deviation(source.random(5000), Attribute("h", period=1.0)) == pytest.approx(
        np.sqrt(2) / (2 * np.pi), rel=0.02
    )
    flags = (values > 1).astype(float)
    assert deviation(flags, Attribute("c", "category", levels=(0.0, 1.0))) == pytest.approx(flags.std())
    assert np.isnan(deviation(np.full(4, np.nan), Attribute("x")))


def test_categories_change_or_do_not() -> None:
    shape = Attribute("shape", "category", levels=(0.0, 1.0, 2.0))
    evidence = made([[0.0, 0.0], [0.0, 1.0]], (shape, Attribute("x")))
    values = evidence.values.copy()
    values[:, 0, :, 0] = (AMOUNTS > 0) * 2.0
    values[:, 1, :, 0] = 1.0
    observed = np.stack([np.arange(400) % 3, evidence.observed[:, 1]], 1)
    changed = replace(evidence, values=values, observed=observed)
    spread = np.sqrt((1 - 1 / 3) / 2)
    assert deviation(observed[:, 0], shape) == pytest.approx(spread, rel=1e-3)
    assert whole(changed).effects[0, 0] == pytest.approx(1 / spread, rel=1e-3)
    assert measures.modularity(whole(changed)) == pytest.approx(1.0)
    assert np.isnan(signed_effects(changed)[0, 0]), "a category has no sign"
    np.testing.assert_allclose(signatures(changed)[0] * spread, [-1, 0, 1, 0], atol=2e-3)
    # The first direction's own attribute is a category: steadiness is asked of the others alone.
    assert measures.monotonicity(whole(changed)) == pytest.approx(1.0)


def test_what_cannot_be_read_is_left_out() -> None:
    evidence = made(np.diag([1.0, 2.0]))
    values = evidence.values.copy()
    values[0, :, :, 0] = np.nan
    masked = replace(evidence, values=values)
    assert measures.readable(whole(masked)) == pytest.approx(1 - 1 / 12)
    assert measures.modularity(whole(masked)) == pytest.approx(1.0)
    np.testing.assert_allclose(whole(masked).effects, np.diag([2.0, 4.0]), atol=1e-12)


def test_monotonicity_of_a_wave() -> None:
    evidence = made([[1.0, 0.0]])
    values = evidence.values.copy()
    values[:, 0, :, 0] = np.abs(AMOUNTS) + 0.01 * AMOUNTS  # down, then up: a target by a hair
    assert measures.monotonicity(whole(replace(evidence, values=values))) == pytest.approx(0.0)


def test_picture_measures_by_hand() -> None:
    evidence = made(np.eye(3))
    sample = whole(evidence)
    assert measures.additivity(sample) == pytest.approx(0.25)
    assert measures.orthogonality(sample) == pytest.approx(1.0)
    assert measures.smoothness(sample) == pytest.approx(1.0)
    assert measures.recognition(sample) == pytest.approx(0.75)
    assert measures.typicality(sample) == pytest.approx(0.1)
    assert measures.consistency(sample) == pytest.approx(1.0)
    assert measures.nonlinearity(sample) == pytest.approx(0.2)
    assert measures.round_trip(sample) == pytest.approx(0.3)
    assert measures.order_dependence(sample) == pytest.approx(0.4)
    tried = evidence.orders.copy()
    tried[2:], tried[0, 0] = np.nan, 0.1  # pairs at the first base codes only; (0.1 + 5 · 0.4) / 6
    assert measures.order_dependence(whole(replace(evidence, orders=tried))) == pytest.approx(0.35)
    alike = whole(replace(evidence, cosines=np.ones((6, 3, 3)), features=np.ones((6, 3, 4))))
    assert measures.orthogonality(alike) == pytest.approx(0.0)
    assert measures.consistency(alike) == pytest.approx(0.0)
    jump = np.zeros((6, 3, 8))
    jump[:, :, 3] = 1.0
    assert measures.smoothness(whole(replace(evidence, steps=jump))) == pytest.approx(8.0)
    pairs_missing = evidence.interactions.copy()
    pairs_missing[2:] = np.nan  # pairs are tried at the first base codes only
    assert measures.additivity(whole(replace(evidence, interactions=pairs_missing))) == pytest.approx(0.25)


def test_a_base_code_drawn_twice_is_no_pair_with_itself() -> None:
    source = np.random.default_rng(0)
    evidence = replace(made(np.eye(3), bases=5), features=source.standard_normal((5, 3, 40)))
    rows = np.array([0, 0, 1, 3])
    units = evidence.features / np.linalg.norm(evidence.features, axis=2, keepdims=True)
    same, other = [], np.zeros((3, 3))
    pairs = [(n, m) for i, n in enumerate(rows) for j, m in enumerate(rows) if n != m and i != j]
    for n, m in pairs:
        products = units[n] @ units[m].T
        same.append(np.diag(products).mean())
        other += products / len(pairs)
    wanted = np.mean(same) - np.abs(other[~np.eye(3, dtype=bool)]).mean()
    assert measures.consistency(Sample(evidence, rows, np.arange(400))) == pytest.approx(wanted)
    assert measures.consistency(Sample(evidence, np.array([1, 1]), np.arange(400))) is None


def test_path_cosine() -> None:
    truth = np.tile(np.array([[0.0, 1.0], [0.6, 0.8], [0.1, 0.0]]), (4, 1, 1))
    sample = whole(replace(made(np.eye(3), bases=4), truth=truth))
    assert measures.path_cosine(sample) == pytest.approx((1.0 + 0.6) / 2)


def test_a_column_without_a_path_says_why() -> None:
    evidence = made(np.eye(3))
    nowhere = replace(evidence, bends=evidence.bends * np.nan, returns=evidence.returns * np.nan)
    found = figures([nowhere], [nowhere], 20)
    for name in ("nonlinearity", "round_trip"):
        assert (found[name].value, found[name].note) == (None, "no direction moves a point")
    assert found["order_dependence"].value == pytest.approx(0.4)
    apart = figures([replace(evidence, orders=evidence.orders * np.nan)], (), 20)["order_dependence"]
    assert (apart.value, apart.note) == (None, "no two directions move points of one space")


def test_a_null_of_zeros_is_a_null() -> None:
    """Random frames are straight: they come back and commute, and that is what others are read against."""
    evidence = made(np.eye(3))
    zero = {name: getattr(evidence, name) * 0 for name in ("bends", "returns", "orders")}
    straight = [replace(evidence, **zero) for _ in range(3)]
    curved, plain = figures([evidence], straight, 50), figures(straight, straight, 50)
    columns = {column.name: column for column in COLUMNS}
    for name in ("nonlinearity", "round_trip", "order_dependence"):
        assert curved[name].null == 0.0
        assert (plain[name].value, plain[name].low, plain[name].high) == (0.0, 0.0, 0.0)
        assert standing(columns[name], plain[name]) == ""  # neither a merit of straight lines nor chance
        assert is_free(columns[name], plain[name]) == (name != "nonlinearity")
        assert not is_free(columns[name], curved[name])
        assert standing(columns[name], curved[name]) == ("" if name == "nonlinearity" else "below chance")


def test_observed_coordinates() -> None:
    """Coordinates that are the attributes, a mixture of them, and noise."""
    source = np.random.default_rng(1)
    observed = source.standard_normal((4000, 3))
    same = whole(made(np.eye(3), observed=observed, coordinates=observed * [2, -1, 0.1]))
    assert measures.information_modularity(same) == pytest.approx(1.0, abs=0.02)
    assert measures.information_compactness(same) == pytest.approx(1.0, abs=0.02)
    assert measures.explicitness(same) == pytest.approx(1.0)
    np.testing.assert_allclose(np.diag(same.information), 1.0, atol=0.02)
    turned = whole(
        made(np.eye(3), observed=observed, coordinates=observed @ np.linalg.qr(np.ones((3, 3)) + np.eye(3))[0])
    )
    mixed = measures.information_modularity(turned)
    assert mixed is not None
    assert mixed < 0.8
    assert measures.explicitness(turned) == pytest.approx(1.0), "a rotation loses nothing"
    noise = whole(made(np.eye(3), observed=observed, coordinates=source.standard_normal((4000, 3))))
    assert float(noise.information.max()) < 0.005
    assert measures.explicitness(noise) == pytest.approx(0.0, abs=0.01)


def test_redrawing_does_not_move_the_observed_measures() -> None:
    source = np.random.default_rng(2)
    observed = source.standard_normal((1000, 3))
    evidence = made(np.eye(3), observed=observed, coordinates=observed + source.standard_normal((1000, 3)))
    figure = figures([evidence], (), 100)["information_modularity"]
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value - 0.01
    assert figure.value + 0.01 < figure.high


def test_information_by_hand() -> None:
    # A fair coin read rightly: one bit of one; read wrongly a quarter of the time: 1 - H(1/4).
    tables = np.array(
        [[[500.0, 0.0], [0.0, 500.0]], [[375.0, 125.0], [125.0, 375.0]], [[250.0, 250.0], [250.0, 250.0]]]
    )
    wrong = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    np.testing.assert_allclose(normalised_information(tables), [1.0, 1 - wrong, 0.0], atol=1e-3)
    assert np.isnan(normalised_information(np.array([[3.0, 4.0], [0.0, 0.0]])))
    bins = quantile_bins(np.array([*range(100), np.nan]))
    assert np.bincount(bins[:-1]).tolist() == [10] * 10
    assert bins[-1] == -1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 6))
def test_shares_do_not_depend_on_order_or_on_scale(seed: int, rows: int, columns: int) -> None:
    source = np.random.default_rng(seed)
    matrix = source.random((rows, columns))
    found = largest_share(matrix, columns)
    assert found is not None
    assert -1e-9 <= found <= 1 + 1e-9
    shuffled = matrix[source.permutation(rows)][:, source.permutation(columns)] * source.uniform(0.1, 9, (rows, 1))
    assert largest_share(shuffled, columns) == pytest.approx(found)


def test_intervals_and_nulls() -> None:
    source = np.random.default_rng(3)

    def noisy(spread: float) -> Evidence:
        evidence = made(np.eye(3), bases=12)
        return replace(evidence, values=evidence.values + spread * source.standard_normal(evidence.values.shape))

    clean, random = noisy(0.1), [noisy(3.0) for _ in range(3)]
    found, chance = figures([clean], random, 200, 1), figures(random, random, 200, 1)
    assert tuple(found) == tuple(column.name for column in COLUMNS)
    assert found["modularity"].low is not None
    assert chance["modularity"].high is not None
    assert chance["modularity"].low is not None
    assert found["modularity"].low > chance["modularity"].high
    assert found["modularity"].null == chance["modularity"].value == chance["modularity"].null
    assert found == figures([clean], random, 200, 1), "repeatable"
    alone = figures(random[:2], (), 200, 1)["modularity"]
    assert alone.null is None
    for figure in found.values():
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert figure.low <= figure.value <= figure.high
    assert found["mcc"].note == "the true directions are not known"
    assert found["explicitness"].note == "there are no coordinates"


def test_seeds_that_differ_widen_the_interval() -> None:
    same = [made(np.eye(2)) for _ in range(3)]
    other = [*same[:2], made([[1.0, 1.0], [1.0, 1.0]])]
    narrow, wide = figures(same, (), 50)["modularity"], figures(other, (), 50)["modularity"]
    assert (narrow.low, narrow.high) == (pytest.approx(1.0), pytest.approx(1.0))
    assert wide.value == pytest.approx(2 / 3)
    assert (wide.low, wide.high) == (0.0, 1.0), "Student's t of 1, 1, 0 reaches beyond where the measure ends"
