"""What is known of the effect of one variable on another: by the graph, and by rows. Plain values; no torch."""

from __future__ import annotations

import msgspec

from explorer.causal.identification import Way


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class OutcomeEffect(msgspec.Struct, frozen=True, kw_only=True):
    """On the mean of the effect (of 0 and 1: the probability of 1), or, of a category, on the probability of ``level``.
    ``direct`` and ``indirect``: None where all of it is direct, or where rows do not tell."""

    total: Estimate
    level: str = ""
    direct: Estimate | None = None
    indirect: Estimate | None = None


class EffectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of ``cause`` on ``effect`` where the cause is set to the second of ``values`` instead of the first.

    ``way``, ``sentence``, ``formula``: of the graph (:class:`explorer.causal.identification.Identification`);
    ``adjust`` and ``through``: the back-door and the front-door sets without a variable to spare, small ones first.
    ``outcomes``: what ``rows`` tell, empty where they do not, and ``note`` says why. ``between``: what lies on the way.
    ``low`` and ``high``: between which P(effect = j | do(cause = i)) lies, [i][j], where both have levels, by
    ``level_way``. ``warnings``: a sentence each.
    """

    cause: str
    effect: str
    values: tuple[float, float]
    way: Way
    sentence: str
    formula: str = ""
    adjust: tuple[tuple[str, ...], ...] = ()
    through: tuple[tuple[str, ...], ...] = ()
    between: tuple[str, ...] = ()
    rows: int = 0
    outcomes: tuple[OutcomeEffect, ...] = ()
    note: str = ""
    low: tuple[tuple[float, ...], ...] = ()
    high: tuple[tuple[float, ...], ...] = ()
    level_way: str = ""
    warnings: tuple[str, ...] = ()
