"""The faces world: each factor draws where it should and nowhere else, at both sizes; its causes have their effects.
What holds for every world is tested with the others, in test_world_laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import logit

from explorer.worlds import registry
from explorer.worlds.base import Array
from explorer.worlds.faces import BLOCK, FEMALE, MALE, WEARERS, WORLD

# Left, top, right, bottom in the units of the drawing, whose picture spans these.
LEFT, TOP, SPAN = -0.9, -0.93, 1.8
EYES = (-0.52, -0.17, 0.52, 0.12)
PLACES = {
    "gaze": EYES,
    "eye_openness": EYES,
    "brow": (-0.54, -0.42, 0.54, -0.08),
    "smile": (-0.42, 0.22, 0.42, 0.56),
    "mouth_open": (-0.42, 0.22, 0.42, 0.56),
    "glasses": (-0.65, -0.24, 0.65, 0.20),
    "wrinkles": (-0.67, -0.42, 0.67, 0.50),
    "beard": (-0.62, -0.15, 0.62, 0.68),
    "shadow": (-0.62, -0.66, 0.62, 0.68),
}
BASE = {
    "age": 0.4, "sex": MALE, "light": 0.5, "head_width": 0.5, "skin": 0.3, "hair_colour": 0.3, "hair_grey": 0.0,
    "hair_length": 0.1, "wrinkles": 0.2, "beard": 0.0, "brow": 0.0, "eye_openness": 0.8, "gaze": 0.0, "smile": 0.4,
    "mouth_open": 0.0, "glasses": 0.0, "head_turn": 0.0, "brightness": 0.7, "shadow": 0.4, "background": 0.55,
}  # fmt: skip


def face(**values: float) -> Array:
    """One row: the base face with ``values``."""
    return WORLD.with_values(np.zeros((1, len(WORLD.factors)), np.float32), BASE | values)


def outside(place: tuple[float, float, float, float], size: int) -> np.ndarray:
    """(size, size) which pixels lie outside the rectangle; a pixel of margin for the soft edge, one for rounding."""
    pixel = SPAN / size
    x, y = (start + pixel * (np.arange(size) + 0.5) for start in (LEFT, TOP))
    left, top, right, bottom = place
    across = (x > left - 2 * pixel) & (x < right + 2 * pixel)
    return ~(across[None, :] & ((y > top - 2 * pixel) & (y < bottom + 2 * pixel))[:, None])


def difference(one: Array, other: Array, size: int = 64) -> np.ndarray:
    """(size, size) largest difference over the channels, in levels of 255."""
    pictures = WORLD.render(np.concatenate([one, other]), size).astype(int)
    return np.abs(pictures[0] - pictures[1]).max(axis=-1)


def test_is_registered_with_its_sizes_and_graph() -> None:
    assert registry.world("faces") is WORLD
    assert WORLD.sizes == (64, 128)
    assert set(WORLD.edges) == {
        ("age", "hair_grey"),
        ("age", "wrinkles"),
        ("sex", "beard"),
        ("sex", "hair_length"),
        ("light", "brightness"),
        ("light", "shadow"),
    }


@pytest.mark.parametrize("size", WORLD.sizes)
@pytest.mark.parametrize("name", PLACES)
def test_a_feature_changes_its_own_place_and_nothing_else(name: str, size: int) -> None:
    factor = WORLD.factors[WORLD.column(name)]
    for base in ({}, {"head_turn": -1.0, "skin": 0.9}, {"head_turn": 1.0, "sex": FEMALE, "hair_length": 0.2}):
        changed = difference(face(**base | {name: factor.low}), face(**base | {name: factor.high}), size)
        assert not changed[outside(PLACES[name], size)].any()
        # Pixels that anyone would see changing. The fewest are those of a closed mouth on dark skin.
        assert (changed > 25).sum() >= 6 * (size // 64) ** 2


@pytest.mark.parametrize("size", WORLD.sizes)
def test_the_background_changes_around_the_head_and_not_in_it(size: int) -> None:
    for turn in (-1.0, 0.0, 1.0):
        changed = difference(face(head_turn=turn), face(head_turn=turn, background=0.05), size)
        assert not changed[~outside((-0.2, -0.4, 0.2, 0.35), size)].any()
        corners = [changed[row, column] for row in (0, size // 3) for column in (0, -1)]
        assert min(corners) > 25


@pytest.mark.parametrize("name", ["hair_colour", "hair_grey", "hair_length", "head_width", "skin", "sex", "head_turn"])
def test_what_belongs_to_the_head_leaves_the_far_background(name: str) -> None:
    factor = WORLD.factors[WORLD.column(name)]
    changed = difference(face(**{name: factor.low}), face(**{name: factor.high}))
    assert not changed[outside((-0.75, -0.75, 0.75, 0.9), 64)].any()
    assert (changed > 25).sum() >= 12


@pytest.mark.parametrize("name", [name for name in WORLD.names if name not in WORLD.unseen])
def test_every_factor_shows_in_most_faces(name: str) -> None:
    factor = WORLD.factors[WORLD.column(name)]
    # The far end of a circle is half way round.
    ends = (factor.low, factor.low + factor.period / 2) if factor.cyclic else (factor.low, factor.high)
    rows = WORLD.sample(32, 7)
    low, high = (WORLD.render(WORLD.with_values(rows, {name: end})).astype(float) for end in ends)
    away = np.abs(high - low)
    assert np.mean(away.max(axis=(1, 2, 3)) > 15) > 0.9
    assert np.median(away.mean(axis=(1, 2, 3))) > 0.15


@pytest.mark.parametrize("name", WORLD.unseen)
def test_an_unseen_cause_shows_through_its_effects_alone(name: str) -> None:
    rows = WORLD.sample(8, 3)
    assert np.array_equal(WORLD.render(WORLD.with_values(rows, {name: 0.1})), WORLD.render(rows))
    noises = WORLD.noises(8, 3)
    low, high = (WORLD.render(WORLD.factors_of(noises, {name: value})).astype(int) for value in (0.0, 1.0))
    assert (np.abs(high - low).max(axis=(1, 2, 3)) > 10).all()


def test_large_pictures_averaged_are_the_small_ones() -> None:
    rows = np.concatenate([WORLD.sample(16, 2), WORLD.independent(16, 2)])
    small = WORLD.render(rows, 64).astype(float)
    large = WORLD.render(rows, 128).reshape(32, 64, 2, 64, 2, 3).astype(float).mean(axis=(2, 4))
    assert np.abs(small - large).mean() < 1.0
    assert np.mean(np.abs(small - large) > 40) < 0.002


def test_a_row_does_not_depend_on_its_block() -> None:
    rows = WORLD.sample(BLOCK + 6, 4)
    together = WORLD.render(rows)
    for index in (0, BLOCK - 1, BLOCK, BLOCK + 5):
        assert np.array_equal(WORLD.render(rows[index][None])[0], together[index])
    assert WORLD.render(rows[:0]).shape == (0, 64, 64, 3)


def test_the_hue_goes_round_and_numbers_are_held_to_their_ranges() -> None:
    assert np.array_equal(WORLD.render(face(background=0.25)), WORLD.render(face(background=1.25)))
    assert np.array_equal(WORLD.render(face(smile=1.0)), WORLD.render(face(smile=3.0)))


def test_gaze_and_turn_move_the_dark_of_the_eyes_to_their_side() -> None:
    def centre(**values: float) -> float:
        picture = WORLD.render(face(skin=0.0, **values), 128)[0].astype(float).mean(axis=-1)
        row = (np.arange(128) + 0.5) / 128 * SPAN + TOP
        dark = (255.0 - picture[np.abs(row + 0.02) < 0.04]).sum(axis=0) ** 3
        inner = slice(20, 108)
        return float((dark * np.arange(128))[inner].sum() / dark[inner].sum())

    for name in ("gaze", "head_turn"):
        places = [centre(**{name: value}) for value in (-1.0, 0.0, 1.0)]
        assert places[0] < places[1] - 0.5
        assert places[1] < places[2] - 0.5


def test_mechanisms_are_logistic_in_their_cause() -> None:
    """The published law, computed apart: the logit less the cause's part has the stated normal distribution."""
    rows = WORLD.sample(4000, 9).astype(float)
    values = {name: rows[:, WORLD.column(name)] for name in WORLD.names}
    for effect, cause, slope, threshold, spread in (
        ("hair_grey", "age", 10.0, 0.68, 0.9),
        ("wrinkles", "age", 8.0, 0.66, 0.7),
        ("hair_length", "sex", -3.2, 0.22, 1.1),
        ("brightness", "light", 3.2, 0.22, 0.5),
        ("shadow", "light", 3.6, 0.62, 0.6),
    ):
        noise = (logit(values[effect]) - slope * (values[cause] - threshold)) / spread
        assert stats.kstest(noise, "norm").pvalue > 1e-4
        assert np.allclose(WORLD.abduct(rows)[:, WORLD.column(effect)], noise, atol=1e-6)


