"""A ball in a glass of water with a hole: the three-level causal world of CausalVAE (Yang et al., CVPR 2021).

The ball raises the water; the water's height and the hole's decide how far the jet reaches. Lengths are in the units of
the original, whose canvas is 20 wide: the glass stands between 3 and 8, the table is at 0.5.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.noise_laws import cut_normal
from explorer.worlds.base import Array, Factor, World, on_grid
from explorer.worlds.drawing import (
    Canvas,
    Plane,
    below,
    box,
    columns,
    coverage,
    cut,
    disc,
    ellipse,
    in_blocks,
    ring,
    smooth,
)
from explorer.worlds.reading import amount, planes_of, round_area, rounded, seen, share

Values = NDArray[np.float64]

LEFT, RIGHT, TABLE = 3.0, 8.0, 0.5
FLOOR = 5.0  # the water's surface is its height above this
BALL_AT = 5.5
GRAVITY = 0.98
RAW_WATER = Factor("raw water", tuple(k / 10 for k in range(10, 40)))
"""The height of the water without the ball: the noise of the water's height."""
DEVIATION = 0.1
"""Standard deviation of the noise on how far the jet reaches. The original has none in its label."""

# What the picture spans, and what is drawn otherwise than in the original: the glass ends at 12, not at 19.
ACROSS, UPWARDS = (1.7, 15.7), (12.9, -1.1)
BRIM = 12.0
WALL_HALF, HOLE_HALF, JET_HALF = 0.13, 0.34, 0.2
FADES = 0.5  # a jet that reaches less far is fainter; at 0 there is none
HIGHEST = BRIM - FLOOR
BLOCK = 32  # rows drawn together

WALL_TOP, WALL_LOW = np.array([0.86, 0.89, 0.92], np.float32), np.array([0.95, 0.94, 0.91], np.float32)
TABLE_FAR, TABLE_NEAR = np.array([0.66, 0.54, 0.43], np.float32), np.array([0.56, 0.45, 0.35], np.float32)
WATER, DEEP = np.array([0.50, 0.77, 0.95], np.float32), np.array([0.33, 0.62, 0.88], np.float32)
JET = np.array([0.38, 0.67, 0.92], np.float32)
GLASS, BALL = np.array([0.40, 0.47, 0.55], np.float32), np.array([0.74, 0.17, 0.15], np.float32)
SHADING = 0.16


def reach(height: Tensor, hole: Tensor) -> Tensor:
    """How far from the glass the jet meets the table: √(2 · 0.98 · height · (hole − 0.5))."""
    return torch.sqrt(2.0 * GRAVITY * height * (hole - TABLE))


