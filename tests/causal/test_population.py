"""Doing and seeing: rows where x is set, and rows where x happens to have a value."""

from __future__ import annotations

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_causes import chain, clipped, linear_chain

from explorer.causal.evidence import picked
from explorer.causal.model import StructuralModel
from explorer.causal.population import Population
from explorer.errors import CausalError
from explorer.worlds.flow import WORLD as FLOW
from explorer.worlds.pendulum import WORLD as PENDULUM

TIE = {("ball_size", "hole"): 0.7}


def tied_flow() -> StructuralModel:
    graph = msgspec.structs.replace(FLOW.model.graph, confounded=(("ball_size", "hole"),))
    return StructuralModel(graph, FLOW.model.mechanisms)


@given(st.floats(-3, 3), st.integers(0, 2**20))
@settings(max_examples=30, deadline=None)
def test_a_seen_row_has_what_is_seen_and_is_one_that_the_model_gives(value: float, seed: int) -> None:
    model = linear_chain()
    row = Population(model).seen_row({"b": value}, seed)
    assert row["b"] == value
    assert bool(model.log_prob({name: torch.tensor([one]).double() for name, one in row.items()}).isfinite())
    near = Population(model).seen_row({"b": value + 1e-6}, seed)
    assert near["a"] == pytest.approx(row["a"], abs=1e-5)
    assert near["c"] == pytest.approx(row["c"], abs=1e-4)


def test_seen_rows_of_a_linear_model_are_distributed_as_the_closed_form_says() -> None:
    """b = 2a + u, so a given b = 2 is normal with mean 2 · 2/5 and variance 1/5; c = 3b + u has mean 6, variance 1."""
    rows = [Population(linear_chain()).seen_row({"b": 2.0}, seed) for seed in range(1, 1501)]
    a, c = (torch.tensor([row[name] for row in rows]).double() for name in "ac")
    assert float(a.mean()) == pytest.approx(0.8, abs=4 * 0.2**0.5 / 1500**0.5)
    assert float(a.var()) == pytest.approx(0.2, rel=0.15)
    assert float(c.mean()) == pytest.approx(6.0, abs=4 / 1500**0.5)


def test_seen_rows_of_another_model_are_drawn_by_their_weights() -> None:
    """The same line, as a model that is not known to be linear."""
    rows = [Population(chain()).seen_row({"b": 2.0}, seed)["a"] for seed in range(1, 401)]
    assert float(torch.tensor(rows).mean()) == pytest.approx(0.8, abs=4 * 0.2**0.5 / 400**0.5)


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5))
@settings(max_examples=10, deadline=None)
def test_what_is_picked_is_as_likely_as_it_is_heavy(heavy: list[float]) -> None:
    weights = torch.tensor(heavy).double() / sum(heavy)
    counts = torch.bincount(torch.tensor([picked(weights, seed) for seed in range(2000)]), minlength=len(heavy))
    assert float((counts / 2000 - weights).abs().max()) < 0.06


def test_to_see_a_root_is_to_do_it_where_nothing_is_hidden() -> None:
    population = Population(PENDULUM.model)
    for root, value in (("angle", 15.0), ("light", 80.0)):
        done, seen = population.done({root: value}), population.seen({root: value}, seed=1)
        for name in PENDULUM.names:
            error = 5 * (seen[name].error + done[name].error) + 1e-9
            assert seen[name].mean == pytest.approx(done[name].mean, abs=error)
            assert seen[name].high == pytest.approx(done[name].high, abs=0.2 * done[name].deviation + 1e-9)
        assert (done[root].mean, done[root].low) == (value, value)


def test_to_see_an_effect_tells_of_its_causes_and_to_do_it_does_not() -> None:
    population = Population(clipped())
    done, seen = population.done({"y": 6.0}), population.seen({"y": 6.0})
    assert done["x"].mean == pytest.approx(3.0, abs=0.15)
    assert seen["x"].mean > 4.8
    assert seen["z"].mean == pytest.approx(done["z"].mean, abs=0.15)


def test_where_a_hidden_cause_ties_variables_observed_rows_tell_that_seeing_is_not_doing() -> None:
    """The numbers beside which the world's own noises, tied by a copula, stand."""
    rows = FLOW.model.sample(20_000, 0, TIE)
    population = Population(tied_flow(), rows)
    deviation = float(rows["water_flow"].std())
    low, high = (float(torch.quantile(rows["water_height"], share)) for share in (0.1, 0.9))

    def change(told: str) -> float:
        ends = [getattr(population, told)({"water_height": value})["water_flow"].mean for value in (low, high)]
        return (ends[1] - ends[0]) / deviation

    assert change("done") == pytest.approx(1.739, abs=0.1)  # docs/causal.md: 200,000 rows of the world itself
    assert change("seen") == pytest.approx(2.196, abs=0.15)
    assert change("seen") - change("done") > 0.3
    drawn = [population.seen_row({"water_height": high}, seed) for seed in range(1, 301)]
    assert all(row["water_height"] == high for row in drawn)
    balls = torch.tensor([row["ball_size"] for row in drawn]).double()
    assert float(balls.mean()) > float(rows["ball_size"].mean()) + 0.5 * float(rows["ball_size"].std())


def test_noises_that_are_tied_are_those_of_rows() -> None:
    population = Population(tied_flow(), FLOW.model.sample(4000, 0, TIE))
    noises = population.noises(2000, 3)
    tie = torch.corrcoef(torch.stack([noises["ball_size"][:, 0], noises["hole"][:, 0]]))[0, 1]
    assert float(tie) > 0.6
    free = Population(FLOW.model).noises(2000, 3)
    assert abs(float(torch.corrcoef(torch.stack([free["ball_size"][:, 0], free["hole"][:, 0]]))[0, 1])) < 0.1


def test_what_cannot_be_told_is_one_sentence() -> None:
    with pytest.raises(CausalError, match="tie ball_size and hole, and these sliders bring no observed rows"):
        Population(tied_flow()).seen({"water_height": 3.0})
    with pytest.raises(CausalError, match="only 1 of 200 observed ones are near"):
        Population(tied_flow(), FLOW.model.sample(200, 0, TIE)).seen_row({"water_height": 5.4, "hole": 2.0}, 1)
    with pytest.raises(CausalError, match="so rare"):
        Population(chain()).seen_row({"b": 9.0}, 1)
