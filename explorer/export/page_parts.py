"""What tables on PDF pages are made of: letters, right-aligned numbers, heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from explorer.export.pdf import Colour, text_width
from explorer.scene.measure_text import DASH

INK: Colour = (24, 24, 27)
GREY: Colour = (135, 135, 142)
RULE: Colour = (200, 200, 205)
FULL: Colour = (20, 60, 120)
"""The colour of the largest number of a heat map; 0 is the paper's white."""
FALLING: Colour = (160, 62, 20)
"""That of the largest number below 0."""

LETTERS = 9.0  # points
LINE = 13.0
ROW = 18.0  # of a heat map
_SMALL = 7.0  # points, of the numbers in a heat map


class Sheet(Protocol):
    """What is drawn on: a PDF page, an SVG drawing, a picture. Points, from the top left."""

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle without a border."""

    def text(self, text: str, left: float, baseline: float, size: float, colour: Colour = ...) -> None:
        """One line."""

    def path(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """A line through ``points`` (x, y)."""

    def area(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """What lies inside of the polygon ``points``, filled."""


def flush(sheet: Sheet, text: str, right: float, baseline: float, colour: Colour, size: float = LETTERS) -> None:
    """``text`` so that it ends at ``right``."""
    sheet.text(text, right - text_width(text, size), baseline, size, colour)


def fitting(text: str, width: float) -> str:
    """``text``, cut so that it is no wider than ``width`` points."""
    if text_width(text, LETTERS) <= width:
        return text
    while text and text_width(f"{text}…", LETTERS) > width:
        text = text[:-1]
    return f"{text}…"


def map_column(headings: Sequence[str]) -> float:
    """How wide a column of a heat map is: as its widest heading asks for."""
    return max(30.0, *(text_width(heading, LETTERS) + 10.0 for heading in headings))


def shade(value: float, full: float = 1.0) -> Colour:
    """The colour of ``value`` on a scale from 0, white, to ``full``; below 0, to -``full``, of another colour."""
    share = min(abs(value) / full, 1.0) if full > 0 else 0.0
    red, green, blue = (round(255 + (end - 255) * share) for end in (FULL if value >= 0 else FALLING))
    return red, green, blue


def heat_map(
    sheet: Sheet,
    rows: Sequence[str],
    columns: Sequence[tuple[str, Colour]],
    values: Sequence[Sequence[float | None]],
    left: float,
    first: float,
    top: float,
    full: float = 1.0,
    faint: Sequence[Sequence[bool]] = (),
) -> None:
    """A heat map whose numbers are at most ``full``: the names of the rows at ``left``, the first column at ``first``,
    headings with their colours above ``top``; :data:`ROW` points a row, :func:`map_column` a column. A number that
    there is not is a dash; one that is ``faint`` has no colour.
    """
    wide = map_column([heading for heading, _ in columns])
    for j, (heading, colour) in enumerate(columns):
        sheet.text(heading, first + wide * (j + 0.5) - text_width(heading, LETTERS) / 2, top - 4, LETTERS, colour)
    for k, row in enumerate(rows):
        middle = top + ROW * (k + 0.5) + LETTERS / 3
        sheet.text(row, left, middle, LETTERS, INK)
        for j, value in enumerate(values[k]):
            place = first + wide * j
            text, ink = DASH, GREY
            if value is not None:
                text = f"{value:.2f}".replace("-", "−")
                if not (faint and faint[k][j]):
                    sheet.rectangle(place, top + ROW * k, wide, ROW, shade(value, full))
                    ink = (255, 255, 255) if full > 0 and abs(value) / full > 0.5 else INK
            sheet.text(text, place + (wide - text_width(text, _SMALL)) / 2, middle - 0.5, _SMALL, ink)
