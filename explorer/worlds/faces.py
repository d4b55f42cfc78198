"""Drawn portraits: the face of the program, and its richest ground truth. Twenty factors with a causal graph.

Age whitens hair and draws lines; sex grows beards and sets the length of hair; light makes a picture brighter and its
shadows deeper. Age and light are seen through these effects alone. Sex also shows in lashes, brows, lips and jaw.
What hides what: glasses cover little, long hair the ears; the mouth's curvature shows least where it is wide open.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from explorer.worlds.base import Array, Factor, Mechanism, World
from explorer.worlds.drawing import in_blocks
from explorer.worlds.faces_drawing import Portrait

Values = NDArray[np.float64]
BLOCK = 64  # rows drawn together
FEMALE, MALE = 0.0, 1.0
WEARERS = 0.3  # share of faces with glasses


def _grid(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in np.linspace(low, high, count))


def _uniform(low: float, high: float) -> Mechanism:
    return Mechanism((), lambda u: low + (high - low) * u)


def _squashed(cause: str, slope: float, threshold: float, spread: float) -> Mechanism:
    """σ(slope · (cause − threshold) + spread · N(0, 1)), in (0, 1): invertible everywhere."""

    def assign(parents: Values, noise: Values) -> Values:
        return np.asarray(expit(slope * (parents[:, 0] - threshold) + spread * noise))

    def abduct(parents: Values, value: Values) -> Values:
        with np.errstate(divide="ignore"):
            found = (logit(value) - slope * (parents[:, 0] - threshold)) / spread
        return np.where(np.isfinite(found), found, np.nan)

    return Mechanism((cause,), ndtri, assign, abduct)


def _beard(parents: Values, noise: Values) -> Values:
    return np.where(parents[:, 0] > 0.5, expit(2.4 * noise - 0.8), 0.0)


def _abduct_beard(parents: Values, beard: Values) -> Values:
    grows = (parents[:, 0] > 0.5) & (beard > 0.0) & (beard < 1.0)
    return np.where(grows, (logit(np.where(grows, beard, 0.5)) + 0.8) / 2.4, np.nan)


def _levels(shares: tuple[float, ...]) -> Mechanism:
    """A category that nothing causes; ``shares`` of its levels. Many noises give one level: nothing to abduct."""
    edges = np.cumsum(shares)[:-1]
    return Mechanism((), lambda u: u, lambda parents, noise: np.searchsorted(edges, noise).astype(float), None)


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
        "beard": Mechanism(("sex",), ndtri, _beard, _abduct_beard),
        "brow": _uniform(-1.0, 1.0),
        "eye_openness": _uniform(0.3, 1.0),
        "gaze": _uniform(-1.0, 1.0),
        "smile": Mechanism((), lambda u: 2.0 * u**0.5 - 1.0),  # most people smile for a portrait
        "mouth_open": Mechanism((), lambda u: np.maximum(1.6 * u - 0.6, 0.0) ** 1.2),
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
