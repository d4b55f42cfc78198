"""A small model sampled by one sampler: the scores of every sample."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor

from explorer.bench.off_data.network import Perceptron
from explorer.bench.off_data.toys import Toy
from explorer.ending import Progress
from explorer.generators.base import standard_normal
from explorer.generators.diffusion_samplers import Courses
from explorer.generators.diffusion_scheduler import CLASSES, FolderSamplers
from explorer.numerics.renoise import LAST, NOISE, noisings, renoised, score_of, variance_over

AT_ONCE = 1000  # samples


class Scores(NamedTuple):
    """``samples`` (B, d), and of each, (B,): the probe's score, and that of its last steps."""

    samples: Tensor
    probe: Tensor
    window: Tensor


def scored(
    toy: Toy, network: Perceptron, sampler: str, steps: int, seed: int, progress: Progress, noise: float = NOISE
) -> Scores:
    """``toy.samples`` samples of ``network`` in ``steps`` of ``sampler``, the program's own, and their scores;
    ``noise``: of the probe. ``progress`` takes the finished share, 0..1, and may raise to stop it."""
    parts = []
    for first in range(0, toy.samples, AT_ONCE):
        seeds = [seed * toy.samples + row for row in range(first, min(toy.samples, first + AT_ONCE))]
        parts.append(_drawn(toy, network, sampler, steps, seeds, noise))
        progress(min(1.0, (first + AT_ONCE) / toy.samples))
    return Scores(*(torch.cat(column) for column in zip(*parts, strict=True)))


@torch.inference_mode()
def _drawn(toy: Toy, network: Perceptron, sampler: str, steps: int, seeds: list[int], noise: float) -> Scores:
    schedule, shape = toy.schedule, (toy.dimension,)
    entries = {**msgspec.structs.asdict(schedule), **toy.entries}
    courses = Courses(FolderSamplers(CLASSES[sampler], (sampler,), entries, schedule), torch.device("cpu"))
    course = courses.course(sampler, steps, seeds, shape)
    clean: deque[Tensor] = deque(maxlen=LAST)

    def predicted(x: Tensor, t: float) -> Tensor:
        noise: Tensor = network(x, torch.full((len(x),), t))
        return noise

    def heard(x: Tensor, t: float) -> Tensor:
        noise = predicted(x, t)
        clean.append(schedule.clean(x, noise, t))
        return noise

    x = course.run(heard, course.begin(standard_normal(seeds, shape)), 0, len(course.timesteps), None)
    t = schedule.step_of(noise)
    predictions = renoised(
        lambda noisy: schedule.clean(noisy, predicted(noisy, t), t), x, *schedule.mixture(t), noisings(shape)
    )
    return Scores(x, score_of(predictions.variance), score_of(variance_over(list(clean))))
