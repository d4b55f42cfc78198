"""What the landscape says in words. Plain values, no Qt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.scene.landscape import FieldOnPlane, Landscape
from explorer.scene.number_text import number_text

NO_MODEL = "Open a model: the landscape shows the path of one of its sliders."
NO_CONTROLS = "The sliders of this pane are not known yet."
NO_CONTROL = "Move a slider, or choose one above: its path from this picture is drawn here."
WAITING = "Drawing the landscape…"
ROUNDING = 1e-5
"""Differences of numbers in single precision that are less than this share of them say nothing."""

Numbers = NDArray[np.float64]


def sentence(landscape: Landscape, also: Sequence[str] = ()) -> str:
    """How the path bends, how much of it and of its field lies in the plane, where it ends, and what the lines and the
    colours are. ``also``: the other edits that are made, in words."""
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
    dashed = "Dashed: the straight line that fits best" if landscape.bend >= 1e-4 else ""
    told = ["; ".join([*parts, *ends]), also_moved(also), ground(landscape), dashed]
    return " ".join(f"{part}." for part in told if part)


def also_moved(also: Sequence[str]) -> str:
    """The other edits, with all of which every point of the path is drawn; nothing where there are none."""
    return f"Also moved: {', '.join(also)}" if also else ""


def ground(landscape: Landscape) -> str:
    """What the colours are."""
    field = landscape.field
    if field is None:
        return ""
    if field.potential:
        if not _varies(field):
            return "The potential is flat here"
        of = "whose slope the field is" if field.is_gradient else "whose slope is a part of the field"
        return f"Colours: the potential, {of}"
    curl, speed = grid(field, field.curl), np.hypot(grid(field, field.across), grid(field, field.up))
    left, right, _, _ = landscape.extent
    if np.abs(curl).max() * (right - left) <= ROUNDING * speed.max():
        return "The field does not turn here"
    twice = "twice the angle by which the field turns in an amount of 1"
    if _varies(field):
        return f"Colours: the curl, {twice}"
    return f"The curl is {number_text(float(curl.mean()), 2)} all over, {twice}"


def scale_label(landscape: Landscape) -> str:
    """What the numbers of the colours are, with their unit; empty where there is one colour or none."""
    field = landscape.field
    if field is None or not _varies(field):
        return ""
    quantity = "potential" if field.potential else "curl"
    if field.unit_speed:
        return f"{quantity} (own unit)"
    unit = f"{landscape.space}² / {landscape.unit}" if field.potential else f"1 / {landscape.unit}"
    return f"{quantity} ({unit})"


def grid(field: FieldOnPlane, numbers: bytes) -> Numbers:
    """(size, size) rows from the bottom up."""
    return np.frombuffer(numbers, "<f4").reshape(field.size, field.size).astype(np.float64)


def _varies(field: FieldOnPlane) -> bool:
    """Whether the colours are more than one, beyond rounding."""
    shown = grid(field, field.potential or field.curl)
    return float(np.ptp(shown)) > ROUNDING * float(np.abs(shown).max())


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
