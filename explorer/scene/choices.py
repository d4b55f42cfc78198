"""Amounts that are numbers of cases, between which nothing lies: 0 is the picture as it is. No torch."""

from __future__ import annotations

import math

LARGEST = 2**24 - 1
"""The largest number of a case: amounts are kept in 32 bits."""


def case_of(amount: float) -> int:
    """The case that ``amount`` is in: the whole number next to it away from 0, so that nothing but 0 is 0."""
    return math.ceil(amount) if amount > 0 else math.floor(amount)


def seed_of(case: int) -> int:
    """The seed that a ``case`` below 0 is about: -1 is 0, -2 is 1."""
    return -case - 1


def case_of_seed(seed: int) -> int:
    """The case below 0 that is about ``seed``."""
    return -seed - 1


def case_text(cases: tuple[str, str, str], amount: float) -> str:
    """What ``amount`` is called: ``cases`` below, at and above 0, in which ``#`` stands for the number of the case, and
    ``@`` for the seed that it is about."""
    case = case_of(amount)
    text = cases[1 + (case > 0) - (case < 0)]
    return text.replace("#", str(abs(case))).replace("@", str(seed_of(case)))
