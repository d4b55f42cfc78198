"""Pictures of many controls at many points and amounts, drawn in common batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from explorer.controls.base import Control, Move
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import rendered, rows_of
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality

BATCH = 64


@dataclass(frozen=True)
class Job:
    """One picture: the point number ``row``, moved by some controls (their numbers) each by an amount (one each), or
    sent to a value by those that ``absolute`` names among them."""

    row: int
    controls: tuple[int, ...]
    amounts: tuple[float, ...]
    absolute: tuple[int, ...] = ()


def measured_quality(model: ModelCard) -> Quality:
    """How pictures are drawn for measuring: full precision; a diffusion model with the steps of a moving slider."""
    return Quality(steps=model.interactive_steps, precision="float32")


def draw(
    generator: Generator, controls: Sequence[Control], points: Latent, jobs: Sequence[Job], quality: Quality
) -> Iterator[Tensor]:
    """The outputs (B, *shape) of ``jobs`` in their order, at most :data:`BATCH` at once, without gradients.

    Neighbouring jobs of the same controls are moved together; every batch is one call of the generator, or one for
    every set of weights where a control changes these.
    """
    for start in range(0, len(jobs), BATCH):
        with torch.no_grad():
            edits = []
            for (chosen, absolute), group in groupby(
                jobs[start : start + BATCH], lambda job: (job.controls, job.absolute)
            ):
                members = list(group)
                # A value must be the number that was written to its last bit, to be the identity where it stands.
                numbers = torch.tensor([job.amounts for job in members], dtype=torch.float64)
                moves = [
                    Move(controls[index], number, True)
                    if index in absolute
                    else Move(controls[index], number.to(generator.device, torch.float32))
                    for index, number in zip(chosen, numbers.unbind(1), strict=True)
                ]
                edits.append((rows_of(points, [job.row for job in members]), moves))
            pictures = rendered(generator, edits, quality)
        yield pictures
