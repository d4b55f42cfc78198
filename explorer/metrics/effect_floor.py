"""Whether a control does anything: the change of the picture that it makes, against the floors below which a change
says nothing of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.scene.measures import SAFE, Score

Floats = NDArray[np.float64]

NOTHING, WEAK = "does nothing", "weak"
"""How the note of a score begins that is at a floor."""


@dataclass(frozen=True)
class Floors:
    """Changes of a picture, in shares of the range, that are made without a control or by any.

    ``rounding``: the largest change that comes of drawing the same picture in another batch; ``chance`` (R,): the mean
    change by each of R random ones of the same space and the same norm; ``draft``: the mean change between the steps of
    a moving slider and all steps, None where there are no steps; ``ceiling``: the mean change from one picture of the
    model to another.
    """

    rounding: float
    chance: Floats
    draft: float | None
    ceiling: float


def verdict(effect: float, floors: Floors) -> str:
    """What is to be said of a control that changes pictures by ``effect`` on average: empty where it is above all
    floors, else :data:`NOTHING` or :data:`WEAK` with the floor that it does not pass."""
    if effect <= floors.rounding:
        return f"{NOTHING}: no more than rounding"
    if effect <= np.quantile(floors.chance, 0.95):
        return f"{WEAK}: no more than chance"
    if floors.draft is not None and effect <= floors.draft:
        return f"{WEAK}: less than between a draft and the finished picture"
    return ""


def effect_score(
    name: str, effect: float, floors: Floors, n: int, estimator: str, safe: tuple[float, float] | None = None
) -> Score:
    """The ``effect`` of the control ``name`` on ``n`` pictures beside its chance level, with the other floors and the
    ceiling; the note is its :func:`verdict`, the parts are the ends of its ``safe`` range."""
    draft = {} if floors.draft is None else {"draft": floors.draft}
    return Score(
        value=effect,
        null=float(floors.chance.mean()),
        null_high=float(np.quantile(floors.chance, 0.95)),
        baselines={"rounding": floors.rounding, **draft, "another picture": floors.ceiling},
        title=name,
        better="higher",
        group="controls",
        estimator=estimator,
        n=n,
        parts={} if safe is None else dict(zip(SAFE, safe, strict=True)),
        note=verdict(effect, floors),
    )
