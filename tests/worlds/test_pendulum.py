"""The pendulum world: its mechanisms against the projection they come from, the clip, and reading it back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.worlds import registry
from explorer.worlds.pendulum import (
    DEVIATION,
    SHORTEST,
    WORLD,
    _backdrop,
    shadow_middle,
    sun_position,
    unclipped_length,
)

TOLERANCE = {64: (0.45, 0.08, 0.12, 0.04), 96: (0.25, 0.03, 0.16, 0.03)}  # degrees, degrees, units, units


def grid() -> np.ndarray:
    """(7308, 2) every angle with every light, degrees."""
    angles, lights = np.meshgrid(WORLD.factors[0].values, WORLD.factors[1].values, indexing="ij")
    return np.stack([angles.reshape(-1), lights.reshape(-1)], axis=1)


def project(x: np.ndarray, y: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Where a ray of light through (x, y) meets the ground at y = -0.5, by intersecting two lines."""
    along = np.stack([np.cos(light), np.sin(light)], axis=-1)
    t = (-0.5 - y) / along[:, 1]
    return np.asarray(x + t * along[:, 0])


def noise_free() -> np.ndarray:
    noises = np.zeros((7308, 4))
    noises[:, :2] = grid()
    return WORLD.factors_of(noises)


def test_grid_is_that_of_the_original() -> None:
    assert registry.world("pendulum") is WORLD
    assert len(grid()) == 7308
    assert np.radians(WORLD.factors[0].values) == pytest.approx(np.arange(-40, 44) * np.pi / 200)
    assert np.radians(WORLD.factors[1].values) == pytest.approx(
        np.array([j for j in range(60, 148) if j != 100]) * np.pi / 200
    )


def test_mechanisms_are_the_projections_of_pivot_and_tip() -> None:
    """An independent computation: the shadows of (10, 10.5) and of a point 9.5 along the arm."""
    angle, light = np.radians(grid()).T
    pivot = project(np.full(7308, 10.0), np.full(7308, 10.5), light)
    tip = project(10 + 9.5 * np.sin(angle), 10.5 - 9.5 * np.cos(angle), light)
    assert np.abs(np.abs(pivot - tip) - unclipped_length(*torch.from_numpy(grid().T)).numpy()).max() < 1e-12
    assert np.abs((pivot + tip) / 2 - shadow_middle(*torch.from_numpy(grid().T)).numpy()).max() < 1e-12


def test_the_sun_stands_where_the_light_comes_from() -> None:
    light = grid()[:, 1]
    back = project(sun_position(light), np.full(7308, 20.5), np.radians(light))
    assert np.abs(back - project(np.full(7308, 10.0), np.full(7308, 10.5), np.radians(light))).max() < 1e-12


def test_2894_cells_are_clipped_and_their_length_cannot_be_abducted() -> None:
    rows = noise_free()
    assert WORLD.clipped(rows).sum() == 2894
    assert rows[:, 2].min() == SHORTEST
    assert rows[:, 2].max() == pytest.approx(12.58, abs=0.005)
    assert (rows[:, 3].min(), rows[:, 3].max()) == pytest.approx((2.01, 19.61), abs=0.005)
    noises = WORLD.abduct(rows)
    assert np.array_equal(np.isnan(noises[:, 2]), WORLD.clipped(rows))
    assert np.nanmax(np.abs(noises[:, 2:])) < 1e-5  # rows are float32
    changed = WORLD.counterfactual(rows, {"angle": 10.0})
    assert np.array_equal(np.isnan(changed[:, 2]), WORLD.clipped(rows))
    assert not np.isnan(changed[:, 3]).any()


def test_noise_has_the_stated_deviation() -> None:
    noises = WORLD.noises(20000, 0)[:, 2:]
    assert noises.std(axis=0) == pytest.approx(DEVIATION * 0.987, rel=0.02)  # cutting at 3 takes 1.3 % of it
    assert np.abs(noises).max() <= 3 * DEVIATION


@pytest.mark.parametrize("size", [64, 96])
def test_measuring_returns_what_was_drawn(size: int) -> None:
    rows = WORLD.sample(1500, 2)
    away = np.abs(WORLD.measure(WORLD.render(rows, size)) - rows)
    assert (away.max(axis=0) < TOLERANCE[size]).all()


def test_a_little_noise_is_borne() -> None:
    rows = WORLD.sample(300, 4)
    noisy = WORLD.render(rows) + np.random.default_rng(0).normal(0.0, 5.0, (300, 64, 64, 3))
    away = np.abs(WORLD.measure(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)) - rows)
    assert (away.max(axis=0) < (0.5, 0.15, 0.3, 0.1)).all()


def test_an_intervention_on_the_shadow_is_drawn_as_it_stands() -> None:
    rows = WORLD.factors_of(WORLD.noises(50, 1), {"shadow_length": 7.0, "shadow_position": 5.0})
    found = WORLD.measure(WORLD.render(rows))
    assert found[:, 2:] == pytest.approx(np.tile([7.0, 5.0], (50, 1)), abs=0.1)
    assert np.abs(found[:, 0] - rows[:, 0]).max() < TOLERANCE[64][0]


def test_what_is_missing_or_cut_off_is_not_measured() -> None:
    assert np.isnan(WORLD.measure(_backdrop(1, 64).pictures())).all()
    rows = np.array([[0.0, 30.0, 12.0, 1.5]], np.float32)  # the sun outside, the shadow cut by the edge
    assert np.array_equal(np.isnan(WORLD.measure(WORLD.render(rows))), [[False, True, True, True]])


def test_edges_are_smooth() -> None:
    """Half a level of the angle, a fifth of a pixel, shows; and no pixel jumps all the way."""
    rows = WORLD.sample(1, 0).repeat(2, axis=0)
    rows[1, 0] += 0.45
    before, after = WORLD.render(rows).astype(int)
    assert 0 < np.abs(after - before).max() < 128


@pytest.mark.parametrize("row", [[0, 0, 5, 10], [0, 180, 5, 10], [0, 80, -1, 10], [np.inf, 80, 5, 10], [0, 80, 5]])
def test_impossible_values_are_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="pendulum"):
        WORLD.render(np.array([row], np.float32))
