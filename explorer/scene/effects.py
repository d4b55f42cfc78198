"""What an effect scan is asked for and what it gives: plain values for the window, the command line and files. No
torch."""

from __future__ import annotations

from typing import Literal

import msgspec

from explorer.scene.model import ControlSetRef, Holds, ModelRef

Multiplicity = Literal["bh", "holm"]
"""How p values are adjusted for many being tested: Benjamini and Hochberg, or Holm."""

Others = Literal["held", "randomised"]
"""What the other controls of the set do while one is moved."""

LEVEL = 0.95
"""Of every interval; effects whose adjusted p is below 1 - this are shown as effects."""

BEYOND = 0.01
"""A level is outside the data where fewer than this share of the model's own codes lie as far from their middle."""

STRANGE = 0.5
"""It is outside for an outcome where more than this share of base codes show what none of the model's pictures does."""


class EffectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to scan. ``attributes``: a world's name, or the path of a classifier or of labels; empty: the world that the
    model was trained on. ``outcomes``: only these of them; ``causes``: only these controls of the set; empty: all.

    ``bases``: base codes; ``levels``: of each cause, at equal distances from ``low`` to ``high`` (None: ``reach`` times
    its own range about the middle, or once where it ends there). ``holds``: whether levels are amounts, by which every
    base code is moved, or values, to which it is sent, do(x = v); empty: what a control's slider shows.

    ``others``: whether the other controls stay at what each base code has, or are moved at random within their ranges,
    ``draws`` times for every base code. ``observed``: pictures of the model's own with which codes and outcomes are
    compared.
    """

    attributes: str = ""
    outcomes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    bases: int = 64
    levels: int = 17
    reach: float = 2.0
    low: float | None = None
    high: float | None = None
    holds: Holds | Literal[""] = ""
    others: Others = "held"
    draws: int = 1
    observed: int = 1000
    seed: int = 0
    multiplicity: Multiplicity = "bh"


class EffectQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What the window asks of a model: to scan the set ``controls`` as ``options`` say."""

    controls: ControlSetRef
    options: EffectOptions


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A control at its ``levels`` (ascending amounts or values, as ``holds`` says). Its effects are from ``start`` to
    ``end``, the ends of its own range as far as it was scanned; its curves are changes from ``reference``.

    ``farther``: at each level the share of the model's own codes that lie farther from their middle than the moved base
    codes, on average; empty where codes have no middle."""

    name: str
    space: str
    unit: str
    holds: Holds
    levels: tuple[float, ...]
    reference: float
    start: float
    end: float
    farther: tuple[float, ...] = ()

    @property
    def outside(self) -> tuple[bool, ...]:
        """Which levels are outside the data, as far as codes tell."""
        return tuple(share < BEYOND for share in self.farther) if self.farther else (False,) * len(self.levels)


class EffectOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute, or the probability that a category has one of its levels (``label``). ``deviation``: how much it
    varies over the model's own pictures (None: it does not), ``low`` and ``high`` the ends of what these show; None of
    what is cyclic or a probability."""

    name: str
    attribute: str
    kind: Literal["number", "share", "cyclic", "category"] = "number"
    unit: str = ""
    period: float = 0.0
    label: str = ""
    deviation: float | None = None
    low: float | None = None
    high: float | None = None


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one cause does to one outcome. ``effect``: the mean change, in the outcome's unit, from the cause's start to
    its end; ``low``/``high`` its interval; ``p`` of the test that it is 0, ``q`` adjusted for all that are tested;
    ``n`` base codes that were read (None: too few). ``standardised``: in deviations of the outcome.

    ``secant``: the mean change per unit of the cause, over the same way; ``monotonicity``: the net change of the whole
    mean curve over all that it goes up and down, -1..1; ``same_way``: the share of base codes that change in the
    direction of the mean; ``individual``: the change at each base code (None: not read). ``level_at_reference``: the
    mean outcome there. ``curve``, ``curve_low``, ``curve_high``: the mean change from the reference at each level, each
    with its own interval; ``beyond``: the share of base codes whose outcome lies outside what the model's own pictures
    show.
    """

    cause: str
    outcome: str
    effect: float | None
    low: float | None
    high: float | None
    p: float | None
    q: float | None = None
    n: int = 0
    standardised: float | None = None
    secant: float | None = None
    monotonicity: float | None = None
    same_way: float | None = None
    individual: tuple[float | None, ...] = ()
    level_at_reference: float | None = None
    curve: tuple[float | None, ...] = ()
    curve_low: tuple[float | None, ...] = ()
    curve_high: tuple[float | None, ...] = ()
    beyond: tuple[float, ...] = ()
    note: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether it is told from none, with what was tested beside it taken into account."""
        return self.q is not None and self.q < 1 - LEVEL


class EffectReport(msgspec.Struct, frozen=True, kw_only=True):
    """Which cause does what. ``effects`` are in the order of causes, and for each in that of the outcomes;
    ``contract``: the sentences that say how the numbers were taken."""

    model: ModelRef
    name: str
    controls: ControlSetRef
    title: str
    options: EffectOptions
    causes: tuple[Cause, ...]
    outcomes: tuple[EffectOutcome, ...]
    effects: tuple[Effect, ...]
    n: int
    level: float = LEVEL
    multiplicity: str = ""
    contract: tuple[str, ...] = ()
    pictures: int = 0
    seconds: float = 0.0

    def effect(self, cause: int, outcome: int) -> Effect:
        """That of cause number ``cause`` on outcome number ``outcome``."""
        return self.effects[cause * len(self.outcomes) + outcome]
