"""Whether samples copy what people made: a world of real examples has finitely many, and a generator may know them all.

A sample is compared with every example, drawn with the sample's other factors as they are read from it, so that an
example written with another pen counts as the same example.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.generators.base import Progress
from explorer.scene.measures import Score
from explorer.training.batch import Batch
from explorer.worlds.attributes import Attributes
from explorer.worlds.base import Array, World

COUNT = 100
"""Samples that are compared, and pictures of the world: each costs a drawing of every example."""


def copies(world: World, attributes: Attributes, samples: Tensor, data: Batch, taken: str, progress: Progress) -> Score:
    """How far ``samples`` (n, C, S, S) in [-1, 1] are from the nearest of the world's examples, beside how far these
    are from one another, which is measured on ``data`` (m pictures of the world). ``taken``: how samples were drawn."""
    assert data.factors is not None, "the pictures of a world come with their factors"
    grey = world.channels == 1 and samples.shape[1] == 3
    pictures = torch.cat([samples.cpu().mean(dim=1, keepdim=True) if grey else samples.cpu(), data.images])
    away = example_distances(world, pictures, attributes.measure(pictures), progress)
    found, others = away[: len(samples)].min(axis=1), away[len(samples) :]
    itself = others.min(axis=1)
    own = world.levels_of(data.factors.numpy())[:, world.column(world.example)]
    others[np.arange(len(others)), own] = np.inf
    return Score(
        value=float(np.median(found)),
        null=float(np.median(others.min(axis=1))),
        title=f"Distance from the nearest example{taken}",
        better="",
        group="quality",
        n=len(samples),
        estimator=(
            f"median over {len(samples)} samples of the root mean square over pixels, 0 to 1, after each "
            f"{world.example} was drawn with the sample's other factors; chance: an example from the nearest other one"
        ),
        parts={"an example from itself": float(np.median(itself))},
    )


def example_distances(
    world: World, pictures: Tensor, values: Array, progress: Progress | None = None
) -> NDArray[np.float64]:
    """(n, examples) root mean square over pixels, in 0..1, of the difference between ``pictures`` (n, C, S, S) in
    [-1, 1] and each example of ``world``, drawn with the other factors ``values`` (n, K)."""
    column = world.column(world.example)
    examples = np.asarray(world.factors[column].values, np.float32)
    rows = np.array(values, np.float32)
    for place, factor in enumerate(world.factors):
        if factor.kind == "number" and not factor.cyclic:
            rows[:, place] = rows[:, place].clip(factor.low, factor.high)
    shown = ((pictures + 1.0) / 2.0).permute(0, 2, 3, 1).cpu().numpy()
    found = np.empty((len(rows), len(examples)))
    for index, row in enumerate(rows):
        tried = np.repeat(row[None], len(examples), axis=0)
        tried[:, column] = examples
        drawn = world.render(tried, shown.shape[1]).astype(np.float32) / 255.0
        found[index] = np.sqrt(np.square(drawn - shown[index]).mean(axis=(1, 2, 3), dtype=np.float64))
        if progress is not None:
            progress((index + 1) / len(rows))
    return found
