"""What a diffusion model says of a finished sample that is noised again: the probe of :mod:`explorer.numerics.renoise`
with its network; and the window of the last steps of DDPM."""

from __future__ import annotations

import copy
from collections import deque

import torch
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.base import Latent
from explorer.generators.diffusion_scheduler import DDPM
from explorer.generators.diffusion_stretches import Sampling
from explorer.generators.schedule import Schedule
from explorer.memory import BoundedCache, bytes_of
from explorer.numerics.renoise import LAST, NOISE, NOISINGS, Renoised, noisings, renoised, variance_over
from explorer.scene.model import Quality

FEWEST = 2  # predictions of which there is a variance


def finished(generator: Sampling, latent: Latent, quality: Quality) -> Tensor:
    """(B, *x_T): the sample after all steps, before it is decoded. Costs nothing where this very batch was just drawn:
    the end is kept."""
    return generator._end(latent, quality, generator._drawing(latent, quality), keep=True)


@torch.no_grad()
def renoised_samples(generator: Sampling, x: Tensor, latent: Latent, noise: float = NOISE) -> Renoised:
    """What the network predicts of the finished samples ``x`` (B, *x_T) noised
    :data:`explorer.numerics.renoise.NOISINGS` times by ``noise``, all in one batch. Nothing is added to h, and it is
    told what it was told of ``latent`` when the picture was finished."""
    schedule = generator.samplers.schedule
    t = schedule.step_of(noise)
    point = latent.at(t / schedule.num_train_timesteps)
    told = generator.conditioner.conditioning(point.each(lambda one: one.repeat(NOISINGS, *[1] * (one.dim() - 1))))
    generator._add(None, NOISINGS * len(x))

    def denoised(noisy: Tensor) -> Tensor:
        predicted = generator._predicted(noisy, t, told, half=False)
        return schedule.clean(noisy, predicted[:, : x.shape[1]], t)

    return renoised(denoised, x, *schedule.mixture(t), noisings(x.shape[1:]))


@torch.no_grad()
def window_variance(generator: Sampling, latent: Latent, quality: Quality) -> Tensor:
    """(B, *x_T) ≥ 0: the variance of the predicted x_0 over the steps in the last hundredth of the schedule, on the way
    of the picture, which is drawn anew. Raises :class:`ModelError` as :class:`LastSteps` does."""
    alone = copy.copy(generator)
    alone.prefixes = BoundedCache(0, bytes_of)  # what is kept was predicted before
    drawing = alone._drawing(latent, quality)
    samplers = generator.samplers
    steps = LastSteps(samplers.schedule, quality.sampler or samplers.default, drawing.course.timesteps)
    alone._end(latent, quality, drawing._replace(hear=steps.hear))
    return steps.variance()


class LastSteps:
    """Hears what is predicted on the way of a picture by ``sampler``, at the training steps ``timesteps``, and keeps
    the predicted x_0 of those in the last hundredth of the schedule. Raises :class:`ModelError` for other samplers than
    DDPM, where the variance says the opposite as often as not, and where so few steps are taken that no two are so
    late."""

    def __init__(self, schedule: Schedule, sampler: str, timesteps: tuple[float, ...]) -> None:
        late = LAST / 1000 * schedule.num_train_timesteps
        count = sum(t < late for t in timesteps)
        if sampler != DDPM:
            raise ModelError("The variance of the last steps says something under DDPM alone; choose DDPM.")
        if count < FEWEST:
            least = round(FEWEST * schedule.num_train_timesteps / late)
            raise ModelError(
                f"The variance of the last steps needs pictures of {least} steps or more; raise the steps."
            )
        self._schedule, self._late = schedule, late
        self._clean: deque[Tensor] = deque(maxlen=count)

    def hear(self, x: Tensor, t: float, predicted: Tensor) -> None:
        """Of one step."""
        if t < self._late:
            self._clean.append(self._schedule.clean(x, predicted[:, : x.shape[1]], t))

    def variance(self) -> Tensor:
        """(B, ...) ≥ 0, over the steps that were heard."""
        return variance_over(list(self._clean))
