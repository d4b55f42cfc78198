"""At which levels a cause is scanned: up to extreme values, its own range marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from explorer.controls.base import WEIGHTS, Control
from explorer.errors import ControlError, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.metrics.effect_scan import Floats
from explorer.scene.effects import EffectOptions
from explorer.scene.model import Holds

DEVIATIONS = 3.0
"""The own range of a value whose slider shows amounts: so many deviations of the prior, or of the base codes."""


@dataclass(frozen=True)
class Levels:
    """``numbers`` (T,) ascending amounts or values; of these, the number of the ``reference``, and of the ``start`` and
    the ``end`` of the cause's own range as far as it is scanned."""

    numbers: Floats
    holds: Holds
    reference: int
    start: int
    end: int


def levels_of(generator: Generator, control: Control, points: Latent, options: EffectOptions) -> Levels:
    """The levels of ``control``: at equal distances over the range of ``options``, with the ends of its own range and,
    of amounts, with 0, which changes nothing and is the reference; of values the start is. Where it has stops, these
    are the levels unless a range is given.

    Raises :class:`ControlError` for values of a control that knows none, :class:`ExplorerError` for an empty range.
    """
    card = control.card
    if card.cases is not None:
        raise ControlError(f"The numbers of '{card.name}' are those of cases, and have no effect; scan another one.")
    holds = options.holds or card.shows
    own = _Own(card.low, card.high, card.detents, card.shows == "value" or bool(card.detents))
    if holds != card.shows:
        own = _other(generator, control, points, holds)
    beyond = 0.0 if own.ends else (options.reach - 1) * (own.high - own.low) / 2
    bottom = own.low - beyond if options.low is None else options.low
    top = own.high + beyond if options.high is None else options.high
    if not bottom < top:
        raise ExplorerError(
            f"'{card.name}' would be scanned from {bottom:g} to {top:g}, which is empty; give both ends of a range."
        )
    start, end = max(own.low, bottom), min(own.high, top)
    if not start < end:  # all of it lies beyond the control's own range
        start, end = bottom, top
    is_plain = options.low is None and options.high is None
    inner = np.array(own.stops) if own.stops and is_plain else np.linspace(bottom, top, options.levels)
    marks = [start, end, *([0.0] if holds == "amount" and bottom <= 0 <= top else [])]
    numbers = _merged(inner, marks)
    reference = 0.0 if len(marks) == 3 else start
    first, last, middle = (int(np.abs(numbers - mark).argmin()) for mark in (start, end, reference))
    return Levels(numbers, holds, middle, first, last)


@dataclass(frozen=True)
class _Own:
    """The range of a cause, where it stops in it (empty: anywhere), and whether it ends there."""

    low: float
    high: float
    stops: tuple[float, ...] = ()
    ends: bool = False


def _merged(numbers: Floats, marks: list[float]) -> Floats:
    """``numbers`` and ``marks``, ascending; a number that is a mark but for rounding is the mark."""
    width = float(np.ptp(numbers)) or 1.0
    apart = [number for number in numbers if all(abs(number - mark) > 1e-9 * width for mark in marks)]
    return np.unique(np.array([*apart, *marks], float))


def _other(generator: Generator, control: Control, points: Latent, holds: Holds) -> _Own:
    """The own range of ``control`` in numbers that its slider does not show."""
    card = control.card
    place = control.place
    if place is None or card.space == WEIGHTS:
        raise ControlError(f"'{card.name}' knows no values, so it cannot be sent to one; scan its amounts.")
    if holds == "amount":
        half = (card.high - card.low) / 2
        return _Own(-half, half)
    if stops := place.stops():
        return _Own(min(stops), max(stops), stops, True)
    middle, spread = 0.0, 1.0
    if generator.card.spaces[card.space].prior != "normal":
        with torch.no_grad():
            values = place.value(generator.advance(points, card.space).tensors[card.space]).double().cpu().numpy()
        middle, spread = (float(f"{number:.2g}") for number in (values.mean(), values.std(ddof=1)))
    return _Own(middle - DEVIATIONS * spread, middle + DEVIATIONS * spread)
