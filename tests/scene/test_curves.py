"""Curves through keys, against scipy's own and against their definitions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

from explorer.scene.curves import catmull_rom_weights, lerp, pchip, piecewise_linear

STEPS = st.lists(st.floats(0.05, 4), min_size=1, max_size=8)
VALUE = st.floats(-8, 8)
# Two keys nearer to each other than 1e-300 make scipy divide by what overflows, and warn.
COARSE = st.integers(-800, 800).map(lambda hundredths: hundredths / 100)


@st.composite
def keys(draw: st.DrawFn, value: st.SearchStrategy[float] = VALUE) -> tuple[list[float], list[float]]:
    times = np.cumsum([0.0, *draw(STEPS)]).tolist()
    return times, draw(st.lists(value, min_size=len(times), max_size=len(times)))


@given(keys(COARSE), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_pchip_agrees_with_scipy(track: tuple[list[float], list[float]], share: float) -> None:
    times, values = track
    t = times[-1] * share
    assert pchip(times, values, t) == pytest.approx(float(PchipInterpolator(times, values)(t)), abs=1e-9)


@given(keys(), st.floats(-1, 2))
@settings(max_examples=200, deadline=None)
def test_pchip_never_overshoots_and_hits_its_keys(track: tuple[list[float], list[float]], share: float) -> None:
    times, values = track
    for time, value in zip(times, values, strict=True):
        assert pchip(times, values, time) == pytest.approx(value, abs=1e-12)
    t = times[-1] * share
    after = int(np.clip(np.searchsorted(times, t), 1, len(times) - 1))
    low, high = sorted(values[after - 1 : after + 1])
    assert low - 1e-9 <= pchip(times, values, t) <= high + 1e-9


@given(keys(), st.floats(-0.5, 1.5))
@settings(max_examples=100, deadline=None)
def test_the_polygon_agrees_with_numpy(track: tuple[list[float], list[float]], share: float) -> None:
    times, values = track
    t = times[-1] * share
    assert piecewise_linear(times, values, t) == pytest.approx(float(np.interp(t, times, values)), abs=1e-9)


def test_one_key_is_a_constant() -> None:
    assert pchip([2.0], [1.5], 7.0) == 1.5
    assert piecewise_linear([2.0], [1.5], -7.0) == 1.5
    assert catmull_rom_weights([2.0], 7.0) == ((0,), (1.0,))
    assert lerp(3.0, 5.0, 1.0) == 5.0


@given(keys(), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_catmull_rom_is_the_hermite_spline_of_central_differences(
    track: tuple[list[float], list[float]], share: float
) -> None:
    times, values = track
    t = times[-1] * share
    before, after = np.r_[0, : len(times) - 1], np.r_[1 : len(times), len(times) - 1]
    tangents = (np.array(values)[after] - np.array(values)[before]) / (np.array(times)[after] - np.array(times)[before])
    indices, weights = catmull_rom_weights(times, t)
    assert sum(weights) == pytest.approx(1)
    assert len(indices) <= 4
    mixed = sum(weight * values[index] for index, weight in zip(indices, weights, strict=True))
    assert mixed == pytest.approx(float(CubicHermiteSpline(times, values, tangents)(t)), abs=1e-8)


def test_catmull_rom_on_a_key_is_that_point_alone() -> None:
    times = [0.0, 1.0, 2.5, 3.0]
    for index, time in enumerate(times):
        assert catmull_rom_weights(times, time) == ((index,), (1.0,))


def test_a_closed_curve_is_smooth_across_its_seam() -> None:
    times, values = [0.0, 1.0, 1.5, 3.0, 4.0], [0.0, 2.0, -1.0, 1.0, 0.0]

    def at(t: float) -> float:
        indices, weights = catmull_rom_weights(times, t, closed=True)
        return sum(weight * values[index] for index, weight in zip(indices, weights, strict=True))

    step = 1e-6
    leaving, arriving = (at(step) - at(0)) / step, (at(4) - at(4 - step)) / step
    assert leaving == pytest.approx(arriving, abs=1e-4)
    assert leaving == pytest.approx((2.0 - 1.0) / (1.0 + 1.0), abs=1e-4)


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.5], []])
def test_times_must_ascend(times: list[float]) -> None:
    for curve in (pchip, piecewise_linear):
        with pytest.raises(ValueError, match="curve"):
            curve(times, times, 0.0)
    with pytest.raises(ValueError, match="curve"):
        catmull_rom_weights(times, 0.0)


def test_curves_need_neither_torch_nor_numpy() -> None:
    code = "import sys, explorer.scene.curves; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
