"""Kinds of mechanisms against what is known of them by other means: Tobin's likelihood, Gumbel numbers by rejection and
by integration, splines by differences.
"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.causal.encoding import Column, Encoding
from explorer.causal.interventions import Hard
from explorer.causal.mechanisms.categorical import Categorical
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.mechanisms.floored import tobit
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import STANDARD_NORMAL
from explorer.causal.predictor import Predictor
from explorer.numerics import rational_spline
from explorer.numerics.dependence import distance_correlation
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import CausalGraph, Variable

PROBABILITY = st.floats(0.02, 1.0)


def test_tobins_likelihood() -> None:
    mean, deviation = torch.tensor([1.0, 1.0, 2.5, -1.0], dtype=torch.float64), 0.8
    value = torch.tensor([0.5, 1.7, 3.0, 0.4], dtype=torch.float64)
    log = tobit(mean, torch.tensor(math.log(deviation), dtype=torch.float64), value, 0.5, 3.0)
    density = -(((1.7 - 1.0) / 0.8) ** 2) / 2 - math.log(0.8 * math.sqrt(2 * math.pi))
    below = 0.5 * math.erfc((1.0 - 0.5) / (0.8 * math.sqrt(2)))
    above = 0.5 * math.erfc((3.0 - 2.5) / (0.8 * math.sqrt(2)))
    assert log.tolist() == pytest.approx([math.log(below), density, math.log(above), -math.inf])


def switched(before: list[float], after: list[float]) -> Categorical:
    """Levels of these probabilities where the cause is 0, and of others where it is 1."""
    first, second = (torch.tensor(each, dtype=torch.float64) for each in (before, after))
    first, second = (each / each.sum() for each in (first, second))
    return Categorical(("x",), Predictor(Encoding((Column(),)), (second.log() - first.log())[None], first.log()))


def test_gumbel_noise_given_a_level_is_what_rejection_leaves() -> None:
    mechanism = switched([0.2, 0.5, 0.3], [1, 1, 1])
    count = 120_000
    uniform = torch.rand(count, 3, generator=seeded(0, 0), dtype=torch.float64)
    zero = torch.zeros(count, 1, dtype=torch.float64)
    prior = mechanism.noise(uniform)
    levels = mechanism.assign(zero, prior)
    shares = torch.linspace(0.05, 0.95, 10, dtype=torch.float64)
    for level in range(3):
        rejected = prior[levels == level]
        rows = torch.full((40_000,), float(level), dtype=torch.float64)
        drawn = mechanism.posterior(
            zero[:40_000], rows, torch.rand(40_000, 3, generator=seeded(1, level), dtype=torch.float64)
        )
        assert torch.allclose(drawn.quantile(shares, dim=0), rejected.quantile(shares, dim=0), atol=0.06)
        # Given the level, the scores of the others are tied to the greatest: their covariance tells.
        assert torch.allclose(torch.cov(drawn.T), torch.cov(rejected.T), atol=0.08)


@given(st.lists(PROBABILITY, min_size=2, max_size=5), st.data())
@settings(max_examples=25, deadline=None)
def test_how_likely_a_level_stays_is_known_in_closed_form(before: list[float], data: st.DataObject) -> None:
    """Given level k, the least of the exponential clocks is exponential and the others are later by exponentials; so
    P(k stays) = 1 / (1 + Σ_j max(0, p'_j p_k / p'_k - p_j)), and a level whose odds against k fall cannot come."""
    after = data.draw(st.lists(PROBABILITY, min_size=len(before), max_size=len(before)))
    level = data.draw(st.integers(0, len(before) - 1))
    mechanism = switched(before, after)
    count = 20_000
    p, q = (mechanism.probabilities(torch.tensor([[at]], dtype=torch.float64))[0] for at in (0.0, 1.0))
    rows = torch.full((count,), float(level), dtype=torch.float64)
    uniform = torch.rand(count, len(before), generator=seeded(level, len(before)), dtype=torch.float64)
    noise = mechanism.posterior(torch.zeros(count, 1, dtype=torch.float64), rows, uniform)
    then = mechanism.assign(torch.ones(count, 1, dtype=torch.float64), noise)
    others = torch.arange(len(before)) != level
    expected = 1 / (1 + float((q * p[level] / q[level] - p)[others].clamp(min=0).sum()))
    assert float((then == level).double().mean()) == pytest.approx(expected, abs=0.02)
    for other in range(len(before)):
        if other != level and q[other] / p[other] < (1 - 1e-9) * q[level] / p[level]:
            assert not (then == other).any()


def test_a_counterfactual_of_two_levels_is_a_share_of_the_logistic_noise() -> None:
    """P(y' = 1 | y = 0) = max(0, σ(l') - σ(l)) / (1 - σ(l)): enumerated by midpoints of the noise."""
    model = StructuralModel(
        CausalGraph(variables=(Variable(name="x"), Variable(name="y", kind="binary")), edges=(("x", "y"),)),
        {"x": ClosedForm((), STANDARD_NORMAL), "y": switched([0.7, 0.3], [0.2, 0.8])},
    )
    steps = (torch.arange(700, dtype=torch.float64) + 0.5) / 700
    grid = torch.cartesian_prod(steps, steps)
    count = len(grid)
    rows = {"x": torch.zeros(count, dtype=torch.float64), "y": torch.zeros(count, dtype=torch.float64)}
    noises = model.posterior(rows, {"x": grid[:, :1], "y": grid})
    then = model.predict(noises, {"x": Hard(1.0)}, rows)
    assert float(then["y"].mean()) == pytest.approx((0.8 - 0.3) / 0.7, abs=2e-3)
    assert model.counterfactual(rows, {"x": Hard(1.0)})["y"].isnan().all()  # not identified: no number


@given(st.integers(0, 1000), st.floats(0.0, 4.0))
@settings(max_examples=40, deadline=None)
def test_splines_rise_invert_and_know_their_slope(seed: int, size: float) -> None:
    source = seeded(seed, 0)
    numbers = size * torch.randn(1, rational_spline.parameter_count(6), generator=source, dtype=torch.float64)
    x = torch.linspace(-7, 7, 501, dtype=torch.float64)
    at = rational_spline.knots(numbers.expand(501, -1), 4.0)
    y, log_slope = rational_spline.forward(x, at)
    assert (y.diff() > 0).all()
    back, same = rational_spline.inverse(y, at)
    assert torch.allclose(back, x, atol=1e-9)
    assert torch.allclose(same, log_slope, atol=1e-6)
    plus, minus = (rational_spline.forward(x + step, at)[0] for step in (1e-6, -1e-6))
    assert torch.allclose((plus - minus) / 2e-6, log_slope.exp(), rtol=2e-2, atol=1e-4)
    passed = rational_spline.forward(at.x[0], rational_spline.knots(numbers.expand(7, -1), 4.0))[0]
    assert torch.allclose(passed, at.y[0], atol=1e-12)


def test_a_spline_of_zeros_changes_nothing() -> None:
    x = torch.linspace(-7, 7, 29, dtype=torch.float64)
    y, log_slope = rational_spline.forward(x, rational_spline.knots(torch.zeros(29, 25, dtype=torch.float64), 4.0))
    assert torch.allclose(y, x, atol=1e-12)
    assert torch.allclose(log_slope, torch.zeros(29, dtype=torch.float64), atol=1e-12)


def test_distance_correlation() -> None:
    source = seeded(0, 0)
    a = torch.randn(300, 1, generator=source, dtype=torch.float64)
    u = torch.randn(300, 1, generator=source, dtype=torch.float64)
    assert distance_correlation(a, 2 * a + 1, 19, source) == (pytest.approx(1.0), 0.05)
    even = torch.cat([a, -a])
    bent, p = distance_correlation(even, even**2, 99, source)
    assert bent > 0.3
    assert p == 0.01
    assert abs(float(torch.corrcoef(torch.cat([even, even**2], dim=1).T)[0, 1])) < 1e-9
    nothing, p = distance_correlation(a, u, 99, source)
    assert nothing < 0.2
    assert p > 0.05
    assert distance_correlation(a, torch.zeros_like(a), 9, source) == (0.0, 1.0)
    # By its definition, on three points.
    x, y = torch.tensor([[0.0], [1.0], [3.0]]).double(), torch.tensor([[0.0], [2.0], [1.0]]).double()

    def centred(z: torch.Tensor) -> torch.Tensor:
        d = (z - z.T).abs()
        return torch.stack([torch.stack([d[i, j] - d[i].mean() - d[:, j].mean() + d.mean() for j in range(3)])
                            for i in range(3)])  # fmt: skip

    first, second = centred(x), centred(y)
    expected = ((first * second).mean() / (first.square().mean() * second.square().mean()).sqrt()).clamp(min=0).sqrt()
    assert distance_correlation(x, y, 1, source)[0] == pytest.approx(float(expected))
