"""Flows with a known end: points of a Gaussian go along dx/dσ = E[noise - x_0 | x], whose paths are in closed form."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from explorer.numerics.integrators import Integrator
from explorer.numerics.rectified_flow import inverted, solved, steered

MEAN, STD = 1.5, 0.4


def gaussian_velocity(mean: float = MEAN, std: float = STD) -> Callable[[Tensor, float], Tensor]:
    """Of pictures N(mean, std²): x = (1 - σ) x_0 + σ noise is N((1 - σ) mean, (1 - σ)² std² + σ²), and both x_0 and the
    noise are regressed on it."""

    def velocity(x: Tensor, sigma: float) -> Tensor:
        share = (sigma - (1.0 - sigma) * std**2) / ((1.0 - sigma) ** 2 * std**2 + sigma**2)
        return share * (x - (1.0 - sigma) * mean) - mean

    return velocity


def levels(count: int) -> list[float]:
    return torch.linspace(1.0, 0.0, count + 1, dtype=torch.float64).tolist()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def error(made: Tensor, truth: Tensor) -> float:
    return float((made - truth).abs().max())


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_pictures_come_nearer_to_the_closed_form_by_the_order_of_the_method(method: Integrator, order: int) -> None:
    x = noise(20)
    off = [error(solved(method, gaussian_velocity(), x, levels(n)), MEAN + STD * x) for n in (40, 80, 160)]
    for before, after in itertools.pairwise(off):
        assert before / after == pytest.approx(2.0**order, rel=0.25)


def test_the_way_back_is_of_second_order_and_eulers_is_not() -> None:
    x = noise(20)
    picture = MEAN + STD * x
    second, first = [], []
    for count in (20, 40, 80):
        second.append(error(inverted("euler", gaussian_velocity(), picture, levels(count)), x))
        back = levels(count)[::-1]
        back[0] = 1e-6
        first.append(error(solved("euler", gaussian_velocity(), picture, back), x))
    assert second[0] / second[1] == pytest.approx(4.0, rel=0.2)
    assert second[1] / second[2] == pytest.approx(4.0, rel=0.2)
    # At as many velocities: two a step.
    assert second[0] < 0.2 * first[1]


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_refined_to_the_end_the_samplers_own_picture_is_met(method: Integrator) -> None:
    """Also where its steps are long, so that its picture is not the flow's."""
    velocity, sigmas, picture = gaussian_velocity(0.3, 0.9), levels(8), noise(20, seed=1)
    off = [
        error(solved(method, velocity, inverted(method, velocity, picture, sigmas, count), sigmas), picture)
        for count in (0, 4, 40)
    ]
    assert off[0] > off[1] > off[2]
    assert off[2] < 1e-9


@given(start=st.integers(0, 6), stop=st.integers(0, 6))
def test_a_run_goes_on_where_it_was_left(start: int, stop: int) -> None:
    start, stop = min(start, stop), max(start, stop)
    velocity, sigmas, x = gaussian_velocity(), levels(6), noise(5)
    whole = solved("heun", velocity, x, sigmas)
    begun = solved("heun", velocity, x, sigmas, 0, start)
    middle = solved("heun", velocity, begun, sigmas, start, stop)
    assert torch.equal(solved("heun", velocity, middle, sigmas, stop), whole)


def test_the_callback_hears_of_every_step_and_may_stop() -> None:
    heard: list[int] = []
    solved("euler", gaussian_velocity(), noise(3), levels(5), 2, callback=lambda done, x: heard.append(done))
    assert heard == [3, 4, 5]

    def stop(done: int, x: Tensor) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        solved("euler", gaussian_velocity(), noise(3), levels(5), callback=stop)


def test_no_velocity_is_asked_for_where_there_is_no_noise() -> None:
    asked: list[float] = []

    def velocity(x: Tensor, sigma: float) -> Tensor:
        asked.append(sigma)
        return x

    solved("heun", velocity, noise(3), levels(4))
    inverted("heun", velocity, noise(3), levels(4), 2)
    steered(velocity, [velocity], noise(3, 2), torch.ones(4, 3, 1), levels(4), [noise(3, 2)] * 4)
    assert min(asked) > 0.0


