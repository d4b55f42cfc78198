"""DDIM against diffusers step by step, and against the closed form on Gaussian data."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from explorer.numerics.samplers import (
    PREDICTIONS,
    Denoiser,
    bounded,
    ddim,
    ddim_coefficients,
    dynamically_thresholded,
    last,
    way_back,
)
from explorer.numerics.schedules import SPACINGS, alphas_cumprod, timesteps

ALPHAS = alphas_cumprod("scaled_linear", beta_start=0.00085, beta_end=0.012)


def rough(x: Tensor, t: int) -> Tensor:
    """Some smooth function of the sample and the time."""
    return torch.tanh(x.roll(1, -1) + 0.3 * x.square() - t / 700)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("to_one", [True, False])
def test_every_step_equals_that_of_diffusers(prediction: str, spacing: str, to_one: bool) -> None:
    count = 10
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, set_alpha_to_one=to_one,
        prediction_type=prediction, timestep_spacing=spacing,
    )  # fmt: skip
    scheduler.set_timesteps(count)
    theirs, expected = noise(2, 3, 4), []
    for t in scheduler.timesteps.tolist():
        theirs = scheduler.step(rough(theirs, t), t, theirs).prev_sample
        expected.append(theirs)
    got: list[Tensor] = []
    visited = timesteps(count, 1000, spacing)
    landings = [float(ALPHAS[t - 100]) if t >= 100 else 1.0 if to_one else float(ALPHAS[0]) for t in visited]
    ddim(
        rough, noise(2, 3, 4), visited, ALPHAS, prediction, landings, callback=lambda done, x: got.append(x)
    )  # fmt: skip
    assert len(got) == count
    for ours, reference in zip(got, expected, strict=True):  # theirs has float32 coefficients
        torch.testing.assert_close(ours, reference, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_limit_that_cuts_nothing_off_changes_nothing(prediction: str) -> None:
    steps = timesteps(8)
    free = ddim(rough, noise(2, 3, 4), steps, ALPHAS, prediction)
    held = ddim(rough, noise(2, 3, 4), steps, ALPHAS, prediction, limit=bounded(1e9))
    torch.testing.assert_close(held, free)


@pytest.mark.parametrize("limit", ["bounded", "thresholded"])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_limits_equal_those_of_diffusers(prediction: str, limit: str) -> None:
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type=prediction,
        clip_sample_range=0.7, thresholding=limit == "thresholded", dynamic_thresholding_ratio=0.9,
        sample_max_value=1.8,
    )  # fmt: skip
    scheduler.set_timesteps(10)
    theirs = noise(2, 3, 4)
    for t in scheduler.timesteps.tolist():
        theirs = scheduler.step(rough(theirs, t), t, theirs).prev_sample
    chosen = bounded(0.7) if limit == "bounded" else dynamically_thresholded(0.9, 1.8)
    ours = ddim(rough, noise(2, 3, 4), timesteps(10), ALPHAS, prediction, limit=chosen)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("ratio", [0.0, 0.37, 0.995, 1.0])
@pytest.mark.parametrize("largest", [0.5, 1.0, 1.7, 100.0])
def test_dynamic_thresholding_divides_by_a_quantile(ratio: float, largest: float) -> None:
    x0 = 2 * noise(3, 4, 5, 6)
    limited = dynamically_thresholded(ratio, largest)(x0)
    for sample, got in zip(x0, limited, strict=True):
        s = min(max(1.0, float(torch.quantile(sample.abs(), ratio))), largest)
        torch.testing.assert_close(got, sample.clamp(-s, s) / s)


def gaussian_denoiser(mean: float, std: float, prediction: str) -> Denoiser:
    """The exact network for data N(mean, std² I): the posterior mean of what it predicts."""

    def predict(x: Tensor, t: int) -> Tensor:
        signal, hidden = float(ALPHAS[t]) ** 0.5, (1 - float(ALPHAS[t])) ** 0.5
        eps = hidden * (x - signal * mean) / (signal**2 * std**2 + hidden**2)
        x0 = (x - hidden * eps) / signal
        return {"epsilon": eps, "sample": x0, "v_prediction": signal * eps - hidden * x0}[prediction]

    return predict


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_ddim_converges_to_the_known_affine_map_on_a_gaussian(prediction: str) -> None:
    mean, std = 0.7, 0.4
    x = noise(1000)
    last = float(ALPHAS[-1])
    # The probability flow keeps quantiles: standard scores at T are standard scores at 0.
    exact = mean + std * (x - math.sqrt(last) * mean) / math.sqrt(last * std**2 + 1 - last)
    errors = []
    for count in (50, 100, 200, 400):
        made = ddim(gaussian_denoiser(mean, std, prediction), x, timesteps(count, 1000, "trailing"), ALPHAS, prediction)
        errors.append(float((made - exact).abs().max()))
    ratios = [coarse / fine for coarse, fine in itertools.pairwise(errors)]
    assert all(1.6 < ratio < 2.4 for ratio in ratios), errors  # first order in the step
    assert errors[-1] < 0.03


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_single_point_is_reached_exactly_in_any_number_of_steps(prediction: str, count: int) -> None:
    made = ddim(gaussian_denoiser(-1.5, 0.0, prediction), noise(7), timesteps(count), ALPHAS, prediction)
    torch.testing.assert_close(made, torch.full_like(made, -1.5))


@pytest.mark.parametrize("start", [0, 1, 5, 11, 12])
def test_resuming_repeats_the_run_bit_for_bit(start: int) -> None:
    steps = timesteps(12, 1000, "trailing")
    x = noise(2, 5).float()
    whole = ddim(rough, x, steps, ALPHAS, "v_prediction")
    kept = ddim(rough, x, steps, ALPHAS, "v_prediction", stop=start)
    assert torch.equal(ddim(rough, kept, steps, ALPHAS, "v_prediction", start=start), whole)
    assert whole.dtype == torch.float32


def test_coefficients_run_backwards_too() -> None:
    for prediction in PREDICTIONS:
        x, m = 0.3, -0.8
        there_x, there_m = ddim_coefficients(0.2, 0.6, prediction)
        landed = there_x * x + there_m * m
        # The same x_0 and eps explain both ends, so the step back uses what the network would say there.
        signal, hidden = 0.2**0.5, 0.8**0.5
        x0 = {"epsilon": (x - hidden * m) / signal, "sample": m, "v_prediction": signal * x - hidden * m}[prediction]
        eps = (x - signal * x0) / hidden
        there = {"epsilon": eps, "sample": x0, "v_prediction": 0.6**0.5 * eps - 0.4**0.5 * x0}[prediction]
        back_x, back_m = ddim_coefficients(0.6, 0.2, prediction)
        assert back_x * landed + back_m * there == pytest.approx(x)


@pytest.mark.parametrize(("start", "stop"), [(0, 5), (0, 3), (2, 5), (4, 4)])
def test_a_callback_hears_how_many_steps_are_done(start: int, stop: int) -> None:
    heard: list[int] = []
    ddim(rough, noise(3), timesteps(5), ALPHAS, start=start, stop=stop, callback=lambda done, x: heard.append(done))
    assert heard == list(range(start + 1, stop + 1))


def test_a_callback_may_stop_the_sampler() -> None:
    def stop(done: int, x: Tensor) -> None:
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ddim(rough, noise(3), timesteps(5), ALPHAS, callback=stop)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="fall"):
        ddim(rough, noise(3), (1, 5), ALPHAS)
    with pytest.raises(ValueError, match="cannot run"):
        ddim(rough, noise(3), (5, 1), ALPHAS, start=3)
    with pytest.raises(ValueError, match="lands as many times"):
        ddim(rough, noise(3), (5, 1), ALPHAS, landings=[1.0])
    with pytest.raises(ValueError, match="prediction type"):
        ddim_coefficients(0.5, 0.9, "score")
    with pytest.raises(ValueError, match="no signal"):
        ddim_coefficients(0.0, 0.5, "epsilon")
    assert ddim_coefficients(0.0, 0.5, "v_prediction") == pytest.approx((0.5**0.5, -(0.5**0.5)))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_the_way_back_is_exact_on_a_gaussian(prediction: str, spacing: str) -> None:
    """There the network is linear in the sample, so the sampler is x_0 = a x_T + b, and its inverse is known."""
    denoise, steps = gaussian_denoiser(0.7, 0.4, prediction), timesteps(10, 1000, spacing)
    x_0 = noise(50)
    offset, there = (ddim(denoise, torch.full_like(x_0, at), steps, ALPHAS, prediction) for at in (0.0, 1.0))
    exact = (x_0 - offset) / (there - offset)
    found = last(way_back(denoise, x_0, steps, ALPHAS, prediction, refinements=200))
    torch.testing.assert_close(found, exact, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ddim(denoise, found, steps, ALPHAS, prediction), x_0, rtol=1e-9, atol=1e-9)


def test_each_iteration_of_the_way_back_is_nearer() -> None:
    denoise, steps = gaussian_denoiser(0.7, 0.4, "v_prediction"), timesteps(10, 1000, "trailing")
    x_0 = noise(50)
    landings = [float(ALPHAS[t - 100]) if t >= 100 else float(ALPHAS[0]) for t in steps]
    errors = []
    for refinements in range(5):
        x = last(way_back(denoise, x_0, steps, ALPHAS, "v_prediction", landings, refinements))
        errors.append(float((ddim(denoise, x, steps, ALPHAS, "v_prediction", landings) - x_0).abs().max()))
    assert all(later < 0.5 * earlier for earlier, later in itertools.pairwise(errors)), errors


def test_the_way_back_is_told_step_by_step_and_knows_where_there_is_none() -> None:
    denoise = gaussian_denoiser(0.0, 1.0, "epsilon")
    *before, at_last = way_back(denoise, noise(3), timesteps(5), ALPHAS)
    assert len(before) == 4
    assert torch.equal(at_last, last(way_back(denoise, noise(3), timesteps(5), ALPHAS)))
    with pytest.raises(ValueError, match="prediction alone at step 0,"):
        last(way_back(gaussian_denoiser(0.0, 1.0, "sample"), noise(3), timesteps(5), ALPHAS, "sample"))
