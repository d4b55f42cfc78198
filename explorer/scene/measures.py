"""What measuring a model gives: plain values that the window shows, the command line prints, and files hold. No
torch."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from explorer.scene.cards import Badge

Selection = Literal["all", "non-passive", "active"]
"""Which latents a measure of codes is taken on, by their badges."""

Sampling = Literal["independent", "causal"]
"""How the factors of the encoded pictures are drawn: each alone and evenly from its grid, as the definitions of the
measures have it, or as the world's causal model gives them, whose pictures are all possible."""


COUNTERFACTUALS = "counterfactuals"
"""The measure of how true counterfactuals are. It is taken only where it is named, since every model draws thousands of
pictures for it."""

SAFE = ("safe_low", "safe_high")
"""Among the parts of a control's score: between which amounts its pictures stay as usual as the model's own."""

Group = Literal["disentanglement", "latents", "quality", "counterfactuals", "controls"]
"""The headings under which measures stand."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One number with its chance level, and all else that it is held against, beside it.

    ``value`` is None where the measure is not defined for these data; ``note`` then says why. ``null`` is the mean of
    the same estimator when codes and factors are permuted against each other (or what ``estimator`` says),
    ``null_high`` the 95th percentile, ``null_name`` what it is of, where that is not chance. ``baselines``: what else
    gets which number, by its name, from the worst to the ceiling. ``estimator`` names bins, neighbours, pruning and
    counts. ``parts``: the terms behind the number, by the name of the latent or factor.
    """

    value: float | None
    null: float | None = None
    null_high: float | None = None
    null_name: str = ""
    baselines: dict[str, float | None] = {}
    title: str = ""
    paper: str = ""
    better: Literal["higher", "lower", ""] = "higher"
    group: Group = "disentanglement"
    estimator: str = ""
    n: int = 0
    parts: dict[str, float | None] = {}
    note: str = ""


class Violin(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of one latent's codes: ``density`` (bins,) per unit over equal bins from ``low`` to ``high``."""

    low: float
    high: float
    density: tuple[float, ...]
    quartiles: tuple[float, float, float]


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """Two latents turned against each other: first' = cos·first + sin·second, second' = −sin·first + cos·second.
    ``degrees`` counter-clockwise. Measures turn codes that they have scaled to unit variance; sliders turn the axes as
    they are, in units of the prior."""

    first: str
    second: str
    degrees: float = 45.0

    @property
    def matrix(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What the two become, a row each."""
        angle = math.radians(self.degrees)
        return (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called then: ``z4'`` and ``z8'``."""
        return f"{self.first}'", f"{self.second}'"


class MeasureOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure. ``world`` empty: the one that the model was trained on. ``measures`` empty: all that fit,
    without those that take minutes where ``quick``. ``best_rotation``: the pair of ``rotation`` is turned by the angle
    that parts the factors most clearly; the report says which.
    """

    world: str = ""
    n: int = 5000
    seed: int = 0
    sampling: Sampling = "independent"
    selection: Selection = "all"
    rotation: Rotation | None = None
    best_rotation: bool = False
    measures: tuple[str, ...] = ()
    quick: bool = False


class MeasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """All measures of one model on one world; of its controls, on pictures of its own (``world`` empty).

    ``latents`` are the latents measured (those of ``selection``), ``badges`` and ``violins`` theirs; ``nmi`` has a row
    a factor and a column a latent: I(factor; latent) / H(factor), ``nmi_null`` its mean under permutation;
    ``estimator`` says how it was estimated. Empty for models without an encoder. ``pruned``: latents among them that
    the measures which prune left out.
    """

    model: str
    fingerprint: str
    world: str
    n: int
    seed: int = 0
    sampling: Sampling = "independent"
    selection: Selection = "all"
    rotation: Rotation | None = None
    latents: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    violins: tuple[Violin, ...] = ()
    factors: tuple[str, ...] = ()
    nmi: tuple[tuple[float, ...], ...] = ()
    nmi_null: tuple[tuple[float, ...], ...] = ()
    estimator: str = ""
    metrics: dict[str, Score] = {}
    seconds: float = 0.0
