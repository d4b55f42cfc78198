"""Drawn portraits: the face of the program, and its richest ground truth. Twenty factors with a causal graph.

Age whitens hair and draws lines; sex grows beards and sets the length of hair; light makes a picture brighter and its
shadows deeper. Age and light are seen through these effects alone. Sex also shows in lashes, brows, lips and jaw.
What hides what: glasses cover little, long hair the ears; the mouth's curvature shows least where it is wide open.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.noise_laws import STANDARD_NORMAL, NoiseLaw, uniform_between
from explorer.worlds.base import Array, Factor, World
from explorer.worlds.drawing import in_blocks
from explorer.worlds.faces_drawing import Portrait

Values = NDArray[np.float64]
BLOCK = 64  # rows drawn together
FEMALE, MALE = 0.0, 1.0
WEARERS = 0.3  # share of faces with glasses


def _grid(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in np.linspace(low, high, count))


def _uniform(low: float, high: float) -> ClosedForm:
    return ClosedForm((), uniform_between(low, high))


def _squashed(cause: str, slope: float, threshold: float, spread: float) -> ClosedForm:
    """σ(slope · (cause − threshold) + spread · N(0, 1)), in (0, 1): invertible everywhere."""

    def form(parents: Tensor, noise: Tensor) -> Tensor:
        return torch.sigmoid(slope * (parents[:, 0] - threshold) + spread * noise)

    def invert(parents: Tensor, value: Tensor) -> Tensor:
        noise = (torch.logit(value) - slope * (parents[:, 0] - threshold)) / spread
        return torch.where(noise.isfinite(), noise, torch.nan)

    return ClosedForm((cause,), STANDARD_NORMAL, form, invert)


def _beard(parents: Tensor, noise: Tensor) -> Tensor:
    beard = torch.where(parents[:, 0] > 0.5, torch.sigmoid(2.4 * noise - 0.8), 0.0)
    return torch.where(parents[:, 0].isnan() | noise.isnan(), torch.nan, beard)


def _beard_noise(parents: Tensor, beard: Tensor) -> Tensor:
    grows = (parents[:, 0] > 0.5) & (beard > 0.0) & (beard < 1.0)
    return torch.where(grows, (torch.logit(torch.where(grows, beard, 0.5)) + 0.8) / 2.4, torch.nan)


def _any_noise(parents: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    return torch.full_like(parents[:, 0], -math.inf), torch.full_like(parents[:, 0], math.inf)


def _levels(shares: tuple[float, ...]) -> ClosedForm:
    """A category that nothing causes; ``shares`` of its levels. Many noises give one level: nothing to abduct."""
    ends = torch.tensor((0.0, *np.cumsum(shares)[:-1], 1.0), dtype=torch.float64)

    def form(_: Tensor, noise: Tensor) -> Tensor:
        level = torch.searchsorted(ends[1:-1].to(noise), noise.contiguous()).to(noise)
        return torch.where(noise.isnan(), torch.nan, level)

    def span(_: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        place = level.long().clamp(0, len(shares) - 1)
        return ends.to(level)[place], ends.to(level)[place + 1]

    return ClosedForm((), uniform_between(0.0, 1.0), form, lambda _, level: torch.full_like(level, torch.nan), span)


def _smile_law() -> NoiseLaw:
    """2 √u − 1: most people smile for a portrait."""
    return NoiseLaw(lambda u: 2.0 * u**0.5 - 1.0, log_density=lambda smile: ((smile + 1.0) / 2.0).log())


def _mouth_law() -> NoiseLaw:
    """max(1.6 u − 0.6, 0)^1.2: three of eight mouths are shut, which has a probability and not a density."""

    def log_density(opening: Tensor) -> Tensor:
        shut = torch.full_like(opening, math.log(0.6 / 1.6))
        wide = opening.clamp(min=1e-300)
        return torch.where(opening > 0, wide.log() * (1 / 1.2 - 1) - math.log(1.2 * 1.6), shut)

    return NoiseLaw(lambda u: (1.6 * u - 0.6).clamp(min=0.0) ** 1.2, log_density=log_density)


class Faces(World):
    """See the module. Numbers without a unit run from 0 to 1, or from -1 to 1 where there are two directions."""

    name = "faces"
    title = "Drawn faces"
    sizes = (64, 128)
    factors = (
        Factor("age", _grid(0.0, 1.0, 9)),
        Factor("sex", (FEMALE, MALE), kind="category", labels=("female", "male")),
        Factor("light", _grid(0.0, 1.0, 9)),
        Factor("head_width", _grid(0.0, 1.0, 5)),
        Factor("skin", _grid(0.0, 1.0, 7)),
        Factor("hair_colour", _grid(0.0, 1.0, 7)),
        Factor("hair_grey", _grid(0.0, 1.0, 5)),
        Factor("hair_length", _grid(0.0, 1.0, 7)),
        Factor("wrinkles", _grid(0.0, 1.0, 5)),
        Factor("beard", _grid(0.0, 1.0, 5)),
        Factor("brow", _grid(-1.0, 1.0, 7)),
        Factor("eye_openness", _grid(0.3, 1.0, 6)),
        Factor("gaze", _grid(-1.0, 1.0, 7)),
        Factor("smile", _grid(-1.0, 1.0, 9)),
        Factor("mouth_open", _grid(0.0, 1.0, 6)),
        Factor("glasses", (0.0, 1.0), kind="category", labels=("none", "worn")),
        Factor("head_turn", _grid(-1.0, 1.0, 9)),
        Factor("brightness", _grid(0.0, 1.0, 6)),
        Factor("shadow", _grid(0.0, 1.0, 6)),
        Factor("background", tuple(round(k / 12, 6) for k in range(12)), cyclic=True, unit="turns"),
    )
    unseen = ("age", "light")
    mechanisms = {  # noqa: RUF012
        "age": _uniform(0.0, 1.0),
        "sex": _levels((0.5, 0.5)),
        "light": _uniform(0.0, 1.0),
        "head_width": _uniform(0.0, 1.0),
        "skin": _uniform(0.0, 1.0),
        "hair_colour": _uniform(0.0, 1.0),
        "hair_grey": _squashed("age", 10.0, 0.68, 0.9),
        "hair_length": _squashed("sex", -3.2, 0.22, 1.1),
        "wrinkles": _squashed("age", 8.0, 0.66, 0.7),
        "beard": ClosedForm(("sex",), STANDARD_NORMAL, _beard, _beard_noise, _any_noise),
        "brow": _uniform(-1.0, 1.0),
        "eye_openness": _uniform(0.3, 1.0),
        "gaze": _uniform(-1.0, 1.0),
        "smile": ClosedForm((), _smile_law()),
        "mouth_open": ClosedForm((), _mouth_law()),
        "glasses": _levels((1.0 - WEARERS, WEARERS)),
        "head_turn": _uniform(-1.0, 1.0),
        "brightness": _squashed("light", 3.2, 0.22, 0.5),
        "shadow": _squashed("light", 3.6, 0.62, 0.6),
        "background": _uniform(0.0, 1.0),
    }

    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, size, size, 3) portraits of (n, 20) values, at 64 or 128 pixels; values are held to their ranges."""
        return in_blocks(self._draw, *self.checked(factors, size), BLOCK)

    def _draw(self, rows: Array, size: int) -> NDArray[np.uint8]:
        columns = {}
        for index, factor in enumerate(self.factors):
            values = rows[:, index]
            columns[factor.name] = values % factor.period if factor.cyclic else np.clip(values, factor.low, factor.high)
        return Portrait(columns, size).drawn()


WORLD = Faces()
