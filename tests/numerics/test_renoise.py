"""The probe and the window against denoisers that are known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from explorer.numerics.renoise import NOISINGS, Denoised, noisings, renoised, score_of, variance_over

powers = st.floats(0.05, 0.999)
deviations = st.floats(0.05, 3.0)


def variance_of(denoised: Denoised, x: Tensor, signal: float, noise: float, drawn: Tensor) -> Tensor:
    return renoised(denoised, x, signal, noise, drawn).variance


def of_normal(mean: float, deviation: float, signal: float, noise: float) -> Denoised:
    """E(x_0 | x_t) where data are normal."""
    gain = signal * deviation**2 / (signal**2 * deviation**2 + noise**2)
    return lambda x: mean + gain * (x - signal * mean)


def of_two_modes(apart: float, deviation: float, signal: float, noise: float) -> Denoised:
    """E(x_0 | x_t) where half of the data are normal around -apart / 2, and half around apart / 2."""
    total = signal**2 * deviation**2 + noise**2

    def denoised(x: Tensor) -> Tensor:
        # The posterior odds of the two modes are a logistic function of x.
        share = torch.sigmoid(signal * apart * x / total)
        middle = apart * (share - 0.5)
        return middle + signal * deviation**2 / total * (x - signal * middle)

    return denoised


@given(powers, deviations, st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_of_a_normal_distribution_it_is_the_same_everywhere(
    alpha: float, deviation: float, mean: float, place: float
) -> None:
    signal, noise = math.sqrt(alpha), math.sqrt(1 - alpha)
    drawn = noisings((3,)).double()
    x = torch.full((2, 3), place, dtype=torch.float64)
    found = variance_of(of_normal(mean, deviation, signal, noise), x, signal, noise, drawn)
    gain = noise * signal * deviation**2 / (signal**2 * deviation**2 + noise**2)
    expected = gain**2 * torch.from_numpy(np.var(drawn.numpy(), axis=0))
    torch.testing.assert_close(found, expected.expand(2, 3), rtol=1e-9, atol=1e-12)


@given(powers, deviations, st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_of_a_normal_distribution_the_offset_grows_with_the_distance_from_its_middle(
    alpha: float, deviation: float, mean: float, place: float
) -> None:
    signal, noise = math.sqrt(alpha), math.sqrt(1 - alpha)
    drawn = noisings((3,), 64).double()
    drawn = torch.cat([drawn, -drawn])  # whose mean is none
    x = torch.full((2, 3), place, dtype=torch.float64)
    found = renoised(of_normal(mean, deviation, signal, noise), x, signal, noise, drawn).offset
    total = signal**2 * deviation**2 + noise**2
    expected = (noise**2 / total * (place - mean)) ** 2
    torch.testing.assert_close(found, torch.full_like(x, expected), rtol=1e-9, atol=1e-9)


def test_variance_and_offset_are_the_mean_squared_error() -> None:
    x, drawn = torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).double(), noisings((3,)).double()
    found = renoised(torch.tanh, x, 0.9, 0.4, drawn)
    error = (torch.tanh(0.9 * x + 0.4 * drawn[:, None]) - x).square().mean(0)
    torch.testing.assert_close(found.variance + found.offset, error)


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.2])
def test_between_two_modes_it_is_that_of_the_mixture(noise: float) -> None:
    apart, deviation, signal = 0.7, 0.05, math.sqrt(1 - noise**2)
    denoised = of_two_modes(apart, deviation, signal, noise)
    # The integral over the noise, by the nodes of Gauss and Hermite.
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    places = torch.tensor([-0.35, 0.0, 0.1, 0.35], dtype=torch.float64)
    drawn = torch.randn(1_000_000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = variance_of(denoised, places[:, None], signal, noise, drawn)[:, 0]
    values = denoised(signal * places[:, None] + noise * torch.from_numpy(nodes)).numpy()
    expected = (values**2) @ weights - (values @ weights) ** 2
    np.testing.assert_allclose(found.numpy(), expected, rtol=0.03)


def test_a_sample_between_two_modes_stands_out_only_while_the_noise_is_small() -> None:
    ratios = []
    for noise in (0.05, 0.1, 0.7):
        signal = math.sqrt(1 - noise**2)
        x = torch.tensor([[0.0], [0.35]])
        between, at_mode = score_of(
            variance_of(of_two_modes(0.7, 0.05, signal, noise), x, signal, noise, noisings((1,), 64))
        )
        ratios.append(float(between / at_mode))
    assert min(ratios[:2]) > 20
    assert ratios[2] < 2


@given(st.integers(1, 5), st.integers(2, 9))
def test_a_batch_is_one_at_a_time_and_leaves_the_shape(batch: int, count: int) -> None:
    x = torch.randn(batch, 2, 4, generator=torch.Generator().manual_seed(batch)).double()
    drawn = noisings((2, 4), count, seed=batch).double()

    def denoised(noisy: Tensor) -> Tensor:
        return torch.tanh(3 * noisy) + noisy.flatten(1).mean(1)[:, None, None]

    together = variance_of(denoised, x, 0.9, 0.4, drawn)
    assert together.shape == x.shape
    alone = torch.cat([variance_of(denoised, row[None], 0.9, 0.4, drawn) for row in x])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(score_of(together), together.mean((1, 2)))


def test_noises_are_those_of_their_seed_and_of_all_samples() -> None:
    assert noisings((3, 2)).shape == (NOISINGS, 3, 2)
    assert torch.equal(noisings((3, 2), seed=4), noisings((3, 2), seed=4))
    assert not torch.equal(noisings((3, 2), seed=4), noisings((3, 2), seed=5))
    same = variance_of(torch.sin, torch.full((2, 3), 0.3), 1.0, 0.1, noisings((3,)))
    assert torch.equal(same[0], same[1])


def test_a_variance_of_one_noising_is_refused() -> None:
    with pytest.raises(ValueError, match="2 noisings at least, not 1"):
        variance_of(torch.sin, torch.zeros(1, 2), 1.0, 0.1, noisings((2,), 1))


def test_the_window_is_the_variance_over_its_steps() -> None:
    rows = torch.randn(10, 4, 3, generator=torch.Generator().manual_seed(0)).double()
    np.testing.assert_allclose(variance_over(list(rows)).numpy(), np.var(rows.numpy(), axis=0), rtol=1e-12)
    assert not variance_over([torch.ones(2, 3)] * 5).any()