def test_only_men_grow_beards_and_their_noise_is_known_from_nothing_else() -> None:
    rows = WORLD.sample(2000, 5)
    male, beard = rows[:, WORLD.column("sex")] == MALE, rows[:, WORLD.column("beard")]
    noise = WORLD.abduct(rows)[:, WORLD.column("beard")]
    assert (beard[~male] == 0).all()
    assert (beard[male] > 0).all()
    assert np.isnan(noise[~male]).all()
    assert np.isfinite(noise[male]).all()
    shaved = WORLD.counterfactual(rows, {"sex": FEMALE})[:, WORLD.column("beard")]
    assert (shaved[male] == 0).all()
    # What beard a woman would have had as a man was never seen.
    assert np.isnan(WORLD.counterfactual(rows, {"sex": MALE})[~male, WORLD.column("beard")]).all()


def test_glasses_can_be_tied_to_age_without_a_cause() -> None:
    free, tied = WORLD.sample(4000, 1), WORLD.sample(4000, 1, {("age", "glasses"): 0.8})
    age, glasses = WORLD.column("age"), WORLD.column("glasses")
    for rows in (free, tied):
        assert rows[:, glasses].mean() == pytest.approx(WEARERS, abs=0.03)
        assert stats.kstest(rows[:, age], "uniform").pvalue > 1e-4
    assert abs(stats.pointbiserialr(free[:, glasses], free[:, age]).statistic) < 0.07
    # A normal pair with correlation r, one of it cut at its quantile of 1 - q and the other made uniform, correlate as
    # r · density at the cut / sqrt(q (1 - q)) · sqrt(3 / pi); the last factor is the normal's with its own rank.
    cut = stats.norm.ppf(1 - WEARERS)
    expected = 0.8 * stats.norm.pdf(cut) / np.sqrt(WEARERS * (1 - WEARERS)) * np.sqrt(3 / np.pi)
    assert stats.pointbiserialr(tied[:, glasses], tied[:, age]).statistic == pytest.approx(expected, abs=0.05)
    forced = WORLD.factors_of(WORLD.noises(4000, 1, {("age", "glasses"): 0.8}), {"age": 0.1})
    assert np.array_equal(forced[:, glasses], tied[:, glasses])  # age does not cause them
