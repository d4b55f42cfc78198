"""The contact sheet: rows of seeds or controls, columns of amounts, labelled; for screen (PNG) and print (PDF)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.export.compose import Frame
from explorer.export.lettering import line, line_height, stamp
from explorer.export.pdf import PdfPage
from explorer.export.provenance import KEY, Provenance, encode

PAPER = (255, 255, 255)
INK = (24, 24, 27)
POINTS = 0.75
"""Points for one pixel of the sheet: 96 pixels to the inch."""


@dataclass(frozen=True)
class Sheet:
    """What is on the sheet: ``cells`` row by row, all of one size."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Sequence[Frame]


@dataclass(frozen=True)
class _Layout:
    """Places in pixels."""

    letters: int
    gap: int
    left: int  # of the first column
    top: int  # of the first row
    cell: tuple[int, int]  # height, width
    size: tuple[int, int]

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Top and left of a cell."""
        return self.top + row * (self.cell[0] + self.gap), self.left + column * (self.cell[1] + self.gap)


def _layout(sheet: Sheet, labels: bool) -> _Layout:
    height, width = sheet.cells[0].shape[:2]
    letters = max(12, round(height * 0.12))
    gap = max(2, round(height / 32))
    left = top = gap
    if labels:
        left += max(line(name, letters).shape[1] for name in sheet.rows) + 2 * gap
        top += 2 * (line_height(letters) + gap)
    columns = left + len(sheet.columns) * (width + gap)
    if labels:
        columns = max(columns, line(sheet.title, letters).shape[1] + 2 * gap)
    return _Layout(letters, gap, left, top, (height, width), (top + len(sheet.rows) * (height + gap), columns))


def _labels(sheet: Sheet, layout: _Layout) -> list[tuple[str, int, int]]:
    """Every label with its top and left: the title, the amounts above the columns, the rows' names beside them."""
    tall = line_height(layout.letters)
    placed = [(sheet.title, layout.gap, layout.gap)]
    for column, text in enumerate(sheet.columns):
        _, left = layout.corner(0, column)
        inset = max(0, (layout.cell[1] - line(text, layout.letters).shape[1]) // 2)
        placed.append((text, layout.top - layout.gap - tall, left + inset))
    for row, text in enumerate(sheet.rows):
        top, _ = layout.corner(row, 0)
        placed.append((text, top + (layout.cell[0] - tall) // 2, layout.gap))
    return placed


def draw(sheet: Sheet, labels: bool = True) -> Frame:
    """The sheet as one picture (H, W, 3) on white."""
    layout = _layout(sheet, labels)
    canvas = np.empty((*layout.size, 3), np.uint8)
    canvas[...] = PAPER
    for index, cell in enumerate(sheet.cells):
        top, left = layout.corner(*divmod(index, len(sheet.columns)))
        canvas[top : top + layout.cell[0], left : left + layout.cell[1]] = cell
    for text, top, left in _labels(sheet, layout) if labels else ():
        stamp(canvas, line(text, layout.letters), top, left, INK)
    return canvas


def document(sheet: Sheet, provenance: Provenance, labels: bool = True) -> bytes:
    """The sheet as a PDF of one page: pictures without loss, labels as text, the provenance attached."""
    layout = _layout(sheet, labels)
    page = PdfPage(layout.size[1] * POINTS, layout.size[0] * POINTS)
    for index, cell in enumerate(sheet.cells):
        top, left = layout.corner(*divmod(index, len(sheet.columns)))
        page.picture(cell, left * POINTS, top * POINTS, layout.cell[1] * POINTS, layout.cell[0] * POINTS)
    for text, top, left in _labels(sheet, layout) if labels else ():
        # Helvetica is a little wider than the letters that the layout was measured with.
        page.text(text, left * POINTS, (top + layout.letters) * POINTS, layout.letters * 0.92 * POINTS, INK)
    return page.document(sheet.title, f"{KEY}.json", encode(provenance).encode())
