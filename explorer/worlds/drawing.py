"""Anti-aliased flat drawing in numpy, a whole batch at a time: signed distances, coverage, compositing.

Distances are negative inside, in the units of the canvas. They take pixel positions ``x`` (1, 1, w) and ``y``
(1, h, 1), or any shape that broadcasts to (n, h, w), and parameters that are numbers or columns (n, 1, 1), see
:func:`columns`. A shape costs what its region costs, so draw it in the smallest :class:`Region` that holds it. Every
operation is element by element: a row drawn alone is the row drawn in a batch, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Plane = NDArray[np.floating[Any]]  # float32 in fact; broadcasts to (n, h, w)
Number = float | Plane


def columns(values: ArrayLike) -> Plane:
    """(n,) numbers, one a row of the batch, as (n, 1, 1)."""
    return np.asarray(values, np.float32).reshape(-1, 1, 1)


def in_blocks(
    draw: Callable[[NDArray[np.float32], int], NDArray[np.uint8]], rows: NDArray[np.float32], size: int, block: int
) -> NDArray[np.uint8]:
    """(n, size, size, 3) pictures of ``rows`` (n, factors): ``draw(rows, size)`` of ``block`` rows at a time, as many
    as stay in the processor's cache."""
    pictures = np.empty((len(rows), size, size, 3), np.uint8)
    for start in range(0, len(rows), block):
        pictures[start : start + block] = draw(rows[start : start + block], size)
    return pictures


@dataclass(frozen=True)
class Region:
    """A rectangle of a canvas: the positions of its pixels' centres and a pixel's width."""

    rows: slice
    across: slice
    x: Plane  # (1, 1, w)
    y: Plane  # (1, h, 1)
    pixel: float


