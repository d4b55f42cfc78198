"""Where the panes of the canvas lie: as large as they can be, all of one size."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect

MARGIN = 10
GAP = 12


@dataclass(frozen=True)
class Cell:
    """One pane: its picture and the strip below it."""

    picture: QRect
    caption: QRect

    @property
    def whole(self) -> QRect:
        return self.picture.united(self.caption)


def grid(count: int, width: int, height: int, aspect: float, caption: int, columns: int = 0) -> list[Cell]:
    """Cells for ``count`` pictures of ``aspect`` (width / height) in ``width`` x ``height``, each over its ``caption``.

    The number of columns, where ``columns`` is 0, is the one that makes the pictures largest; the block is centred, and
    a last row that is not full begins at the left, so that the eye finds its columns.
    """
    if count < 1:
        return []
    columns, size = max(
        (
            (number, _picture_width(count, number, width, height, aspect, caption))
            for number in ([min(columns, count)] if columns else range(1, count + 1))
        ),
        key=lambda choice: (choice[1], -choice[0]),
    )
    picture_width = max(16, int(size))
    picture_height = max(16, int(size / aspect))
    rows = -(-count // columns)
    used_width = columns * picture_width + (columns - 1) * GAP
    used_height = rows * (picture_height + caption) + (rows - 1) * GAP
    left = max(MARGIN, (width - used_width) // 2)
    top = max(MARGIN, (height - used_height) // 2)
    cells = []
    for index in range(count):
        row, column = divmod(index, columns)
        x = left + column * (picture_width + GAP)
        y = top + row * (picture_height + caption + GAP)
        picture = QRect(x, y, picture_width, picture_height)
        cells.append(Cell(picture, QRect(x, y + picture_height, picture_width, caption)))
    return cells


@dataclass(frozen=True)
class Table:
    """A grid whose columns and rows are named once: the cells, a strip above each column, one left of each row."""

    cells: list[Cell]
    above: list[QRect]
    beside: list[QRect]


def table(
    count: int, width: int, height: int, aspect: float, caption: int, columns: int, above: int, beside: int
) -> Table:
    """As :func:`grid`, with strips of ``above`` pixels over the columns and of ``beside`` pixels left of the rows."""
    cells = [
        Cell(cell.picture.translated(beside, above), cell.caption.translated(beside, above))
        for cell in grid(count, width - beside, height - above, aspect, caption, columns)
    ]
    tops = [cell.picture for cell in cells[:columns]]
    sides = [cell.picture for cell in cells[::columns]] if beside else []
    return Table(
        cells,
        [QRect(box.left(), box.top() - above, box.width(), above) for box in tops],
        [QRect(box.left() - beside, box.top(), beside, box.height()) for box in sides],
    )


def _picture_width(count: int, columns: int, width: int, height: int, aspect: float, caption: int) -> float:
    rows = -(-count // columns)
    across = (width - 2 * MARGIN - (columns - 1) * GAP) / columns
    down = (height - 2 * MARGIN - (rows - 1) * GAP) / rows - caption
    return min(across, down * aspect)
