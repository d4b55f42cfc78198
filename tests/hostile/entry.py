"""What can be opened: one :class:`Entry` for every public function of the program that reads a file of others."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

LONGEST_SENTENCE = 300

Write = Callable[[Path], Path]
"""Writes a small valid file, and what belongs to it, into an empty folder; returns what is opened of it."""

Open = Callable[[Path], Iterable[str] | None]
"""Opens it by the program's public function; returns texts out of the file that the program shows. Raises what that
raises."""


class Refusal(Exception):
    """For functions that return their sentence instead of raising it."""


class Harm(Exception):
    """Something was opened that must not have been, or drew what is no picture."""


@dataclass(frozen=True)
class Entry:
    """One public function that reads files. ``writes``: it is given a folder to write into, which is that of the case;
    ``names``: its files name others, which are read."""

    name: str
    seeds: Mapping[str, Write]
    open: Open
    writes: bool = False
    names: bool = False


def ill_worded(text: str) -> str:
    """What is wrong with a sentence for the user; empty where it is one."""
    if not text.strip():
        return "no sentence"
    if len(text) > LONGEST_SENTENCE:
        return f"a sentence of {len(text)} characters"
    return unprintable(text)


def unprintable(text: str) -> str:
    """Which characters of ``text`` break its line or its direction, or are none; empty where it has none of these."""
    bad = sorted({f"U+{ord(one):04X}" for one in text if unicodedata.category(one) in _BAD or one in _TURNING})
    return f"the characters {', '.join(bad[:5])}" if bad else ""


_BAD = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of writing."""
