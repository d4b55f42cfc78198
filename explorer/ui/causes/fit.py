"""How a graph fits into the room that there is: how far apart its nodes stand, and how high they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QSize

from explorer.ui.causes.node import LOW, TALL, WIDTH

Point = tuple[float, float]
MARGIN, MARGIN_DOWN = 26.0, 12.0
GAP = 10.0
"""Pixels between rows of nodes, at least, or their distributions make room."""
LEAST = 20.0


@dataclass(frozen=True)
class Fit:
    """Pixels of a unit of places, ``across`` and ``down``, less than a node's width where the graph would not fit; the
    ``centre`` of the graph in places; how high a node is."""

    across: float
    down: float
    centre: QPointF
    height: float


def fitted(places: Collection[Point], size: QSize, is_tall: bool) -> Fit:
    """Nodes at ``places`` in a widget of this ``size``; ``is_tall``: with distributions, if there is room for them."""
    across, down = [x for x, _ in places] or [0.0], [y for _, y in places] or [0.0]
    extents = (max(across) - min(across), max(down) - min(down))
    centre = QPointF((max(across) + min(across)) / 2, (max(down) + min(down)) / 2)
    height = TALL if is_tall else LOW
    scales = _scales(extents, size, height)
    if is_tall and _is_tight(list(places), scales, size):
        height = LOW
        scales = _scales(extents, size, height)
    return Fit(*scales, centre, height)


def _scales(extents: Point, size: QSize, height: float) -> Point:
    room = (size.width() - WIDTH - 2 * MARGIN, size.height() - height - 2 * MARGIN_DOWN)
    across, down = (
        min(WIDTH, max(available / extent, LEAST)) if extent > 0 else WIDTH
        for available, extent in zip(room, extents, strict=True)
    )
    return across, down


def _is_tight(places: list[Point], scales: Point, size: QSize) -> bool:
    """Whether tall nodes that are one above the other would be too near, or the widget is lower than one."""
    close = any(
        abs(x - other_x) * scales[0] < WIDTH and abs(y - other_y) * scales[1] < TALL + GAP
        for index, (x, y) in enumerate(places)
        for other_x, other_y in places[:index]
    )
    return close or size.height() < TALL + 2