# --- editing ----------------------------------------------------------------------------------------------------------


def edit(amount: float, x_0: Tensor, count: int = 400, to: float = 4.0, std: float = STD) -> Tensor:
    """``x_0`` (B, 1) steered from N(MEAN, STD²) towards N(to, std²), from all of the noise."""
    amounts = torch.full((count, len(x_0), 1), amount, dtype=torch.float64)
    sigmas, noises = levels(count), [noise(len(x_0), 1, seed=n) for n in range(count)]
    return steered(gaussian_velocity(), [gaussian_velocity(to, std)], x_0, amounts, sigmas, noises)


def test_an_amount_of_one_leads_to_the_other_distribution() -> None:
    """Of equal deviations the split is linear: x' = x + s (to - mean), whatever the noise, because d(change)/dσ =
    a(σ) change + s (to - mean) b(σ), which the closed form solves."""
    x_0 = MEAN + STD * noise(50, 1, seed=9)
    torch.testing.assert_close(edit(1.0, x_0), x_0 + (4.0 - MEAN), atol=0.05, rtol=0)
    torch.testing.assert_close(edit(0.5, x_0), x_0 + 0.5 * (4.0 - MEAN), atol=0.05, rtol=0)
    torch.testing.assert_close(edit(-1.0, x_0), x_0 - (4.0 - MEAN), atol=0.05, rtol=0)


def test_an_amount_of_nothing_is_the_picture_bit_for_bit_in_any_company() -> None:
    x_0 = noise(3, 4)
    amounts = torch.tensor([[0.0, 0.0], [0.7, 0.0], [0.0, -1.0]]).repeat(6, 1, 1)
    towards = [gaussian_velocity(3.0), gaussian_velocity(0.0, 2.0)]
    made = steered(gaussian_velocity(), towards, x_0, amounts, levels(6), [noise(1, 4, seed=n) for n in range(6)])
    assert torch.equal(made[0], x_0[0])
    assert (made[1:] != x_0[1:]).all()


def test_a_target_that_is_the_own_velocity_changes_nothing() -> None:
    x_0, own = noise(3, 4), gaussian_velocity()
    made = steered(own, [own], x_0, torch.ones(6, 3, 1), levels(6), [noise(3, 4, seed=n) for n in range(6)])
    torch.testing.assert_close(made, x_0, atol=1e-12, rtol=0)


def test_the_part_that_keeps_holds_the_change_back() -> None:
    """Without it the change would be the sum of all that steers, which goes too far."""
    x_0 = MEAN + STD * noise(50, 1, seed=9)
    sigmas, own, other = levels(400), gaussian_velocity(), gaussian_velocity(4.0)
    sums = torch.zeros_like(x_0)
    for sigma, following in itertools.pairwise(sigmas):
        sums += (following - sigma) * (other(x_0, sigma) - own(x_0, sigma))
    assert float((edit(1.0, x_0) - x_0).mean()) == pytest.approx(4.0 - MEAN, abs=0.05)
    assert float(sums.mean()) > 1.2 * (4.0 - MEAN)


def test_nothing_is_asked_before_the_first_step_that_steers_and_everybody_hears_of_every_step() -> None:
    asked: list[float] = []
    heard: list[int] = []

    def own(x: Tensor, sigma: float) -> Tensor:
        asked.append(sigma)
        return gaussian_velocity()(x, sigma)

    amounts = torch.zeros(4, 3, 1)
    amounts[2, 1] = 0.5
    x_0, noises = noise(3, 2), [noise(1, 2, seed=n) for n in range(4)]
    late = steered(own, [gaussian_velocity(4.0)], x_0, amounts, levels(4), noises, lambda done, x: heard.append(done))
    assert set(asked) == {0.5, 0.25}
    assert heard == [1, 2, 3, 4]
    whole = steered(own, [gaussian_velocity(4.0)], x_0, amounts[2:], levels(4)[2:], noises[2:])
    assert torch.equal(late, whole)
    assert torch.equal(late[[0, 2]], x_0[[0, 2]])
