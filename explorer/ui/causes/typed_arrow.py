"""Arrows as they are typed: ``light -> length``, ``length <- light``, ``light <-> angle``. No Qt."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from explorer.errors import CausalError

_ARROW = re.compile(r"\s*(<->|↔|->|→|<-|←)\s*")
EXAMPLE = "light -> length"


class TypedArrow(msgspec.Struct, frozen=True):
    """``kind``: an arrow from ``first`` to ``last``, or a hidden cause that the two share."""

    first: str
    last: str
    kind: Literal["arrow", "hidden"] = "arrow"


def read_arrow(text: str, names: tuple[str, ...]) -> TypedArrow:
    """What ``text`` says about variables called ``names``; case does not matter where no two differ by it alone.

    Raises :class:`CausalError` with one sentence for anything else.
    """
    parts = _ARROW.split(text.strip())
    if len(parts) != 3 or not parts[0] or not parts[2]:
        raise CausalError(f"'{text.strip()}' is no arrow; write one such as {' -> '.join(names[:2]) or EXAMPLE}.")
    first, sign, last = _named(parts[0], names), parts[1], _named(parts[2], names)
    if sign in ("<-", "←"):
        first, last = last, first
    return TypedArrow(first, last, "hidden" if sign in ("<->", "↔") else "arrow")


def _named(text: str, names: tuple[str, ...]) -> str:
    if text in names:
        return text
    alike = [name for name in names if name.casefold() == text.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise CausalError(f"The graph has no variable '{text}'; it has {', '.join(names)}.")
