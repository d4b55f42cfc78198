"""Laws of noise: quantile and share are inverse, the density is the slope of the share, and it sums to one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mechanisms_at_random import knots_of

from explorer.causal.noise_laws import NoiseLaw, cut_normal, equal_shares, normal, normal_below, one_of, uniform_between

LAWS = {
    "normal": normal(0.7),
    "cut": cut_normal(2.0, 0.5, 1.2),
    "even": uniform_between(-1.0, 3.0),
    "observed": equal_shares(knots_of(3, 2.0)),
    "observed, between ends": equal_shares(knots_of(4, 2.0), (-2.5, 3.0)),
}
CENTRE = {"even": 1.0, "cut": 0.5}


@pytest.mark.parametrize("name", LAWS)
def test_quantile_share_and_density_belong_together(name: str) -> None:
    law = LAWS[name]
    assert law.cdf is not None
    assert law.log_density is not None
    uniform = torch.linspace(0.0005, 0.9995, 1999, dtype=torch.float64)
    noise = law.quantile(uniform)
    assert (noise.diff() > 0).all()
    assert torch.allclose(law.cdf(noise), uniform, atol=1e-9)
    middles = (noise[1:] + noise[:-1]) / 2
    slopes = (law.cdf(middles + 1e-6) - law.cdf(middles - 1e-6)) / 2e-6
    assert torch.allclose(law.log_density(middles).exp(), slopes, rtol=1e-3)
    tails = law.quantile(torch.tensor([1e-12, 1 - 1e-12], dtype=torch.float64))
    grid = torch.linspace(float(tails[0]), float(tails[1]), 400_001, dtype=torch.float64)[1:-1]
    assert torch.trapezoid(law.log_density(grid).exp(), grid).item() == pytest.approx(1.0, abs=1e-4)
    unknown = torch.tensor([torch.nan], dtype=torch.float64)
    assert law.log_density(unknown).isnan().all()
    assert law.cdf(unknown).isnan().all()


def test_no_law_gives_a_probability_to_no_number() -> None:
    law = one_of((0.0, 1.0))
    assert law.log_density is not None
    assert law.log_density(torch.tensor([torch.nan, 1.0])).isnan().tolist() == [True, False]


def test_observed_numbers_are_distributed_as_they_were() -> None:
    source = torch.Generator().manual_seed(0)
    seen = torch.rand(4000, generator=source, dtype=torch.float64) ** 3
    shares = (torch.arange(100, dtype=torch.float64) + 0.5) / 100
    law: NoiseLaw = equal_shares(seen.quantile(shares))
    drawn = law.quantile(torch.rand(100_000, generator=source, dtype=torch.float64))
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert float(drawn.quantile(share)) == pytest.approx(share**3, abs=0.03)


@given(st.floats(-200.0, 20.0))
@settings(max_examples=60, deadline=None)
def test_normal_numbers_below_a_limit_have_its_distribution(limit: float) -> None:
    count = 4000
    uniform = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    end = torch.tensor(limit, dtype=torch.float64)
    drawn = normal_below(end.expand(count), uniform)
    assert (drawn <= limit).all()
    assert drawn.isfinite().all()
    # Its mean is -φ(limit) / Φ(limit).
    log = -(limit**2) / 2 - math.log(2 * math.pi) / 2 - float(torch.special.log_ndtr(end))
    assert float(drawn.mean()) == pytest.approx(-math.exp(log), abs=5e-3)
