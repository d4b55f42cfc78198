"""The flow world: its mechanisms against a falling jet, mediation, and reading it back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.worlds import registry
from explorer.worlds.base import Array
from explorer.worlds.flow import DEVIATION, WORLD, _backdrop, reach

TOLERANCE = (0.015, 0.004, 0.08, 0.2)


def row(ball: float = 0.8, water: float = 3.0, hole: float = 3.0, flow: float = 4.0) -> Array:
    return np.array([[ball, water, hole, flow]], np.float32)


def test_is_registered_with_the_grid_of_the_original() -> None:
    assert registry.world("flow") is WORLD
    by_name = {factor.name: factor for factor in WORLD.factors}
    assert by_name["ball_size"].values == pytest.approx([r / 30 for r in range(5, 35)])
    assert by_name["hole"].values == pytest.approx([h / 3 for h in range(6, 15)])
    assert WORLD.edges == (("ball_size", "water_height"), ("water_height", "water_flow"), ("hole", "water_flow"))


def test_the_reach_is_that_of_a_falling_jet() -> None:
    """An independent computation, in small steps: water leaves with speed √(1.96 · height) and falls t² in time t,
    which is the curve that the original draws."""
    height, hole = np.meshgrid(np.linspace(1.0, 5.4, 12), np.arange(6, 15) / 3)
    x, y, step = np.zeros_like(height), hole.copy(), 1e-4
    time = np.zeros_like(height)
    while (falling := y > 0.5).any():
        time = np.where(falling, time + step, time)
        x = np.where(falling, x + np.sqrt(1.96 * height) * step, x)
        y = hole - time**2
    assert x == pytest.approx(reach(torch.from_numpy(height), torch.from_numpy(hole)).numpy(), rel=1e-3)


def test_ranges_are_those_of_the_original() -> None:
    balls, raw, holes = np.meshgrid(np.arange(5, 35) / 30, np.arange(10, 40) / 10, np.arange(6, 15) / 3)
    noises = np.stack([balls, raw, holes, np.zeros_like(balls)], axis=-1).reshape(-1, 4)
    rows = WORLD.factors_of(noises)
    assert len(rows) == 8100
    assert (rows[:, 1].min(), rows[:, 1].max()) == pytest.approx((1.00, 5.36), abs=0.006)
    assert (rows[:, 3].min(), rows[:, 3].max()) == pytest.approx((1.72, 6.61), abs=0.006)
    assert WORLD.abduct(rows) == pytest.approx(noises, abs=1e-5)


def test_the_ball_acts_on_the_jet_through_the_water_only() -> None:
    """The effect of the ball is the one that the water's height has; with the water held, there is none."""
    rows = WORLD.sample(200, 0)
    after = WORLD.counterfactual(rows, {"ball_size": 1.0})
    raised = 1.0 - rows[:, 0] ** 3
    assert after[:, 1] - rows[:, 1] == pytest.approx(raised, abs=1e-5)
    moved = np.sqrt(1.96 * (rows[:, 2] - 0.5)) * (np.sqrt(after[:, 1]) - np.sqrt(rows[:, 1]))
    assert after[:, 3] - rows[:, 3] == pytest.approx(moved, abs=1e-5)
    held = WORLD.factors_of(WORLD.abduct(rows), {"ball_size": 1.0, "water_height": 3.0})
    same = WORLD.factors_of(WORLD.abduct(rows), {"water_height": 3.0})
    assert np.array_equal(held[:, 1:], same[:, 1:])


def test_noise_has_the_stated_deviation() -> None:
    noises = WORLD.noises(20000, 0)[:, 3]
    assert noises.std() == pytest.approx(DEVIATION * 0.987, rel=0.02)  # cutting at 3 takes 1.3 % of it
    assert np.abs(noises).max() <= 3 * DEVIATION


@pytest.mark.parametrize("size", [64, 96])
def test_measuring_returns_what_was_drawn(size: int) -> None:
    rows = WORLD.sample(800, 2)
    away = np.abs(WORLD.measure(WORLD.render(rows, size)) - rows)
    assert (away.max(axis=0) < TOLERANCE).all()


def test_a_little_noise_is_borne() -> None:
    rows = WORLD.sample(300, 4)
    noisy = WORLD.render(rows) + np.random.default_rng(0).normal(0.0, 5.0, (300, 64, 64, 3))
    away = np.abs(WORLD.measure(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)) - rows)
    assert (away.max(axis=0) < (0.03, 0.1, 0.06, 0.15)).all()


def test_an_intervention_on_the_jet_is_drawn_as_it_stands() -> None:
    rows = WORLD.factors_of(WORLD.noises(50, 1), {"water_flow": 3.0})
    found = WORLD.measure(WORLD.render(rows))
    assert found[:, 3] == pytest.approx(np.full(50, 3.0), abs=TOLERANCE[3])
    assert found[:, 1] == pytest.approx(rows[:, 1], abs=TOLERANCE[1])


def test_what_is_missing_is_not_measured() -> None:
    assert np.isnan(WORLD.measure(_backdrop(1, 64).pictures())).all()
    found = WORLD.measure(WORLD.render(row(ball=0.0, flow=0.0)))
    assert np.array_equal(np.isnan(found), [[True, False, True, True]])


def test_the_surface_moves_by_less_than_a_pixel() -> None:
    before, after = WORLD.render(np.concatenate([row(water=3.0), row(water=3.05)])).astype(int)
    assert 0 < np.abs(after - before).max() < 60
    assert np.ptp(np.nonzero((before != after).any(axis=(1, 2)))[0]) <= 1  # in the line of the surface


@pytest.mark.parametrize("values", [(-0.1, 3, 3, 3), (0.5, 8, 3, 3), (0.5, 3, 0.5, 3), (0.5, 3, 3, -1), (np.nan,) * 4])
def test_impossible_values_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="flow"):
        WORLD.render(np.array([values], np.float32))
