"""How a graph fits into the room that there is: how far apart its nodes stand, and how high they are."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

from PySide6.QtCore import QPointF, QSize

from explorer.ui.causes.node import FLAT, LOW, TALL, WIDTH

Point = tuple[float, float]
MARGIN, MARGIN_DOWN = 26.0, 12.0
GAP = 10.0
"""Pixels between rows of nodes, at least, or their distributions make room."""
LEAST = 20.0
BESIDE, LEAST_WIDTH = 4.0, 60.0
"""Pixels between nodes of a row that are narrower than others, and how narrow they get."""
BELOW = 12.0
"""Pixels between rows of nodes that scroll rather than be lower: arrows can be seen there."""
LEAST_GAP, MOST_HEIGHT = 0.2, 1200.0
"""Nodes that a hand has put nearer to each other, in places, stay so; and pixels that a graph is high at most."""


@dataclass(frozen=True)
class Fit:
    """Pixels of a unit of places, ``across`` and ``down``, less than a node's width where the graph would not fit; the
    ``centre`` of the graph in places; how high and how wide a node is."""

    across: float
    down: float
    centre: QPointF
    height: float
    width: float = WIDTH


def fitted(places: Collection[Point], size: QSize, is_tall: bool) -> Fit:
    """Nodes at ``places`` in a widget of this ``size``; ``is_tall``: with distributions, if there is room for them."""
    across, down = [x for x, _ in places] or [0.0], [y for _, y in places] or [0.0]
    extents = (max(across) - min(across), max(down) - min(down))
    centre = QPointF((max(across) + min(across)) / 2, (max(down) + min(down)) / 2)
    known, scales = list(places), (0.0, 0.0)
    for height, gap in ((TALL, GAP), (LOW, BELOW), (FLAT, 0.0)):
        if height < TALL or is_tall:
            scales = _scales(extents, size, height)
            if not _is_tight(known, scales, size, height, gap):
                break
    return Fit(*scales, centre, height, _width(known, scales, height))


def least_height(places: Collection[Point], width: float) -> int:
    """Pixels that nodes at ``places`` need in a widget that is so wide, if none is to lie on another; those that a hand
    has put onto each other may stay so."""
    across, down = [x for x, _ in places] or [0.0], [y for _, y in places] or [0.0]
    extents = (max(across) - min(across), max(down) - min(down))
    beside, _ = _scales(extents, QSize(round(width), 0), FLAT)
    gaps = [
        abs(y - other_y)
        for (x, y), (other_x, other_y) in combinations(places, 2)
        if abs(x - other_x) * beside < LEAST_WIDTH and abs(y - other_y) >= LEAST_GAP
    ]
    scale = (FLAT + BELOW) / min(gaps) if gaps else 0.0
    return math.ceil(min(extents[1] * scale, MOST_HEIGHT) + FLAT + 2 * MARGIN_DOWN)


def _scales(extents: Point, size: QSize, height: float) -> Point:
    room = (size.width() - WIDTH - 2 * MARGIN, size.height() - height - 2 * MARGIN_DOWN)
    across, down = (
        min(WIDTH, max(available / extent, LEAST)) if extent > 0 else WIDTH
        for available, extent in zip(room, extents, strict=True)
    )
    return across, down


def _is_tight(places: list[Point], scales: Point, size: QSize, height: float, gap: float) -> bool:
    """Whether nodes of this ``height`` that are one above the other would be too near, or the widget is lower than
    one."""
    close = any(
        abs(x - other_x) * scales[0] < WIDTH and 0 < abs(y - other_y) * scales[1] < height + gap
        for index, (x, y) in enumerate(places)
        for other_x, other_y in places[:index]
    )
    return close or size.height() < height + 2


def _width(places: list[Point], scales: Point, height: float) -> float:
    """As wide as nodes can be beside each other; those that a hand has put onto each other stay so."""
    beside = [
        abs(x - other_x) * scales[0] - BESIDE
        for index, (x, y) in enumerate(places)
        for other_x, other_y in places[:index]
        if abs(x - other_x) >= 1 and abs(y - other_y) * scales[1] < height
    ]
    return max(LEAST_WIDTH, min(WIDTH, *beside)) if beside else WIDTH
