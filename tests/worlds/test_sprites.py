"""The sprites world: its grid, its geometry against closed forms, and how exactly it is read back."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.worlds import registry
from explorer.worlds.base import Array
from explorer.worlds.sprites import ELLIPSE, HEART, SQUARE, SYMMETRY, TURN, WORLD

SCALE = {SQUARE: 0.041, ELLIPSE: 0.025, HEART: 0.03}
DEGREES = {SQUARE: 4.5, ELLIPSE: 5.0, HEART: 5.0}
POSITION = 0.014  # less than half a pixel; a step of the grid is 0.032


def row(shape: int, scale: float = 1.0, orientation: float = 0.0, x: float = 0.5, y: float = 0.5) -> Array:
    return np.array([[shape, scale, orientation, x, y]], np.float32)


def drawn(**values: float) -> np.ndarray:
    return WORLD.render(row(**values))[0, :, :, 0] > 0  # type: ignore[arg-type]


def test_is_registered_with_the_grid_of_dsprites() -> None:
    assert registry.world("sprites") is WORLD
    assert [len(factor.values) for factor in WORLD.factors] == [3, 6, 40, 32, 32]
    assert WORLD.names == ("shape", "scale", "orientation", "x", "y")
    assert WORLD.factors[1].values == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    assert WORLD.factors[2].values[-1] == pytest.approx(2 * np.pi)


def test_pictures_are_black_and_white() -> None:
    assert set(np.unique(WORLD.render(WORLD.sample(50, 0)))) == {0, 255}


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.0])
def test_areas_are_those_of_the_formulas(scale: float) -> None:
    """Averaged over places between the pixels, the count of pixels is the area."""
    places = np.linspace(0.5, 0.5 + 3 / 32, 24, endpoint=False)
    x, y = (axis.reshape(-1) for axis in np.meshgrid(places, places))
    # The data set's heart has 228 pixels; the taper fitted to it loses 2 % of them.
    for shape, area, tolerance in ((SQUARE, 19.24**2, 3e-3), (ELLIPSE, np.pi * 12.85 * 7.15, 3e-3), (HEART, 228, 0.03)):
        rows = np.stack([np.full(576, shape), np.full(576, scale), np.full(576, 0.3), x, y], axis=1)
        mean = (WORLD.render(rows.astype(np.float32)) > 0).sum(axis=(1, 2, 3)).mean()
        assert mean == pytest.approx(area * scale**2, rel=tolerance)


def test_a_square_covers_the_pixels_within_half_its_side() -> None:
    # At (0.5, 0.5) the centre is at 31.5, 31.5: pixels 22 to 41 lie within 9.62 of it.
    expected = np.zeros((64, 64), bool)
    expected[22:42, 22:42] = True
    assert np.array_equal(drawn(shape=SQUARE), expected)


def test_ellipse_lies_flat_and_turns_counter_clockwise() -> None:
    lines, columns = np.nonzero(drawn(shape=ELLIPSE))
    assert np.ptp(columns) + 1 == 26  # 2 · 12.85 about 31.5
    assert np.ptp(lines) + 1 == 14
    lines, columns = np.nonzero(drawn(shape=ELLIPSE, orientation=np.pi / 4))
    assert np.corrcoef(lines, columns)[0, 1] < -0.3  # the right end points up, where lines are small


def test_heart_points_down_and_is_symmetric() -> None:
    heart = drawn(shape=HEART)
    assert np.array_equal(heart, heart[:, ::-1])
    widths = heart.sum(axis=1)
    assert widths[40] < widths[34] < widths[28]
    assert not heart[:24, 31].any()  # the notch between the lobes
    assert heart[22:24].any()


@pytest.mark.parametrize("shape", [SQUARE, ELLIPSE, HEART])
def test_a_sprite_looks_the_same_after_its_symmetry(shape: int) -> None:
    for turned in (SYMMETRY[shape], TURN):
        # Another number in the last place may turn a pixel whose centre lies on the edge.
        assert (drawn(shape=shape, orientation=0.4) ^ drawn(shape=shape, orientation=0.4 + turned)).sum() <= 1
    assert (drawn(shape=shape, orientation=0.4) ^ drawn(shape=shape, orientation=0.4 + SYMMETRY[shape] / 2)).sum() > 20


def test_moving_by_a_pixel_moves_the_picture() -> None:
    for axis, values in ((1, {"x": 0.5 + 3 / 32}), (0, {"y": 0.5 + 3 / 32})):
        moved = drawn(shape=HEART, scale=0.7, orientation=1.0, **values)  # type: ignore[arg-type]
        assert np.array_equal(moved, np.roll(drawn(shape=HEART, scale=0.7, orientation=1.0), 3, axis=axis))


def test_measuring_returns_what_was_drawn() -> None:
    rows = WORLD.sample(3000, 5)
    found = WORLD.measure(WORLD.render(rows))
    assert np.array_equal(found[:, 0], rows[:, 0])
    shapes = rows[:, 0].astype(int)
    away = np.abs(found - rows)
    period = np.asarray(SYMMETRY)[shapes]
    turned = (found[:, 2] - rows[:, 2]) % period
    degrees = np.degrees(np.minimum(turned, period - turned))
    assert ((found[:, 2] >= 0) & (found[:, 2] <= period + 1e-6)).all()
    for shape in (SQUARE, ELLIPSE, HEART):
        of = shapes == shape
        assert away[of, 1].max() < SCALE[shape]
        assert degrees[of].max() < DEGREES[shape]
    assert away[:, 3:].max() < POSITION


def test_a_black_picture_shows_nothing_and_a_white_one_no_heart() -> None:
    found = WORLD.measure(np.stack([np.zeros((64, 64, 1)), np.full((64, 64, 1), 255)]).astype(np.uint8))
    assert np.isnan(found[0]).all()
    assert found[1, 0] == SQUARE


@pytest.mark.parametrize("values", [(3, 1, 0, 0, 0), (0, 0, 0, 0, 0), (0, 2.5, 0, 0, 0), (0, np.nan, 0, 0, 0)])
def test_impossible_values_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sprites"):
        WORLD.render(np.array([values], np.float32))


def test_what_leaves_the_picture_is_cut_off() -> None:
    assert not drawn(shape=SQUARE, x=3.0).any()
    half = drawn(shape=SQUARE, x=-15.5 / 32)  # its centre on the first column
    assert np.array_equal(np.nonzero(half.any(axis=0))[0], np.arange(10))
