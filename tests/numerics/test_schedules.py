"""Noise schedules and step spacings against diffusers' schedulers and their closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from explorer.numerics.schedules import SCHEDULES, SPACINGS, alphas_cumprod, timesteps


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("zero", [False, True])
def test_schedules_equal_those_of_diffusers(schedule: str, zero: bool) -> None:
    # DDPM knows more schedules than DDIM.
    theirs = DDPMScheduler(beta_schedule=schedule, rescale_betas_zero_snr=zero).alphas_cumprod.double()
    ours = alphas_cumprod(schedule, zero_terminal_snr=zero)
    assert ours.dtype == torch.float64
    # Theirs is a float32 product of a thousand factors.
    torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=1e-7)


def test_cosine_schedule_telescopes_to_its_definition() -> None:
    ours = alphas_cumprod("squaredcos_cap_v2")
    t = torch.arange(1, 1000, dtype=torch.float64)  # the last beta is capped

    def signal(share: torch.Tensor) -> torch.Tensor:
        return torch.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2

    torch.testing.assert_close(ours[:-1], signal(t / 1000) / signal(torch.zeros(1, dtype=torch.float64)))


def test_trained_betas_override_the_schedule() -> None:
    torch.testing.assert_close(alphas_cumprod(betas=[0.5, 0.5]), torch.tensor([0.5, 0.25], dtype=torch.float64))


@pytest.mark.parametrize("bad", [{"schedule": "exponential"}, {"betas": [0.1, 1.5]}, {"betas": []}, {"betas": [0.0]}])
def test_impossible_schedules_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="schedule"):
        alphas_cumprod(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("count", [1, 2, 4, 5, 8, 12, 20, 50, 100, 250, 999, 1000])
def test_timesteps_equal_those_of_diffusers(spacing: str, count: int) -> None:
    scheduler = DDIMScheduler(timestep_spacing=spacing)
    scheduler.set_timesteps(count)
    assert list(timesteps(count, 1000, spacing)) == scheduler.timesteps.tolist()


def test_leading_steps_take_an_offset() -> None:
    assert timesteps(4, 1000, "leading", 1) == (751, 501, 251, 1)


@pytest.mark.parametrize("arguments", [(0, 10), (11, 10), (5, 10, "middle"), (10, 10, "leading", 1)])
def test_impossible_steps_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="step"):
        timesteps(*arguments)  # type: ignore[arg-type]
