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
    """One picture: the point number ``row``, moved by some controls (their numbers) each by an amount (one each)."""

    row: int
    controls: tuple[int, ...]
    amounts: tuple[float, ...]


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
            for chosen, group in groupby(jobs[start : start + BATCH], lambda job: job.controls):
                members = list(group)
                amounts = torch.tensor([job.amounts for job in members], dtype=torch.float32, device=generator.device)
                moves = [Move(controls[index], amounts[:, place]) for place, index in enumerate(chosen)]
                edits.append((rows_of(points, [job.row for job in members]), moves))
            pictures = rendered(generator, edits, quality)
        yield pictures
