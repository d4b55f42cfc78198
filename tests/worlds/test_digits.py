"""The digits world: DeepSCM's mechanism, real digits, strokes as thick as they say, and measuring them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.worlds import registry
from explorer.worlds.base import Array
from explorer.worlds.digits import FRAME, LOOPS, STYLES, WORLD, _loops, _write, pen_lines, thinned


def row(digit: int = 3, style: int = 0, thickness: float = 2.5, intensity: float = 200.0, slant: float = 0.0) -> Array:
    return np.array([[digit, style, thickness, intensity, slant]], np.float32)


def test_is_registered() -> None:
    assert registry.world("digits") is WORLD
    assert WORLD.edges == (("thickness", "intensity"),)


def test_moments_are_those_of_deepscm() -> None:
    """Figures of the published set: thickness 2.5 ± 0.63, intensity 158 ± 48, correlation 0.91."""
    rows = WORLD.sample(20000, 0)
    assert rows[:, 2].mean() == pytest.approx(2.50, abs=0.02)
    assert rows[:, 2].std() == pytest.approx(0.633, abs=0.02)
    assert rows[:, 3].mean() == pytest.approx(157.9, abs=1.5)
    assert rows[:, 3].std() == pytest.approx(48.3, abs=1.0)
    assert np.corrcoef(rows[:, 2], rows[:, 3])[0, 1] == pytest.approx(0.91, abs=0.01)


def test_mechanisms_are_those_of_deepscm() -> None:
    u = np.linspace(0.01, 0.99, 99)
    uniform = torch.from_numpy(u)[:, None]
    thickness = WORLD.mechanisms["thickness"].noise(uniform)[:, 0].numpy()
    assert thickness == pytest.approx(0.5 + stats.gamma(10, scale=1 / 5).ppf(u), abs=2e-3)  # the cut moves it so much
    noise = WORLD.mechanisms["intensity"].noise(uniform)[:, 0].numpy()
    assert noise == pytest.approx(stats.norm.ppf(u))
    intensity = (
        WORLD.mechanisms["intensity"].assign(*(torch.from_numpy(a[:, None]) for a in (thickness, noise))).numpy()
    )
    assert intensity == pytest.approx(191 / (1 + np.exp(-(0.5 * noise + 2 * thickness - 5))) + 64)


def test_intensity_is_abducted_exactly_and_an_impossible_one_not() -> None:
    noises = WORLD.noises(2000, 1)
    assert WORLD.abduct(WORLD.factors_of(noises))[:, 3] == pytest.approx(noises[:, 3], abs=2e-3)  # rows are float32
    assert np.isnan(WORLD.abduct(np.concatenate([row(intensity=255), row(intensity=60)]))[:, 3]).all()


def test_there_are_1200_lines_with_the_loops_of_their_digits() -> None:
    lines = pen_lines()
    assert len(lines) == 10 * STYLES
    assert len({line.tobytes() for line in lines}) == len(lines)
    # Drawn with a thin pen, a digit is in one piece and has the loops that it should have; few are too small to stay.
    right = np.zeros(10)
    for digit in range(10):
        rows = np.repeat(row(digit, thickness=1.0, intensity=255), STYLES, axis=0)
        rows[:, 1] = np.arange(STYLES)
        strokes = WORLD.render(rows, 64)[..., 0] > 127
        right[digit] = np.mean([_loops(stroke) in LOOPS[digit] for stroke in strokes])
    assert right.min() > 0.9
    assert right.mean() > 0.97


def test_the_lines_are_the_digits_of_the_data_set() -> None:
    """A nearest-neighbour classifier of the 8 x 8 originals recognises digits drawn anew and reduced to 8 x 8."""
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    rows = np.array([[digit, style, 3.3, 255, 0] for digit in range(10) for style in range(0, STYLES, 4)], np.float32)
    small = WORLD.render(rows, 64)[:, 8:56, 8:56, 0].reshape(-1, 8, 6, 8, 6).mean(axis=(2, 4)).reshape(len(rows), -1)
    bunch = load_digits()
    small *= bunch.data.mean() / small.mean()
    found = KNeighborsClassifier(5).fit(bunch.data, bunch.target).predict(small)
    assert (found == rows[:, 0]).mean() > 0.85


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("thickness", [1.5, 3.0, 4.5])
def test_a_straight_stroke_is_as_thick_as_it_says(size: int, thickness: float) -> None:
    picture = np.zeros((size, size), np.uint8)
    line = np.stack([np.full(300, 0.37), np.linspace(-8, 8, 300)], axis=1).astype(np.float32)
    _write(picture, line, np.float32(thickness / 2), np.float32(255))
    widths = (picture / 255).sum(axis=1) * FRAME / size
    assert widths[size * 2 // 5 : size * 3 // 5] == pytest.approx(thickness, rel=0.01)
    centre = (picture.sum(axis=0) * (np.arange(size) + 0.5)).sum() / picture.sum() * FRAME / size - FRAME / 2
    assert centre == pytest.approx(0.37, abs=0.02)


def test_slant_is_a_shear_that_leaves_the_stroke_its_thickness() -> None:
    style = next(
        index for index in range(STYLES) if np.ptp(pen_lines()[STYLES + index][:, 0]) < 1.5
    )  # a 1 without flag
    slants = np.array([-20.0, 0.0, 20.0])
    pictures = WORLD.render(np.concatenate([row(1, style, 2.5, 220, slant) for slant in slants]), 64)
    at = np.arange(64) - 31.5
    shares = pictures[:, 20:44, :, 0] / pictures[:, 20:44].sum(axis=(2, 3))[..., None]
    lean = [-np.polyfit(at[20:44], centres, 1)[0] for centres in shares @ at]  # the top goes to the right
    # Shear, not rotation: the tangents add up.
    assert np.diff(lean) == pytest.approx(np.tan(np.radians(20)), rel=0.03)
    assert WORLD.measure(pictures)[:, 2] == pytest.approx(np.full(3, 2.5), abs=0.2)


@pytest.mark.parametrize("size", [32, 64])
def test_measuring_returns_what_was_drawn(size: int) -> None:
    rows = WORLD.sample(250, 3)
    found = WORLD.measure(WORLD.render(rows, size))
    assert np.isnan(found[:, [0, 1, 4]]).all()
    usual = rows[:, 2] < 4.5  # thicker pens fill loops
    assert np.abs(found[usual, 2] - rows[usual, 2]).max() < 0.4
    assert np.abs(found[usual, 2] - rows[usual, 2]).mean() < 0.08
    broad = rows[:, 2] * size / FRAME > 2.0  # pixels: the stroke has an inside
    assert np.abs(found[broad, 3] - rows[broad, 3]).max() < 1.0
    assert np.abs(found[:, 3] / rows[:, 3] - 1).max() < 0.25


def test_a_black_picture_shows_nothing() -> None:
    pictures = np.concatenate([np.zeros((1, 32, 32, 1), np.uint8), WORLD.render(row())])
    assert np.array_equal(np.isnan(WORLD.measure(pictures)[:, 2]), [True, False])
    assert np.isnan(WORLD.measure(pictures[:1])).all()


def test_thinning_leaves_one_pixel_and_keeps_what_is_joined() -> None:
    mask = np.zeros((1, 30, 30), bool)
    mask[0, 5:12, 3:27] = True  # a bar
    mask[0, 15:28, 5:25] = True
    mask[0, 19:24, 10:20] = False  # a frame
    line = thinned(mask)[0]
    assert line[:13].any(axis=0).sum() >= 16  # the bar's length, less its ends
    assert line[:13].sum(axis=0).max() == 1
    squares = line[:-1, :-1] & line[1:, :-1] & line[:-1, 1:] & line[1:, 1:]
    assert not squares.any()
    assert _loops(line[13:]) == 1


@pytest.mark.parametrize(
    "values", [{"digit": 10}, {"style": STYLES}, {"thickness": -1}, {"intensity": 256}, {"slant": 70}]
)
def test_impossible_values_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="digits"):
        WORLD.render(row(**values))
