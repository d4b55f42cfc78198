"""The picture that a sampler predicts at each of its steps, on the way of one picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.base import Latent, Predicted
from explorer.generators.diffusion_samplers import Course
from explorer.generators.diffusion_stretches import Sampling
from explorer.numerics.samplers import Denoiser
from explorer.scene.model import Quality
from explorer.scene.trajectory import evenly


def predicted(generator: Sampling, latent: Latent, quality: Quality, most: int) -> Iterator[Predicted]:
    """What is predicted at each step of the picture of ``latent`` (:class:`explorer.generators.base.Foreseeing`), which
    is drawn anew for that: kept beginnings are neither used nor added to."""
    drawing = generator._drawing(latent, quality)
    stretches = generator._stretches(latent, drawing.course)
    by_step = [stretch for stretch in stretches for _ in range(stretch.start, stretch.stop)]
    x, drawing = generator._through(latent, quality, drawing, [])

    def denoiser(index: int) -> Denoiser:
        told = by_step[index].conditioning
        generator._add(by_step[index].h, len(x))
        return lambda sample, t: generator._predicted(sample, t, told, drawing.half)

    def decoded(sample: Tensor) -> Tensor:
        return generator._decoding.decoded(sample, drawing.half, "tiny")

    return along(drawing.course, x, generator.samplers.schedule.num_train_timesteps, denoiser, decoded, most)


def along(
    course: Course,
    x: Tensor,
    train_steps: int,
    denoiser: Callable[[int], Denoiser],
    decoded: Callable[[Tensor], Tensor],
    most: int,
) -> Iterator[Predicted]:
    """The steps of ``course`` from ``x``, one after the other; before each ``denoiser`` is asked for its network, so
    that others may use that in between. Where a sampler visits one noise level more than once, which is one step, what
    it goes on from is shown. Raises :class:`ModelError` where a prediction says nothing of the picture."""
    steps = [[index for index, _ in visits] for _, visits in itertools.groupby(enumerate(course.timesteps), _time)]
    shown = set(evenly(len(steps), most))
    for number, indices in enumerate(steps):
        picture = None
        with torch.no_grad():
            for index in indices:
                heard: list[tuple[Tensor, Tensor]] = []
                x = course.run(_listening(denoiser(index), heard), x, index, index + 1, None)
            if number in shown:
                try:
                    picture = decoded(course.clean(indices[-1], *heard[0]))
                except ValueError as error:
                    raise ModelError(f"What is predicted at step {number + 1} is no picture: {error}.") from error
        yield Predicted(number, course.timesteps[indices[0]] / train_steps, picture)


def _time(visit: tuple[int, float]) -> float:
    return visit[1]


def _listening(denoise: Denoiser, heard: list[tuple[Tensor, Tensor]]) -> Denoiser:
    def listening(sample: Tensor, t: float) -> Tensor:
        prediction = denoise(sample, t)
        heard.append((sample, prediction))
        return prediction

    return listening
