"""Errors that are meant for the user: one sentence that says what is wrong and what to do about it."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

LONGEST_SENTENCE = 300
"""Characters of a sentence for the user, whatever the files say that it quotes."""
LONGEST_QUOTED = 64
"""Characters that are left of something quoted where a sentence is too long."""
_LONGEST_LIST = 160
_SCANNED = 20_000  # characters of a text that are looked at; what is longer is cut in any case
_QUOTED = re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"")
# Controls, invisible formats (those that turn the direction of writing too), halves of pairs, and what is no letter.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class _Shown(dict[int, int | None]):
    """For :meth:`str.translate`: letter → itself, or None where it is left out; each is looked up once."""

    def __missing__(self, letter: int) -> int | None:
        shown = chr(letter).isspace() or unicodedata.category(chr(letter)) not in _UNSHOWN
        return self.setdefault(letter, letter if shown else None)


_SHOWN = _Shown()


_MISLEADING = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


def is_misleading(text: str) -> bool:
    """Whether ``text`` breaks lines, turns the direction of writing, or cannot be written: no name that anybody has
    typed. Letters of a newer Unicode, and what joins emoji, are no such."""
    return _MISLEADING.search(text) is not None


def plain_text(text: str, longest: int) -> str:
    """``text`` in one line of at most ``longest`` characters: breaks and runs of spaces are one space, what cannot be
    shown is left out, and … stands for what is cut off. For texts out of files."""
    line = " ".join(text[:_SCANNED].translate(_SHOWN).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """``text`` as one line of at most 300 characters: where it is longer, what it quotes is shortened first, from the
    longest on, so that what to do about it still stands at its end."""
    line = plain_text(text, _SCANNED)
    if len(line) <= LONGEST_SENTENCE:
        return line
    quoted = {len(match[0]) for match in _QUOTED.finditer(line)}
    for length in islice(sorted(quoted, reverse=True), 64):
        if len(line) <= LONGEST_SENTENCE or length <= LONGEST_QUOTED:
            break
        most = max(LONGEST_QUOTED, length - (len(line) - LONGEST_SENTENCE))
        line = _QUOTED.sub(functools.partial(_in_the_middle, most), line)
    return plain_text(line, LONGEST_SENTENCE)


def _in_the_middle(most: int, match: re.Match[str]) -> str:
    """What is quoted, with its marks, cut in the middle: names and paths differ at their ends."""
    quoted = match[0]
    if len(quoted) <= most:
        return quoted
    half = (most - 1) // 2
    return f"{quoted[:half]}…{quoted[-half:]}"


class ExplorerError(Exception):
    """Base of every error that reaches the user; ``str(error)`` is the sentence shown in the window and on the
    command line: one line of at most 300 characters, whatever it quotes (:func:`sentence`)."""

    def __init__(self, text: object = "") -> None:
        super().__init__(sentence(str(text)))


class ModelError(ExplorerError):
    """A model file cannot be used: foreign, truncated, damaged, or too large."""


class ControlError(ExplorerError):
    """A control set does not fit the generator, the space or the request."""


class CausalError(ExplorerError):
    """A causal graph, its mechanisms or a question about them cannot be used: a circle, an unknown variable, a value
    out of range, an effect that is not identified."""


class SceneError(ExplorerError):
    """A scene file cannot be read, or asks for something that does not exist."""


class ExportError(ExplorerError):
    """A file cannot be written: read-only folder, full disk, unknown format."""


class Cancelled(Exception):
    """Raised inside long work when its user asked it to stop; what was half written has been removed."""


def instead(name: str, known: Iterable[str]) -> str:
    """What there is in place of ``name``, as the end of a sentence: the one of ``known`` that was meant, where one is
    close, else as many of them as can be read."""
    names = list(known)
    if close := difflib.get_close_matches(name[:LONGEST_QUOTED], names, 1):
        return f"did you mean '{close[0]}'?"
    fitting = [place for place in range(1, len(names) + 1) if len(", ".join(names[:place])) <= _LONGEST_LIST]
    count = fitting[-1] if fitting else 1
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return f"there are: {', '.join(names[:count])}{more}."


def clause(reason: BaseException | str) -> str:
    """A sentence as a part of another one: without its full stop, and without a capital where it begins, unless that
    begins an abbreviation."""
    text = str(reason).rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
