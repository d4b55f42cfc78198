"""The dots below nodes from which arrows are drawn: where they are, and which of them a hand means."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF

from explorer.ui.causes.lines import length

INSIDE, BELOW = 9.0, 18.0
"""Pixels from a dot at which a press means it, within its node and below it, where there is nothing else to mean."""


def handle_of(box: QRectF) -> QPointF:
    """The dot below the node ``box``."""
    return QPointF(box.center().x(), box.bottom())


def handle_at(point: QPointF, boxes: Mapping[str, QRectF]) -> str:
    """The node whose dot ``point`` means, the nearest one; empty where it means none."""
    inside = any(box.contains(point) for box in boxes.values())
    distances = {name: length(point - handle_of(box)) for name, box in boxes.items()}
    nearest = min(distances, key=distances.__getitem__, default="")
    return nearest if nearest and distances[nearest] <= (INSIDE if inside else BELOW) else ""
