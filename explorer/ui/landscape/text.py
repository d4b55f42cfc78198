"""What the landscape says in words. Plain values, no Qt."""

from __future__ import annotations

import numpy as np

from explorer.scene.landscape import Landscape
from explorer.scene.number_text import number_text

NO_MODEL = "Open a model: the landscape shows the path of one of its sliders."
NO_CONTROLS = "The sliders of this pane are not known yet."
NO_CONTROL = "Move a slider, or choose one above: its path from this picture is drawn here."
WAITING = "Drawing the landscape…"


def sentence(landscape: Landscape) -> str:
    """How the path bends, how much of it and of its field lies in the plane, and where it ends."""
    parts = [
        "The path is straight"
        if landscape.bend < 1e-4
        else f"The path bends: its ends are {landscape.bend:.1%} nearer than it is long",
        f"{landscape.inside:.0%} of it lies in this plane",
    ]
    field = landscape.field
    if field is not None:
        parts.append(f"{field.hidden:.0%} of the field leads out of it")
        if field.time is not None:
            parts.append(f"the field is that of time {field.time:.3g}")
    ends = [f"towards {number_text(float(amount), 1)} it {reason}" for amount, reason in landscape.ends.items()]
    return "; ".join([*parts, *ends]) + "."


def ground(landscape: Landscape) -> str:
    """What the colours are."""
    if landscape.field is None:
        return ""
    if landscape.field.potential:
        return "colours: potential"
    return "colours: curl (turning) of the field"


def point_at(landscape: Landscape, amount: float) -> tuple[float, float]:
    """Where the path is at ``amount``, in the plane; at its end beyond it."""
    x, y = np.array(landscape.path).T
    return float(np.interp(amount, landscape.amounts, x)), float(np.interp(amount, landscape.amounts, y))


def nearest(landscape: Landscape, x: float, y: float) -> float:
    """The amount at which the path comes nearest to a point of the plane, between its points as well."""
    path, amounts = np.array(landscape.path), np.array(landscape.amounts)
    start, way = path[:-1], np.diff(path, axis=0)
    squares = (way**2).sum(1)
    share = ((np.array([x, y]) - start) * way).sum(1) / np.where(squares > 0, squares, 1.0)
    share = np.clip(share, 0.0, 1.0)
    distances = ((start + share[:, None] * way - np.array([x, y])) ** 2).sum(1)
    index = int(distances.argmin())
    return float(amounts[index] + share[index] * (amounts[index + 1] - amounts[index]))
