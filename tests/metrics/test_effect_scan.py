"""Effects with intervals: coverage by simulation, laws, and what can be computed in another way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from explorer.attributes.base import Attribute
from explorer.metrics.effect_scan import (
    FEWEST,
    adjusted,
    changes,
    guessed,
    indicators,
    mean_effects,
    monotonicity,
    secants,
    share_effects,
)

REPETITIONS = 1000
NUMBER, TURN = Attribute("size"), Attribute("hue", period=1.0)


# --- coverage --------------------------------------------------------------------------------------------------------

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

LAWS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda source, shape: source.normal(0.4, 1.0, shape), 0.4),
    "exponential": (lambda source, shape: source.exponential(1.0, shape), 1.0),
    "lognormal": (lambda source, shape: source.lognormal(0.0, 1.0, shape), float(np.exp(0.5))),
    "falling lognormal": (lambda source, shape: -source.lognormal(0.0, 0.8, shape), -float(np.exp(0.32))),
    "chi-squared": (lambda source, shape: source.chisquare(1, shape), 1.0),
    "heavy tails": (lambda source, shape: source.standard_t(3, shape), 0.0),
    "some jump": (
        lambda source, shape: np.where(
            source.random(shape) < 0.3, source.normal(2.0, 0.5, shape), source.normal(0.0, 0.1, shape)
        ),
        0.6,
    ),
}


@pytest.mark.parametrize(("bases", "least"), [(64, 0.926), (16, 0.90)])
@pytest.mark.parametrize("law", LAWS)
def test_intervals_of_means_hold_the_truth(law: str, bases: int, least: float) -> None:
    draw, truth = LAWS[law]
    estimates = mean_effects(draw(np.random.default_rng(5), (bases, REPETITIONS)))
    assert np.mean((estimates.low <= truth) & (truth <= estimates.high)) >= least


def test_the_t_interval_would_not_and_a_bootstrap_would_not_either() -> None:
    """What the correction for skewness is for: the usual intervals miss the line on the same draws."""
    draws = LAWS["lognormal"][0](np.random.default_rng(5), (64, REPETITIONS))
    truth, error = LAWS["lognormal"][1], draws.std(0, ddof=1) / 8
    reach = stats.t.ppf(0.975, 63) * error
    assert np.mean(np.abs(draws.mean(0) - truth) <= reach) < 0.926
    source = np.random.default_rng(0)
    held = []
    for sample in draws.T[:400]:
        means = sample[source.integers(64, size=(400, 64))].mean(1)
        low, high = np.quantile(means, [0.025, 0.975])
        held.append(low <= truth <= high)
    assert np.mean(held) < 0.926


@pytest.mark.parametrize(("groups", "least"), [(64, 0.926), (16, 0.90)])
@pytest.mark.parametrize("law", ["normal", "exponential", "chi-squared", "some jump"])
def test_clustered_draws_are_no_more_than_their_clusters(law: str, groups: int, least: float) -> None:
    """Four draws at one base code share most of what they differ by from those of another."""
    draw, truth = LAWS[law]
    source = np.random.default_rng(6)
    common, own = draw(source, (groups, 1, REPETITIONS)), source.normal(0.0, 0.3, (groups, 4, REPETITIONS))
    rows = (common + own).reshape(4 * groups, REPETITIONS)
    clusters = np.repeat(np.arange(groups), 4)
    estimates = mean_effects(rows, clusters=clusters)
    assert np.mean((estimates.low <= truth) & (truth <= estimates.high)) >= least
    blind = mean_effects(rows)
    assert np.mean((blind.low <= truth) & (truth <= blind.high)) < 0.85


@pytest.mark.parametrize(("bases", "least"), [(64, 0.926), (16, 0.90)])
@pytest.mark.parametrize(
    ("rise", "fall"), [(0.0, 0.0), (0.02, 0.0), (0.1, 0.0), (0.1, 0.1), (0.3, 0.05), (0.5, 0.5), (0.9, 0.02), (1, 0)]
)
def test_intervals_of_probabilities_hold_the_truth(rise: float, fall: float, bases: int, least: float) -> None:
    drawn = np.random.default_rng(7).random((bases, REPETITIONS))
    differences = np.where(drawn < rise, 1.0, np.where(drawn < rise + fall, -1.0, 0.0))
    estimates = share_effects(differences)
    truth = rise - fall
    assert np.mean((estimates.low <= truth + 1e-12) & (truth - 1e-12 <= estimates.high)) >= least


@pytest.mark.parametrize(("groups", "least"), [(64, 0.926), (16, 0.90)])
@pytest.mark.parametrize(("rise", "fall"), [(0.1, 0.0), (0.3, 0.05), (0.5, 0.4), (0.8, 0.02)])
def test_clustered_probabilities_hold_the_truth(rise: float, fall: float, groups: int, least: float) -> None:
    source = np.random.default_rng(8)
    shape = (groups, 4, REPETITIONS)
    drawn = np.where(source.random(shape) < 0.6, source.random((groups, 1, REPETITIONS)), source.random(shape))
    differences = np.where(drawn < rise, 1.0, np.where(drawn < rise + fall, -1.0, 0.0)).reshape(-1, REPETITIONS)
    estimates = share_effects(differences, clusters=np.repeat(np.arange(groups), 4))
    assert np.mean((estimates.low <= rise - fall) & (rise - fall <= estimates.high)) >= least


# --- laws ------------------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-50, 50).map(lambda number: round(number, 2))
SAMPLES = arrays.arrays(float, st.integers(FEWEST, 30), elements=NUMBERS)


@given(SAMPLES, st.sampled_from([0.8, 0.95, 0.99]))
def test_p_and_the_interval_say_the_same(differences: np.ndarray, level: float) -> None:
    estimates = mean_effects(differences, level)
    assert estimates.low <= estimates.effect <= estimates.high
    p = float(estimates.p)
    assert 0 <= p <= 1
    if abs(p - (1 - level)) > 1e-6:
        assert (p < 1 - level) == (not estimates.low <= 0 <= estimates.high)


@given(arrays.arrays(float, st.integers(FEWEST, 40), elements=st.sampled_from([-1.0, 0.0, 1.0])))
def test_p_and_the_interval_of_a_probability_say_the_same(differences: np.ndarray) -> None:
    estimates = share_effects(differences)
    assert -1 <= estimates.low <= estimates.effect <= estimates.high <= 1
    if abs(float(estimates.p) - 0.05) > 1e-6:
        assert (estimates.p < 0.05) == (not estimates.low <= 0 <= estimates.high)


@given(SAMPLES, st.floats(0.01, 100), st.sampled_from([-1.0, 1.0]))
def test_an_effect_follows_unit_and_sign(differences: np.ndarray, factor: float, sign: float) -> None:
    plain, other = mean_effects(differences), mean_effects(sign * factor * differences)
    ends = [sign * factor * float(end) for end in (plain.low, plain.high)]
    np.testing.assert_allclose([other.low, other.high], sorted(ends), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.p, plain.p, rtol=1e-5, atol=1e-9)


def test_without_skewness_it_is_the_t_test() -> None:
    rows = np.random.default_rng(1).normal(0.3, 1.0, (12, 1))
    mirrored = np.concatenate([rows, 0.6 - rows])  # symmetric about .3
    estimates = mean_effects(mirrored)
    test = stats.ttest_1samp(mirrored[:, 0], 0.0)
    interval = test.confidence_interval(0.95)
    np.testing.assert_allclose(estimates.p, [test.pvalue], rtol=1e-9)
    np.testing.assert_allclose([estimates.low[0], estimates.high[0]], [interval.low, interval.high], rtol=1e-9)


def test_a_long_tail_moves_both_ends_to_its_side() -> None:
    rows = np.random.default_rng(2).exponential(1.0, 20)
    estimates, test = mean_effects(rows), stats.ttest_1samp(rows, 0.0).confidence_interval(0.95)
    assert estimates.low > test.low
    assert estimates.high > test.high


def test_what_never_changes_is_certain_and_a_category_that_has_not_yet_is_not() -> None:
    still, all_alike = mean_effects(np.zeros(16)), mean_effects(np.full(16, 0.1))
    assert (still.effect, still.low, still.high, still.p) == (0, 0, 0, 1)
    assert float(all_alike.low) == float(all_alike.high) == pytest.approx(0.1)
    assert all_alike.p == 0
    shares = share_effects(np.zeros(16))
    assert shares.effect == 0
    assert shares.low < -0.1 < 0.1 < shares.high
    assert shares.p == 1


def test_what_was_not_read_is_left_out_and_too_little_is_nothing() -> None:
    rows = np.random.default_rng(3).normal(1.0, 1.0, (20, 2))
    rows[5:10, 0] = np.nan
    rows[3:, 1] = np.nan
    estimates = mean_effects(rows)
    alone = mean_effects(np.delete(rows[:, 0], range(5, 10)))
    np.testing.assert_allclose([estimates.low[0], estimates.high[0]], [alone.low, alone.high])
    assert estimates.n.tolist() == [15, 3]
    assert np.isnan([part[1] for part in (estimates.effect, estimates.low, estimates.high, estimates.p)]).all()
    shares = share_effects(np.sign(rows))
    assert shares.n.tolist() == [15, 3]
    assert np.isnan(shares.p[1])
    together = mean_effects(rows[:, :1], clusters=np.repeat(np.arange(3), 7)[:20])
    assert np.isnan(together.p[0])  # three clusters


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_clusters_of_one_row_change_nothing(width: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(0.0, 1.0, (12, width))
    clusters = np.random.default_rng(seed).permutation(12)
    for estimate, data in ((mean_effects, rows), (share_effects, np.sign(np.round(rows)))):
        plain, clustered = estimate(data), estimate(data, clusters=clusters)
        for name in ("effect", "low", "high", "p", "n"):
            np.testing.assert_allclose(getattr(clustered, name), getattr(plain, name), rtol=1e-9, atol=1e-12)


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_changes_of_a_number_are_differences() -> None:
    values = np.array([[1.0, 2.0, 4.0], [0.0, np.nan, 3.0]])
    np.testing.assert_array_equal(changes(values, 1, NUMBER), [[-1.0, 0.0, 2.0], [np.nan, np.nan, np.nan]])
    assert guessed(values, NUMBER) == 0


@given(
    st.integers(0, 8),
    arrays.arrays(float, (3, 9), elements=st.floats(-0.45, 0.45)),
    arrays.arrays(float, 3, elements=st.floats(0, 1)),
)
def test_a_cyclic_outcome_is_followed_round_and_round(reference: int, steps: np.ndarray, start: np.ndarray) -> None:
    """As a lifted path: whole turns are counted that the readings cannot show."""
    lifted = start[:, None] + steps.cumsum(1)
    followed = changes(np.mod(lifted, 1.0), reference, TURN)
    np.testing.assert_allclose(followed, lifted - lifted[:, [reference]], atol=1e-9)


def test_a_cyclic_outcome_has_no_seam() -> None:
    readings = np.array([[0.9, 0.95, 0.05, 0.1], [0.2, 0.1, 0.95, 0.9]])
    np.testing.assert_allclose(changes(readings, 0, TURN)[:, -1], [0.2, -0.3])
    # Where it cannot be read, nobody knows which way it went on.
    readings[0, 1] = np.nan
    assert np.isfinite(changes(readings, 0, TURN)[0]).tolist() == [True, False, False, False]
    assert np.isfinite(changes(readings, 3, TURN)[0]).tolist() == [False, False, True, True]
    assert guessed(np.array([[0.0, 0.2, 0.6], [0.0, 0.1, np.nan]]), TURN) == pytest.approx(1 / 3)


def test_a_category_is_read_as_indicators() -> None:
    np.testing.assert_array_equal(indicators(np.array([1.0, 2.0, np.nan]), 2.0), [0.0, 1.0, np.nan])


def test_secant_and_monotonicity() -> None:
    levels = np.array([-2.0, -1.0, 1.0, 2.0])
    curves = np.array([[0.0, 1.0, 1.0, 4.0], [0.0, 2.0, 1.0, 0.0], [np.nan, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(secants(curves, levels), [1.0, 0.0, np.nan])
    # The incremental effect of a uniform grid: the mean of its steps over their width.
    grid = np.linspace(-1.0, 2.0, 7)
    curve = np.random.default_rng(0).normal(size=(5, 7))
    np.testing.assert_allclose(secants(curve, grid), (np.diff(curve) / np.diff(grid)).mean(1))
    assert monotonicity(np.array([[0.0, 1.0, 5.0], [0.0, 2.0, 3.0]])) == 1
    assert monotonicity(-np.array([[0.0, 1.0, 5.0]])) == -1
    assert monotonicity(np.array([[0.0, 3.0, 1.0]])) == pytest.approx(1 / 5)
    assert monotonicity(np.zeros((3, 4))) is None
    assert monotonicity(np.full((3, 4), np.nan)) is None


# --- multiplicity ----------------------------------------------------------------------------------------------------

PS = arrays.arrays(float, st.integers(1, 12), elements=st.floats(0, 1))


@given(PS, st.floats(0.001, 0.5))
def test_benjamini_and_hochberg_reject_by_their_definition(p: np.ndarray, level: float) -> None:
    ordered = np.sort(p)
    below = np.flatnonzero(ordered <= np.arange(1, len(p) + 1) * level / len(p) + 1e-15)
    cut = ordered[below[-1]] if len(below) else -1.0
    rejected = adjusted(p, "bh") <= level + 1e-12
    np.testing.assert_array_equal(rejected, p <= cut)
    np.testing.assert_allclose(adjusted(p, "bh"), stats.false_discovery_control(p), atol=1e-12)


@given(PS, st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(p: np.ndarray, level: float) -> None:
    rejected = np.zeros(len(p), bool)
    for place, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] * (len(p) - place) > level:
            break
        rejected[index] = True
    np.testing.assert_array_equal(adjusted(p, "holm") <= level, rejected)


def test_what_has_no_p_is_not_counted() -> None:
    np.testing.assert_allclose(adjusted(np.array([0.01, np.nan, 0.04]), "bh"), [0.02, np.nan, 0.04])
    np.testing.assert_allclose(adjusted(np.array([0.01, np.nan, 0.04]), "holm"), [0.02, np.nan, 0.04])
    assert np.isnan(adjusted(np.array([np.nan]), "bh")).all()