class Canvas:
    """``size`` x ``size`` pixels for ``n`` pictures, ``channels`` planes of float32, 0..1.

    ``x`` and ``y`` are what the picture spans: (left, right) and (top, bottom), in any direction.
    """

    def __init__(
        self,
        n: int,
        size: int,
        channels: int = 3,
        x: tuple[float, float] = (-1.0, 1.0),
        y: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        self.planes = np.zeros((channels, n, size, size), np.float32)
        self.size = size
        self._x, self._y = x, y
        centres = (np.arange(size) + 0.5) / size
        self._at_x = (x[0] + (x[1] - x[0]) * centres).astype(np.float32).reshape(1, 1, -1)
        self._at_y = (y[0] + (y[1] - y[0]) * centres).astype(np.float32).reshape(1, -1, 1)
        self.pixel = abs(x[1] - x[0]) / size

    @property
    def whole(self) -> Region:
        """The region of all pixels."""
        everything = slice(0, self.size)
        return Region(everything, everything, self._at_x, self._at_y, self.pixel)

    def region(self, left: float, top: float, right: float, bottom: float) -> Region:
        """The pixels that touch the rectangle, cut to the canvas (possibly none)."""
        across = self._span(left, right, self._x)
        rows = self._span(top, bottom, self._y)
        return Region(rows, across, self._at_x[:, :, across], self._at_y[:, rows, :], self.pixel)

    def view(self, region: Region) -> Plane:
        """(channels, n, h, w) what is drawn there; writing to it draws."""
        return self.planes[:, :, region.rows, region.across]

    def paint(self, region: Region, opacity: Number, colour: Plane) -> None:
        """Lays ``colour`` over the region: (channels,) or (n, channels), 0..1, or one plane a channel
        (channels, n or 1, h, w); ``opacity`` 0..1 broadcasts to (n, h, w)."""
        if colour.ndim <= 2:
            colour = np.atleast_2d(colour).T[:, :, None, None]
        for plane, value in zip(self.view(region), colour, strict=True):
            change = value - plane
            change *= opacity
            plane += change

    def multiply(self, region: Region, strength: Number, colour: NDArray[np.float32]) -> None:
        """Tints what is drawn: times ``colour`` (channels,) or (n, channels) where ``strength`` is 1, unchanged where
        it is 0."""
        for plane, value in zip(self.view(region), np.atleast_2d(colour).T[:, :, None, None], strict=True):
            factor = strength * (value - np.float32(1.0))
            factor += np.float32(1.0)
            plane *= factor

    def pictures(self) -> NDArray[np.uint8]:
        """(n, size, size, channels) pictures, 0..255."""
        scaled = self.planes * np.float32(255.0)
        scaled += np.float32(0.5)
        np.clip(scaled, 0.0, 255.0, out=scaled)
        return np.ascontiguousarray(np.moveaxis(scaled.astype(np.uint8), 0, -1))

    def _span(self, one: float, other: float, ends: tuple[float, float]) -> slice:
        places = sorted((value - ends[0]) / (ends[1] - ends[0]) * self.size for value in (one, other))
        first = min(max(int(np.floor(places[0])) - 1, 0), self.size)
        return slice(first, max(min(int(np.ceil(places[1])) + 1, self.size), first))


# From distances to opacity


def coverage(distance: Plane, pixel: float) -> Plane:
    """The share of a pixel that a shape covers: 0.5 at its edge, a ramp one pixel wide."""
    result = distance * np.float32(-1.0 / pixel)
    result += np.float32(0.5)
    return np.clip(result, 0.0, 1.0, out=result)


def smooth(value: Plane, low: Number, high: Number) -> Plane:
    """Smoothstep: 0 at ``low``, 1 at ``high`` (either may be the larger), level at both ends."""
    t = np.asarray((value - low) / (high - low), np.float32)
    np.clip(t, 0.0, 1.0, out=t)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


# Signed distances


def disc(x: Plane, y: Plane, cx: Number, cy: Number, radius: Number) -> Plane:
    """A disc."""
    dx, dy = x - cx, y - cy
    return np.asarray(np.sqrt(dx * dx + dy * dy) - radius, np.float32)


def ellipse(x: Plane, y: Plane, cx: Number, cy: Number, rx: Number, ry: Number) -> Plane:
    """An ellipse with half-axes ``rx``, ``ry``: exact to first order at the edge, short of the truth far from it."""
    dx, dy = (x - cx) / rx, (y - cy) / ry
    near = dx * dx + dy * dy
    dx = dx / rx
    dy = dy / ry
    slope = np.sqrt(dx * dx + dy * dy)
    # f / |grad f| for f = |(dx, dy)| - 1, whose gradient is (dx / rx, dy / ry) / |(dx, dy)|.
    return np.asarray((near - np.sqrt(near)) / np.maximum(slope, np.float32(1e-6)), np.float32)


def segment(
    x: Plane, y: Plane, x0: Number, y0: Number, x1: Number, y1: Number, radius: Number, end_radius: Number | None = None
) -> Plane:
    """A stroke from one point to the other with round ends; its radius goes over to ``end_radius`` along the way."""
    dx, dy = x1 - x0, y1 - y0
    px, py = x - x0, y - y0
    along = np.clip((px * dx + py * dy) / np.maximum(dx * dx + dy * dy, np.float32(1e-12)), 0.0, 1.0)
    ex, ey = px - along * dx, py - along * dy
    wide = radius if end_radius is None else radius + along * (end_radius - radius)
    return np.asarray(np.sqrt(ex * ex + ey * ey) - wide, np.float32)


def box(x: Plane, y: Plane, cx: Number, cy: Number, half_x: Number, half_y: Number, corner: Number = 0.0) -> Plane:
    """A rectangle; its corners are rounded with radius ``corner``, within the same outline."""
    qx = np.abs(x - cx) - half_x + corner
    qy = np.abs(y - cy) - half_y + corner
    outside_x, outside_y = np.maximum(qx, 0.0), np.maximum(qy, 0.0)
    outside = np.sqrt(outside_x * outside_x + outside_y * outside_y)
    return np.asarray(outside + np.minimum(np.maximum(qx, qy), 0.0) - corner, np.float32)


def polygon(x: Plane, y: Plane, corners: NDArray[np.float32]) -> Plane:
    """A polygon with ``corners`` (k, 2), or (n, k, 2), in order; it may be concave."""
    points = np.asarray(corners, np.float32)
    points = points if points.ndim == 3 else points[None]
    count = points.shape[1]
    nearest, sign = columns([np.inf]), columns([1.0])
    for i in range(count):
        ax, ay = columns(points[:, i, 0]), columns(points[:, i, 1])
        bx, by = columns(points[:, i - 1, 0]), columns(points[:, i - 1, 1])
        ex, ey = bx - ax, by - ay
        wx, wy = x - ax, y - ay
        along = np.clip((wx * ex + wy * ey) / np.maximum(ex * ex + ey * ey, np.float32(1e-12)), 0.0, 1.0)
        dx, dy = wx - along * ex, wy - along * ey
        squared = dx * dx + dy * dy
        # The even-odd rule: does the edge cross the ray to the right of the pixel?
        above, below, left = y >= ay, y < by, ex * wy > ey * wx
        crosses = (above & below & left) | ~(above | below | left)
        turned = np.where(crosses, np.float32(-1.0), np.float32(1.0))
        nearest = np.minimum(nearest, squared)
        sign = sign * turned
    return np.asarray(sign * np.sqrt(nearest), np.float32)


def below(x: Plane, y: Plane, coefficients: tuple[Number, ...], slope_limit: float = 4.0) -> Plane:
    """What lies at larger y than the graph of the polynomial c0 + c1 x + c2 x² + …; exact to first order.

    ``slope_limit`` bounds the slope that is used, so that a steep graph far away leaves no streaks.
    """
    height: Number = coefficients[-1]
    slope: Number = 0.0
    for coefficient in coefficients[-2::-1]:
        slope = slope * x + height
        height = height * x + coefficient
    slope = np.minimum(np.abs(slope), np.float32(slope_limit))
    return np.asarray((height - y) / np.sqrt(1.0 + slope * slope), np.float32)


def rotated(x: Plane, y: Plane, cx: Number, cy: Number, angle: Number) -> tuple[Plane, Plane]:
    """Positions seen from a frame at (cx, cy) turned by ``angle`` (radians, from x towards y)."""
    cosine, sine = np.cos(angle, dtype=np.float32), np.sin(angle, dtype=np.float32)
    dx, dy = x - cx, y - cy
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def ring(distance: Plane, half_width: Number) -> Plane:
    """The outline of a shape as a stroke."""
    return np.asarray(np.abs(distance) - half_width, np.float32)


def joined(one: Plane, other: Plane, blend: float = 0.0) -> Plane:
    """The union of two shapes; ``blend`` rounds the seam over that distance (polynomial smooth minimum)."""
    if blend <= 0.0:
        return np.minimum(one, other)
    near = np.maximum(np.float32(blend) - np.abs(one - other), 0.0) * np.float32(1.0 / blend)
    return np.asarray(np.minimum(one, other) - near * near * np.float32(blend / 4.0), np.float32)


def cut(shape: Plane, hole: Plane) -> Plane:
    """A shape without another."""
    return np.maximum(shape, -hole)
