"""Fuzzy matching for the command palette: which entries a few typed letters mean, best first."""

from __future__ import annotations

from collections.abc import Sequence

_START = 12  # the match begins the entry
_WORD = 8  # the letter begins a word
_ADJACENT = 6  # the letter follows the one matched before it
_GAP = -1  # one letter skipped between two matched ones


def match(query: str, text: str) -> tuple[int, tuple[int, ...]] | None:
    """Score of ``text`` for ``query`` and the positions of the matched letters, or None where a word is absent.

    Every word of the query must occur as a subsequence of ``text``, in any order and any case. Higher is better; an
    empty query scores 0. Of the places where a word may match, the best is taken: starts of words
    and unbroken runs win.
    """
    lowered = text.casefold()
    if len(lowered) != len(text):  # a few letters change length when folded, which would shift the positions
        lowered = text.lower() if len(text.lower()) == len(text) else text
    score = 0
    positions: set[int] = set()
    for word in query.casefold().split():
        found = _best_word(word, lowered)
        if found is None:
            return None
        score += found[0]
        positions.update(found[1])
    return score, tuple(sorted(positions))


def rank(query: str, texts: Sequence[str]) -> list[tuple[int, tuple[int, ...]]]:
    """(index in ``texts``, matched positions) of those that match, best first; equal scores keep their order."""
    scored = []
    for index, text in enumerate(texts):
        found = match(query, text)
        if found is not None:
            # Of two equal matches the shorter entry is the one that was meant.
            scored.append((-found[0], len(text) if query.strip() else 0, index, found[1]))
    scored.sort(key=lambda entry: entry[:3])
    return [(index, positions) for _, _, index, positions in scored]


def _best_word(word: str, text: str) -> tuple[int, tuple[int, ...]] | None:
    """The best subsequence of ``text`` that spells ``word``: dynamic programming over (letter, position)."""
    # best[position] = (score, positions) of spelling the word so far with its last letter at `position`.
    best: dict[int, tuple[int, tuple[int, ...]]] = {}
    for number, letter in enumerate(word):
        following: dict[int, tuple[int, tuple[int, ...]]] = {}
        for position, character in enumerate(text):
            if character != letter:
                continue
            gain = _START if position == 0 else _WORD if not text[position - 1].isalnum() else 0
            if number == 0:
                following[position] = (gain, (position,))
                continue
            options = [
                (
                    score + max(gain, _ADJACENT)
                    if last == position - 1
                    else score + gain + _GAP * (position - last - 1),
                    path,
                )
                for last, (score, path) in best.items()
                if last < position
            ]
            if options:
                score, path = max(options)
                following[position] = (score, (*path, position))
        best = following
        if not best:
            return None
    return max(best.values()) if best else None
