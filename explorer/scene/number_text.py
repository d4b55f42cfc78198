"""Numbers as people type them, and as the program writes them: one notation, whatever the language of the desktop.

Point and comma both mean the decimal point, so a mark between groups of digits is refused rather than dropped or taken
for one. Nothing here knows a locale: the same text is the same number everywhere. No Qt, no torch.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal

from explorer.errors import ExplorerError
from explorer.scene.edit_text import minus
from explorer.scene.validate import SEED_LIMIT

MOST_SEEDS = 10_000
"""Seeds of one list, so that a slip of the keyboard in a range does not fill the memory."""

LONGEST = 40
"""Letters of a number; what is longer was not typed by anybody who meant one."""

_LOOKED_AT = 1000  # with whatever stands around it

# What keyboards, fonts and other programs put before a negative number: the minus sign, hyphens, the en dash.
_MINUS = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
_PLUS = "\uff0b"
_UNSEEN = "\u200e\u200f\u061c"  # marks of direction, which Arabic and Persian desktops put beside a sign
_SIGNS = str.maketrans({**dict.fromkeys(_MINUS, "-"), **dict.fromkeys(_PLUS, "+"), **dict.fromkeys(_UNSEEN, "")})
_MARKS = str.maketrans({",": ".", "\u066b": "."})  # the latter is the decimal mark of Arabic and Persian
_LIST_COMMA = ",\u060c"  # the latter is the comma of Arabic and Persian

_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_SPAN = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_GROUPED = re.compile(r"[+-]?[0-9]+([.\s_'\u2019\u066c][0-9]+)+")


class NumberError(ExplorerError):
    """A text writes no number, or one that is not taken where it was typed."""


def read_number(text: str) -> float:
    """The number that ``text`` writes: ``1.5``, ``1,5``, ``−.5``, ``1e-3``, also in the digits of other scripts.

    Raises :class:`NumberError` for all else, also for marks between groups of digits, infinity, and nan.
    """
    number = number_in(text)
    if number is None:
        if len(text) <= _LOOKED_AT and _GROUPED.fullmatch(_plain(text).translate(_MARKS)):
            raise NumberError(f"{_quoted(text)} has marks between its digits; only the decimal point may stand there.")
        raise NumberError(f"{_quoted(text)} is no number; write one such as 1.5.")
    if not math.isfinite(number):
        raise NumberError(f"{_quoted(text)} is too large; write a number such as 1.5.")
    return number


def number_in(text: str) -> float | None:
    """What :func:`read_number` reads, for texts of files in which most cells may be none: None where it is no number,
    infinity where it is too large."""
    if len(text) > _LOOKED_AT:
        return None
    plain = _plain(text).translate(_MARKS)
    if _REAL.fullmatch(plain) is None or len(plain) > LONGEST:
        return None
    return float(plain) or 0.0  # no −0


def read_whole(text: str) -> int:
    """The whole number that ``text`` writes: digits, and a sign. Raises :class:`NumberError` for all else, also for
    ``1,000`` and ``1.0``, for nobody can tell whether a thousand is meant."""
    plain = _plain(text[:_LOOKED_AT])
    if _WHOLE.fullmatch(plain) is None or len(plain) > LONGEST or len(text) > _LOOKED_AT:
        raise NumberError(f"{_quoted(text)} is no whole number; write it in digits alone, such as 1000.")
    return int(plain)


def read_numbers(text: str) -> tuple[float, ...]:
    """A list of numbers: ``-2, 0, 1.5``, or, where semicolons part them, ``-2; 0; 1,5``. Raises :class:`NumberError`,
    also for a part that is empty."""
    parts = text.split(";") if ";" in text else re.split(f"[{_LIST_COMMA}]", text)
    if not all(map(str.strip, parts)):
        raise NumberError(f"{_quoted(text)} lacks a number; write a list such as -2, 0, 1.5.")
    return tuple(map(read_number, parts))


def read_seeds(text: str, most: int = MOST_SEEDS) -> tuple[int, ...]:
    """A list of seeds, and of ranges that hold both their ends: ``0-4, 7, 42``. Raises :class:`NumberError` for what is
    no seed, for a range that runs backwards, and for more than ``most`` of them."""
    joined = re.sub(r"(?<=[0-9])\s*-\s*(?=[0-9])", "-", _plain(text))
    seeds: list[int] = []
    for part in re.split(rf"\s*[;{_LIST_COMMA}]\s*|\s+", joined):
        span = _span(part)
        # Zeros in front are what is left of a mark between groups: 1,000 would be the seeds 1 and 0.
        if span is None or re.search(r"\b0[0-9]", part):
            raise NumberError(f"{_quoted(part or text)} is no list of seeds; write one such as 0-4, 7, 42.")
        first, last = span
        if last >= SEED_LIMIT:
            raise NumberError(f"{_quoted(part)} holds a seed above {SEED_LIMIT - 1}, the largest there is.")
        if last - first >= most - len(seeds):
            raise NumberError(f"{_quoted(text)} are more than {most} seeds; write at most {most}.")
        seeds.extend(range(first, last + 1))
    return tuple(seeds)


def read_range(text: str) -> tuple[int, int]:
    """First and last of ``0-3``; of ``3`` it is both. Raises :class:`NumberError`, also where it runs backwards."""
    span = _span(re.sub(r"\s*-\s*", "-", _plain(text)))
    if span is None:
        raise NumberError(f"{_quoted(text)} is no range; write one such as 0-3.")
    return span


def check_within(number: float, low: float | None, high: float | None) -> None:
    """Raise :class:`NumberError` that says the range, unless ``low`` ≤ ``number`` ≤ ``high`` (None: no end)."""
    if (low is None or number >= low) and (high is None or number <= high):
        return
    limits = f"{number_text(low)} or more" if low is not None else ""
    if high is not None:
        limits = (
            f"between {number_text(low)} and {number_text(high)}" if low is not None else f"{number_text(high)} or less"
        )
    raise NumberError(f"{number_text(number)} is out of range; it must be {limits}.")


def number_text(number: float, decimals: int | None = None) -> str:
    """``−1.25``: exactly, or rounded to ``decimals`` places. Decimal point, minus sign, no groups, no exponent."""
    text = format(Decimal(repr(number)), "f") if decimals is None else f"{number:.{decimals}f}"
    if decimals is None and "." in text:
        text = text.rstrip("0").removesuffix(".")
    return minus(text if float(text) else text.removeprefix("-"))


def _plain(text: str) -> str:
    """``text`` with its digits and signs as ASCII has them, and nothing around it."""
    digits = (letter if (digit := unicodedata.decimal(letter, None)) is None else str(digit) for letter in text)
    return "".join(digits).translate(_SIGNS).strip()


def _span(part: str) -> tuple[int, int] | None:
    """The ends of a range, or a number as both; None where ``part`` is neither. Raises :class:`NumberError` where it
    runs backwards."""
    match = _SPAN.fullmatch(part)
    if match is None or len(part) > LONGEST:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise NumberError(f"'{first}-{last}' runs backwards; write {last}-{first}.")
    return first, last


def _quoted(text: str) -> str:
    """``text`` in quotes, cut where it is long."""
    text = " ".join(text.split())
    if not text:
        return "An empty text"
    return f"'{text[:LONGEST]}…'" if len(text) > LONGEST else f"'{text}'"