class Flow(World):
    """Radius of the ball (30 levels) → height of the water, which is that of the raw water plus the radius cubed;
    height of the water and of the hole (9 levels) → how far the jet reaches, plus noise.

    The water's height is counted from 5 above the ground, as the original draws it.
    """

    name = "flow"
    title = "Water flow"
    sizes = (64, 96)
    factors = (
        Factor("ball_size", tuple(k / 30 for k in range(5, 35))),
        Factor("water_height", tuple(k / 5 for k in range(5, 28))),
        Factor("hole", tuple(k / 3 for k in range(6, 15))),
        Factor("water_flow", tuple(k / 5 for k in range(7, 36))),
    )
    mechanisms = {  # noqa: RUF012
        "ball_size": on_grid(factors[0]),
        "water_height": ClosedForm(
            ("ball_size",),
            on_grid(RAW_WATER).law,
            lambda parents, noise: parents[:, 0] ** 3 + noise,
            lambda parents, value: value - parents[:, 0] ** 3,
        ),
        "hole": on_grid(factors[2]),
        "water_flow": ClosedForm(
            ("water_height", "hole"),
            cut_normal(DEVIATION),
            lambda parents, noise: reach(*parents.T) + noise,
            lambda parents, value: value - reach(*parents.T),
        ),
    }
    measured = ("ball_size", "water_height", "hole", "water_flow")

    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, size, size, 3) pictures of (n, 4) values. The jet is drawn from its own reach, whatever the water does.
        Raises ValueError for a ball outside 0..2, water outside 0..7, a hole outside 1..10 or a jet outside 0..20,
        besides what :meth:`checked` refuses."""
        rows, size = self.checked(factors, size)
        if (rows < [0.0, 0.0, 1.0, 0.0]).any() or (rows > [2.0, HIGHEST, 10.0, 20.0]).any():
            raise ValueError(f"{self.name} has balls of 0..2, water of 0..{HIGHEST:g}, holes of 1..10, jets of 0..20")
        return in_blocks(_draw, rows, size, BLOCK)

    def measure(self, pictures: NDArray[np.uint8]) -> Array:
        """(n, 4) of (n, size, size, 3) pictures: the ball from the area of its red, the water from that beside the
        ball, hole and reach from the parabola nearest to the jet. NaN for what is missing; a ball is seen in water."""
        planes, size = planes_of(pictures), pictures.shape[1]
        empty, full = _backdrop(1, size), _backdrop(1, size)
        _fill(full, np.full(1, HIGHEST, np.float32))
        for canvas in (empty, full):
            _enclose(canvas, columns([HIGHEST]))
            rounded(canvas)

        inside = full.region(BALL_AT - 2.0, FLOOR, BALL_AT + 2.0, TABLE)
        water_red = _redness(full.view(inside))
        ball = (_redness(planes[:, :, inside.rows, inside.across]) - water_red) / (_redness(BALL) - water_red)
        ball_area = np.maximum(round_area(seen(ball), inside.pixel), 0.0)
        radius = np.sqrt(ball_area / np.pi) + inside.pixel / 50  # the fifth of a pixel that was left out, all around

        beside = empty.region(LEFT + 0.6, BRIM - 0.6, BALL_AT - 1.6, TABLE + 0.6)
        wet = share(planes, empty, beside, full.view(beside))
        depth = wet.mean(axis=2).sum(axis=1, dtype=np.float64) * beside.pixel
        bottom = float(beside.y[0, -1, 0]) - beside.pixel / 2

        air = empty.region(RIGHT + 0.6, BRIM - 2.0, ACROSS[1], TABLE + 0.8)
        jet = share(planes, empty, air, JET)
        hole, ended = _parabola(seen(jet) ** 2, air.x - RIGHT, air.y)
        found = [
            np.where((ball_area > 0.0) & (depth > beside.pixel), radius, np.nan),
            np.where(depth > beside.pixel, bottom + depth - FLOOR, np.nan),
            hole,
            ended,
        ]
        return np.stack(found, axis=1).astype(np.float32)


def _redness(colour: Plane) -> Plane:
    """What the red plane has more than the others, of (3, ...) colours."""
    return np.asarray(colour[0] - (colour[1] + colour[2]) / 2.0)


def _parabola(weights: Plane, x: Plane, y: Plane) -> tuple[Values, Values]:
    """(n,) height at x = 0 and the x > 0 at which the table is met of the parabola y = height - k x² that is nearest
    to (n, h, w) weights; NaN where there are none.

    Least squares on y alone prefer flat parabolas, so each pixel is weighted by the squared cosine of the slope there:
    then the distance is that along the normal, to first order.
    """
    nothing = amount(weights) < 2.0
    weights = np.where(nothing[:, None, None], 1.0, weights)
    curve = np.zeros(len(weights))
    height = curve
    for _ in range(8):
        w = weights / (1.0 + (2.0 * curve[:, None, None] * x) ** 2)
        total, sx, sxx, sy, sxy = (amount(w * part) for part in (1.0, x**2, x**4, y, x**2 * y))
        curve = (sx * sy - total * sxy) / (total * sxx - sx**2)
        height = (sy + curve * sx) / total
    good = ~nothing & (curve > 0.0) & (height > TABLE)
    ends = np.sqrt(np.where(good, (height - TABLE) / np.where(good, curve, 1.0), 0.0))
    return np.where(good, height, np.nan), np.where(good, ends, np.nan)


def _backdrop(n: int, size: int) -> Canvas:
    """Room and table."""
    canvas = Canvas(n, size, x=ACROSS, y=UPWARDS)
    whole = canvas.whole
    for plane, low, top, far, near in zip(canvas.planes, WALL_LOW, WALL_TOP, TABLE_FAR, TABLE_NEAR, strict=True):
        wall = low + (top - low) * smooth(whole.y, TABLE, UPWARDS[0])
        table = far + (near - far) * smooth(whole.y, TABLE, UPWARDS[1])
        plane[:] = wall + (table - wall) * coverage(whole.y - TABLE, whole.pixel)
    return canvas


def _fill(canvas: Canvas, height: Array) -> None:
    """Pours water of (n,) heights into the glass."""
    area = canvas.region(LEFT, BRIM, RIGHT, TABLE)
    half = columns((height + (FLOOR - TABLE)) / 2)
    shape = box(area.x, area.y, (LEFT + RIGHT) / 2, half + np.float32(TABLE), (RIGHT - LEFT) / 2, half)
    deep = smooth(area.y, BRIM, TABLE)
    colour = np.stack([high + (low - high) * deep for high, low in zip(WATER, DEEP, strict=True)])
    canvas.paint(area, coverage(shape, area.pixel), colour)


def _enclose(canvas: Canvas, hole: Plane) -> None:
    """Draws the glass: its foot, and walls of which the right one has a hole at (n, 1, 1)."""
    tall = (BRIM - TABLE) / 2 + WALL_HALF
    for at in (LEFT, RIGHT):
        area = canvas.region(at - 0.5, BRIM + 0.5, at + 0.5, TABLE - 0.5)
        wall = box(area.x, area.y, at, TABLE - WALL_HALF + tall, WALL_HALF, tall, WALL_HALF)
        if at == RIGHT:
            wall = cut(wall, box(area.x, area.y, RIGHT, hole, 0.5, HOLE_HALF))
        canvas.paint(area, coverage(wall, area.pixel), GLASS)
    area = canvas.region(LEFT, TABLE, RIGHT, TABLE - 0.5)
    foot = box(area.x, area.y, (LEFT + RIGHT) / 2, TABLE - WALL_HALF, (RIGHT - LEFT) / 2, WALL_HALF)
    canvas.paint(area, coverage(foot, area.pixel), GLASS)


def _draw(rows: Array, size: int) -> NDArray[np.uint8]:
    canvas = _backdrop(len(rows), size)
    radius, hole, ended = (columns(rows[:, column]) for column in (0, 2, 3))
    _fill(canvas, rows[:, 1])
    _enclose(canvas, hole)

    margin = float(radius.max()) + 0.5
    area = canvas.region(BALL_AT - margin, TABLE + 2 * margin, BALL_AT + margin, TABLE - 0.5)
    x, y = area.x - BALL_AT, area.y - TABLE - radius
    shade = 1.0 + SHADING * np.clip((y - x) / (1.5 * np.maximum(radius, 1e-3)), -1.0, 1.0)
    opacity = coverage(disc(x, y, 0.0, 0.0, radius), area.pixel) * (radius > 0.0)
    canvas.paint(area, opacity, np.asarray(BALL[:, None, None, None] * shade, np.float32))

    # The jet: y = hole - (hole - 0.5) (x / reach)², from the inner side of the wall to the table.
    area = canvas.region(RIGHT - 0.5, float(hole.max()) + 1.0, ACROSS[1], TABLE - 0.5)
    strength = np.clip(ended / FADES, 0.0, 1.0)
    x = area.x - RIGHT
    slope = (hole - TABLE) / np.maximum(ended, 0.1) ** 2
    stroke = ring(below(np.maximum(x, 0.0), area.y, (hole, 0.0, -slope), slope_limit=100.0), JET_HALF)
    stroke = np.maximum(np.maximum(stroke, -x - WALL_HALF), TABLE - area.y)
    puddle = ellipse(x, area.y, ended, TABLE - 0.1, 0.9, 0.22)
    canvas.paint(area, coverage(np.minimum(stroke, puddle), area.pixel) * strength, JET)
    return canvas.pictures()


WORLD = Flow()
