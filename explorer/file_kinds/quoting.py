"""Names out of strangers' files, for sentences."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

LONGEST = 48


def few(names: Iterable[str], count: int = 3) -> str:
    """The first ``count`` names, each cut to 48 characters of one line, with … where there are more."""
    first = list(islice(names, count + 1))
    cut = [short(name) for name in first[:count]]
    return ", ".join(cut) + (", …" if len(first) > count else "")


def short(name: str) -> str:
    """``name`` in one line of at most 48 printable characters."""
    line = "".join(letter if letter.isprintable() else "?" for letter in name[: LONGEST + 1])
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
