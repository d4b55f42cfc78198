"""Tables that people write or export as text: which separator the lines have, and which decimal mark their numbers."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

from explorer.scene.number_text import NumberError, number_in, read_number

SEPARATORS = ("\t", ";", ",", " ")
"""In the order in which they are tried: what stands inside of cells comes last. A blank stands for any white space."""


def cells(line: str, separator: str, most: int) -> list[str]:
    """The cells of a line, quotes taken off, without empty ones at its end; separated by white space, at most ``most``
    of them, for the last may hold blanks."""
    if separator == " ":
        row = line.split(None, most - 1)
        row = [cell.strip('"') for cell in row]
    else:
        try:
            read = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
        except csv.Error:  # a cell longer than any that a person writes
            return []
        row = [cell.strip() for cell in read]
    while row and not row[-1]:
        row.pop()
    return row


def number(text: str, separator: str) -> float:
    """The number that a cell holds: with a decimal point, or a decimal comma where the comma separates no cells.

    Raises :class:`NumberError` for anything else.
    """
    if separator == "," and "," in text:
        raise NumberError(f"'{text}' has a comma, which separates cells; write a decimal point.")
    return read_number(text)


def is_number(text: str) -> bool:
    """Whether a cell holds a number, with whatever decimal mark."""
    number = number_in(text)
    return number is not None and math.isfinite(number)


def decimal_marks(texts: Sequence[str]) -> set[str]:
    """Which decimal marks the numbers ``texts`` have; more than one in a file means that one of them is none."""
    return {mark for text in texts for mark in ".," if mark in text}
