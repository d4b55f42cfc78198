"""Counterfactuals of rows whose noise is hidden: intervals that hold the truth as often as they say."""

from __future__ import annotations

import pytest
import torch
from small_causes import FLOOR, clipped

from explorer.causal.interventions import Hard
from explorer.causal.posterior import counterfactual
from explorer.worlds import registry

PENDULUM = registry.world("pendulum")


def test_known_rows_are_numbers_and_open_ones_intervals() -> None:
    model = clipped()
    rows = model.sample(400, 0)
    after = counterfactual(model, rows, {"x": Hard(5.0)}, draws=200)
    plain = model.counterfactual(rows, {"x": Hard(5.0)})
    hidden = rows["y"] == FLOOR
    assert torch.equal(after.open["y"], hidden)
    assert not after.open["x"].any()
    for name in "xyz":
        known = ~after.open[name]
        for part in (after.values, after.low, after.high):
            assert torch.equal(part[name][known], plain[name][known])
    assert bool((after.low["y"] < after.values["y"])[hidden].all())
    assert bool((after.values["y"] < after.high["y"])[hidden].all())


def test_the_interval_of_the_clipped_shadow_holds_the_truth_as_often_as_it_says() -> None:
    """Rows of the pendulum whose shadow is at its shortest; the angle is set so that it is longer."""
    noises = PENDULUM.model.noises(12_000, 1)
    rows = PENDULUM.model.predict(noises)
    act = {"angle": Hard(-36.0)}
    truth = PENDULUM.model.predict(noises, act)["shadow_length"]
    clipped_rows = (rows["shadow_length"] <= 3.0) & (truth > 3.05)
    few = {name: value[clipped_rows] for name, value in rows.items()}
    assert clipped_rows.sum() > 1000
    after = counterfactual(PENDULUM.model, few, act, draws=400)
    assert bool(after.open["shadow_length"].all())
    inside = (after.low["shadow_length"] <= truth[clipped_rows]) & (truth[clipped_rows] <= after.high["shadow_length"])
    assert inside.double().mean() == pytest.approx(0.9, abs=0.03)
    assert not after.open["shadow_position"].any()


def test_rows_that_are_set_to_values_of_their_own_keep_them_where_only_some_are_open() -> None:
    model = clipped()
    rows = model.sample(60, 5)
    values = torch.linspace(2.0, 6.0, 60, dtype=torch.float64)
    after = counterfactual(model, rows, {"x": Hard(values)}, draws=50)
    assert 0 < after.open["y"].sum() < 60
    for index in (0, 17, 59):
        one = {name: value[index : index + 1] for name, value in rows.items()}
        alone = counterfactual(model, one, {"x": Hard(float(values[index]))}, draws=50)
        assert after.values["x"][index] == values[index]
        assert bool(after.open["y"][index] == alone.open["y"][0])
        if not after.open["y"][index]:
            assert after.values["z"][index] == alone.values["z"][0]


def test_the_same_seed_gives_the_same_interval_and_one_row_is_a_row_of_many() -> None:
    model = clipped()
    rows = model.sample(30, 3)
    first, again = (counterfactual(model, rows, {"x": Hard(5.0)}, draws=50, seed=7) for _ in range(2))
    assert torch.equal(first.low["z"], again.low["z"])
    for row in range(30):
        alone = {name: value[row : row + 1] for name, value in rows.items()}
        assert counterfactual(model, alone, {"x": Hard(5.0)}, draws=50, seed=7).low["z"] == first.low["z"][row]
    assert not torch.equal(first.low["z"], counterfactual(model, rows, {"x": Hard(5.0)}, draws=50, seed=8).low["z"])


def test_nothing_is_open_where_nothing_is_changed() -> None:
    model = clipped()
    rows = model.sample(100, 4)
    same = counterfactual(model, rows, {"x": Hard(rows["x"])})
    assert all(torch.equal(same.values[name], rows[name]) for name in "xyz")
    assert not any(mask.any() for mask in same.open.values())
