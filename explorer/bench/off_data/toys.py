"""What the small models are trained on: modes that are known, so that a sample between them can be told by its
distance."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.generators.diffusion_scheduler import SchedulerConfig
from explorer.numerics.linalg import principal_components
from explorer.training.batch import as_images
from explorer.worlds.shapes import HUES
from explorer.worlds.shapes import WORLD as SHAPES

SIDE, SPACING, SPREAD = 5, 0.7071, 0.01768
"""Of the grid of Gaussians: modes a side, how far they lie apart, their deviation: the usual 2 and 0.05, over √8."""

SIZE, COMPONENTS = 32, 36
"""Of the pictures of shapes: pixels a side, and principal components, which are all but exact."""

OFF = 0.25
"""A sample is off the data from this share of the least spacing of two modes on."""


@dataclass(frozen=True)
class Toy:
    """Data around ``modes`` (M, d), with normal noise of deviation ``spread``; ``forbidden`` (O, d): what could be
    there as well and never is. ``betas``: of the schedule; ``width``, ``steps``: of the perceptron and its training;
    ``samples``: how many are drawn by each sampler."""

    name: str
    modes: Tensor
    betas: tuple[float, ...]
    width: int
    steps: int
    samples: int
    spread: float = 0.0
    entries: dict[str, Any] = field(default_factory=dict)
    forbidden: Tensor | None = None

    @property
    def dimension(self) -> int:
        """Numbers of a sample."""
        return self.modes.shape[1]

    @cached_property
    def spacing(self) -> float:
        """The least distance of two modes."""
        return float(torch.pdist(self.modes).min())

    @cached_property
    def schedule(self) -> SchedulerConfig:
        """The noise levels."""
        return SchedulerConfig(num_train_timesteps=len(self.betas), trained_betas=self.betas, clip_sample=False)

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """(count, d) of the data."""
        rows = torch.randint(len(self.modes), (count,), generator=source)
        return self.modes[rows] + self.spread * torch.randn((count, self.dimension), generator=source)

    def is_off(self, x: Tensor) -> Tensor:
        """(B,) bool: whether samples (B, d) lie further from every mode than :data:`OFF` of the least spacing."""
        return torch.cdist(x, self.modes).amin(1) > OFF * self.spacing

    def is_forbidden(self, x: Tensor) -> Tensor:
        """(B,) bool: whether samples (B, d) are of what never is: no further from it than :data:`OFF` allows."""
        if self.forbidden is None:
            return torch.zeros(len(x), dtype=torch.bool)
        return torch.cdist(x, self.forbidden).amin(1) <= OFF * self.spacing


def gaussians() -> Toy:
    """25 Gaussians on a grid, and of the schedule of the paper's toy (1000 betas from .001 to .2, DDPM with the larger
    of its two variances) the 300 steps in which there is any signal: its share is below .0001 after them."""
    places = SPACING * (torch.arange(SIDE) - (SIDE - 1) / 2)
    return Toy(
        name="gaussians",
        modes=torch.cartesian_prod(places, places).float(),
        betas=tuple(np.linspace(0.001, 0.2, 1000)[:300].tolist()),
        width=256,
        steps=20000,
        samples=12000,
        spread=SPREAD,
        entries={"variance_type": "fixed_large"},
    )


def shapes() -> Toy:
    """Pictures of the world `shapes`, of five hues, in which no two of floor, wall and object have the same: 240 of
    500, as their principal components, so that a perceptron does for a U-Net. The usual schedule of 1000 steps."""
    forms = SHAPES.factors[SHAPES.column("shape")].values
    combinations = list(itertools.product(HUES[::2], HUES[::2], HUES[::2], forms))
    rows = np.array([(floor, wall, thing, 1.0, form, 0.0) for floor, wall, thing, form in combinations], np.float32)
    pictures = as_images(SHAPES.render(rows, SIZE)).flatten(1).double()
    components = principal_components(pictures, COMPONENTS)
    codes = (pictures - components.mean) @ components.components.T
    codes = (codes / codes.std()).float()
    allowed = torch.tensor([len(set(hues)) == len(hues) for *hues, _ in combinations])
    return Toy(
        name="shapes",
        modes=codes[allowed],
        betas=tuple(np.linspace(1e-4, 0.02, 1000).tolist()),
        width=256,
        steps=15000,
        samples=3000,
        forbidden=codes[~allowed],
    )
