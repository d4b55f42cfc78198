"""What rows say about a mechanism: R² in closed form, noise that depends on a cause, rows that no noise gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.causal.distribution import BARS, distribution_of
from explorer.causal.fitting import fit
from explorer.causal.judging import DRAWS, judged, warnings_of
from explorer.causal.learning import Rows
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.scene.causal_graph import CausalGraph, Variable

X, Y = Variable(name="x"), Variable(name="y")


def rows(slope: float, count: int = 4000, seed: int = 0) -> Rows:
    """y = slope · x + u, both standard normal."""
    noise = torch.from_numpy(np.random.default_rng(seed).standard_normal((count, 2)))
    return Rows(noise[:, :1], slope * noise[:, 0] + noise[:, 1])


@pytest.mark.parametrize("slope", [0.0, 0.5, 2.0])
def test_r_squared_of_the_true_line_is_its_share_of_the_variance(slope: float) -> None:
    judgement = judged(LinearGaussian.of(("x",), (slope,), 0.0, 1.0), Y, (X,), rows(slope), 0)
    assert judgement.explained == pytest.approx(slope**2 / (slope**2 + 1), abs=0.03)
    assert judgement.log_likelihood == pytest.approx(-0.5 * math.log(2 * math.pi) - 0.5, abs=0.05)
    assert judgement.impossible == 0
    assert warnings_of(judgement) == ()


def test_a_mechanism_that_is_worse_than_the_mean_says_so() -> None:
    judgement = judged(LinearGaussian.of(("x",), (-2.0,), 0.0, 1.0), Y, (X,), rows(2.0), 0)
    assert judgement.explained == pytest.approx(1 - (16 + 1) / 5, abs=0.2)


def test_noise_that_depends_on_a_cause_or_is_not_normal_is_warned_of() -> None:
    line = LinearGaussian.of(("x",), (0.0,), 0.0, 1.0)
    (warning,) = warnings_of(judged(line, Y, (X,), rows(1.0), 0))
    assert warning == "its noise still depends on x"
    skewed = rows(1.0)
    lopsided = Rows(skewed.parents, skewed.parents[:, 0] + skewed.values.sub(skewed.parents[:, 0]).exp())
    told = warnings_of(judged(LinearGaussian.of(("x",), (1.0,), 0.0, 2.0), Y, (X,), lopsided, 0))
    assert any(text.startswith("its noise is not normal (skewness ") for text in told)


def test_a_category_is_explained_as_far_as_its_probabilities_are_sharp() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=1500)
    level = (x + 0.1 * draw.normal(size=1500) > 0).astype(float)
    graph = CausalGraph(variables=(X, Variable(name="y", kind="binary")), edges=(("x", "y"),))
    _, card = fit(graph, {"x": x, "y": level}, seed=0).cards
    assert card.explained is not None
    assert 0.8 < card.explained < 1.0
    noise = (draw.random(1500) < 0.5).astype(float)
    _, card = fit(graph, {"x": x, "y": noise}, seed=0).cards
    assert card.explained == pytest.approx(0.0, abs=0.1)


def test_the_draws_of_noise_are_no_part_of_what_is_not_explained() -> None:
    """With D draws their mean is off by 1 / D of the noise's variance, which is taken away."""
    judgement = judged(LinearGaussian.of(("x",), (1.0,), 0.0, 1.0), Y, (X,), rows(1.0, 40_000), 0)
    assert judgement.explained == pytest.approx(0.5, abs=0.5 / DRAWS)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60))
def test_bars_hold_all_rows_and_the_range(values: list[float]) -> None:
    variable = Variable(name="v", low=-2.0, high=5.0)
    bars = distribution_of(variable, np.array(values))
    assert len(bars.shares) == BARS
    assert sum(bars.shares) == pytest.approx(1.0)
    assert bars.low == min(-2.0, *values)
    assert bars.high == max(5.0, *values)
    assert bars.usual[0] <= bars.usual[1]


def test_levels_have_a_bar_each_and_a_circle_is_closed() -> None:
    hue = Variable(name="hue", kind="category", labels=("red", "green", "blue"))
    bars = distribution_of(hue, np.array([0.0, 2.0, 2.0, 2.0]))
    assert bars.shares == (0.25, 0.0, 0.75)
    assert (bars.low, bars.high, bars.usual) == (-0.5, 2.5, (0.0, 2.0))
    around = distribution_of(Variable(name="turn", kind="cyclic", low=0, high=360), np.array([-10.0, 370.0]))
    assert (around.low, around.high) == (0.0, 360.0)
    assert (around.shares[0], around.shares[-1]) == (0.5, 0.5)
    same = distribution_of(Variable(name="v"), np.array([3.0, 3.0]))
    assert same.shares[0] == 1.0
    assert same.high > same.low
