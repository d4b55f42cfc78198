"""White sprites on black, on the factor grid of the dSprites data set (Matthey et al., 2017), drawn from formulas.

Centre 15.5 + 32·position pixels; a square of side 19.24·scale, an ellipse of semi-axes 12.85 and 7.15·scale that lies
flat at angle 0, a heart of two discs and a taper that points down. Positive angles turn counter-clockwise. As in the
original a pixel is on or off (whether its centre is inside): networks trained on it expect hard edges.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from explorer.worlds.base import Array, Factor, World, on_grid

Points = NDArray[np.float64]

SIZE = 64
SQUARE, ELLIPSE, HEART = range(3)
TURN = 2.0 * np.pi
SYMMETRY = (TURN / 4, TURN / 2, TURN)
"""After how much turning, in radians, a square, an ellipse and a heart look the same again."""

# All lengths in pixels at scale 1; the heart's frame has u to the right and v down.
SQUARE_HALF = 19.24 / 2
ELLIPSE_AXES = (12.85, 7.15)
LOBE_AT, LOBE_RADIUS = (4.67, -4.16), 5.04
HEART_TIP, HEART_HALF_WIDTH, HEART_TAPER = 8.91, 9.47, 1.29
REACH = 13.7  # no point of a sprite is further from its centre
LARGEST = 2.0  # scale that is still drawn

# Shapes are told apart by |second moment| / area² (an ellipse has 0.099, a heart 0.025, a square none) and then
# |third moment| / area^2.5 (a heart has 0.038, a square none); the thresholds leave room for the pixels.
LONG = 0.063
POINTED = 0.02


class Sprites(World):
    """Shape, scale, orientation, x and y, 3·6·40·32·32 = 737,280 pictures on the grid.

    The grid of orientations has both 0 and 2π, as the data set has: the same picture twice. ``cyclic`` would put a
    step between them, so it is not set.
    """

    name = "sprites"
    title = "Sprites"
    channels = 1
    factors = (
        Factor("shape", (0.0, 1.0, 2.0), kind="category", labels=("square", "ellipse", "heart")),
        Factor("scale", tuple(float(value) for value in np.linspace(0.5, 1.0, 6))),
        Factor("orientation", tuple(float(value) for value in np.linspace(0.0, TURN, 40)), unit="rad"),
        Factor("x", tuple(float(value) for value in np.linspace(0.0, 1.0, 32))),
        Factor("y", tuple(float(value) for value in np.linspace(0.0, 1.0, 32))),
    )
    mechanisms = {factor.name: on_grid(factor) for factor in factors}  # noqa: RUF012
    measured = ("shape", "scale", "orientation", "x", "y")

    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, 64, 64, 1) pictures, 0 or 255, of (n, 5) values. Orientations wrap, y grows downwards, and what leaves
        the picture is cut off. Raises ValueError for a scale outside 0..2, besides what :meth:`checked` refuses."""
        rows, _ = self.checked(factors, size)
        if ((rows[:, 1] <= 0.0) | (rows[:, 1] > LARGEST)).any():
            raise ValueError(f"{self.name} has scales above 0 and up to {LARGEST:g}")
        pictures = np.zeros((len(rows), SIZE, SIZE), np.uint8)
        shapes = np.rint(rows[:, 0]).astype(np.int64)
        for start in range(0, len(rows), 512):
            for shape, inside in enumerate((_in_square, _in_ellipse, _in_heart)):
                chosen = start + np.flatnonzero(shapes[start : start + 512] == shape)
                if len(chosen):
                    which, line, column = _drawn(inside, rows[chosen, 1:].astype(np.float64))
                    pictures[chosen[which], line, column] = 255
        return pictures[..., None]

    def shown(self, factors: Array) -> Array:
        """(n, 5): orientations as far as the shape looks the same again (:data:`SYMMETRY`)."""
        rows = np.array(factors, np.float32)
        rows[:, 2] %= np.asarray(SYMMETRY, np.float32)[np.rint(rows[:, 0]).astype(np.int64)]
        return rows

    def measure(self, pictures: NDArray[np.uint8]) -> Array:
        """(n, 5) values of (n, 64, 64, 1) pictures, by the moments up to the fourth of the pixels above half.

        The orientation is reduced to [0, 90°) of a square and [0, 180°) of an ellipse, which look the same after
        (:data:`SYMMETRY`). A black picture gives NaN. What is left is the pixels' doing: see the tests for how much.
        """
        on = np.asarray(pictures).reshape(-1, SIZE * SIZE) > 127
        raw = on.astype(np.float64) @ _monomials()
        area = np.maximum(raw[:, 0].real, 1.0)
        z10, z20, z30, z40 = raw[:, 1:].T / area
        # Moments about the centroid, per pixel.
        second = z20 - z10**2
        third = z30 - 3 * z10 * z20 + 2 * z10**3
        fourth = z40 - 4 * z10 * z30 + 6 * z10**2 * z20 - 3 * z10**4

        pointed = np.where(np.abs(third) / area**1.5 > POINTED, HEART, SQUARE)
        shape = np.where(np.abs(second) / area > LONG, ELLIPSE, pointed)
        heart_area, heart_centroid = _heart()
        unit_area = np.array([4 * SQUARE_HALF**2, np.pi * ELLIPSE_AXES[0] * ELLIPSE_AXES[1], heart_area])
        scale = np.minimum(np.sqrt(area / unit_area[shape]), LARGEST)

        def rows(angle: Points) -> Array:
            centre = z10 - np.where(shape == HEART, 1j * heart_centroid * scale * np.exp(-1j * angle), 0.0)
            x, y = ((place + (SIZE - 1) / 2 - 15.5) / 32 for place in (centre.real, centre.imag))
            return np.stack([shape, scale, angle, x, y], axis=1).astype(np.float32)

        # A sprite turned by θ has the moment Σ zᵏ of the upright one times exp(-ikθ). Upright, the fourth of a square
        # is negative, the second of an ellipse positive, the third of a heart negative imaginary.
        angles = [(np.pi - np.angle(fourth)) / 4, -np.angle(second) / 2, (-np.pi / 2 - np.angle(third)) / 3]
        angle = np.choose(shape, angles)
        # The third moment leaves a heart three ways to point; the right one draws the picture.
        hearts = np.flatnonzero(shape == HEART)
        ways = [rows(angle + turn)[hearts] for turn in (0.0, TURN / 3, 2 * TURN / 3)]
        wrong = [((self.render(way).reshape(-1, SIZE * SIZE) > 127) != on[hearts]).sum(axis=1) for way in ways]
        angle[hearts] += np.argmin(wrong, axis=0) * TURN / 3
        found = rows(angle % np.asarray(SYMMETRY)[shape])
        found[~on.any(axis=1)] = np.nan
        return found


def _drawn(inside: Callable[[Points, Points], NDArray[np.bool_]], rows: Points) -> tuple[NDArray[np.int64], ...]:
    """Which row, line and column each pixel has that one shape with (n, 4) scale, angle, x and y covers. Only pixels
    near the sprite are looked at."""
    scale, angle = rows[:, 0, None], rows[:, 1, None, None]
    x, y = (15.5 + 32.0 * rows[:, column, None] for column in (2, 3))
    reach = int(np.ceil(REACH * scale.max()))
    near = np.arange(-reach, reach + 2)
    columns, lines = (np.floor(place).astype(np.int64) + near for place in (x, y))
    across, down = ((columns - x) / scale)[:, None, :], ((lines - y) / scale)[:, :, None]
    drawn = inside(across * np.cos(angle) - down * np.sin(angle), across * np.sin(angle) + down * np.cos(angle))
    drawn &= ((columns >= 0) & (columns < SIZE))[:, None, :]
    drawn &= ((lines >= 0) & (lines < SIZE))[:, :, None]
    which, line, column = np.nonzero(drawn)
    return which, lines[which, line], columns[which, column]


def _in_square(u: Points, v: Points) -> NDArray[np.bool_]:
    return np.asarray((np.abs(u) <= SQUARE_HALF) & (np.abs(v) <= SQUARE_HALF))


def _in_ellipse(u: Points, v: Points) -> NDArray[np.bool_]:
    return np.asarray((u / ELLIPSE_AXES[0]) ** 2 + (v / ELLIPSE_AXES[1]) ** 2 <= 1.0)


def _in_heart(u: Points, v: Points) -> NDArray[np.bool_]:
    side = np.abs(u)
    lobes = (side - LOBE_AT[0]) ** 2 + (v - LOBE_AT[1]) ** 2 <= LOBE_RADIUS**2
    depth = np.clip((v - LOBE_AT[1]) / (HEART_TIP - LOBE_AT[1]), 0.0, 1.0)
    taper = (v >= LOBE_AT[1]) & (v <= HEART_TIP) & (side <= HEART_HALF_WIDTH * (1.0 - depth**HEART_TAPER))
    return np.asarray(lobes | taper)


@lru_cache(maxsize=1)
def _heart() -> tuple[float, float]:
    """Area of the heart at scale 1 in pixels, and how far below its centre its centroid lies, by a fine sum."""
    step = 0.02
    axis = np.arange(-10.0, 10.0, step) + step / 2
    inside = _in_heart(axis[None, :], axis[:, None])
    return float(inside.sum() * step**2), float((inside.sum(axis=1) * axis).sum() / inside.sum())


@lru_cache(maxsize=1)
def _monomials() -> NDArray[np.complex128]:
    """(64·64, 5) powers 0..4 of z = x + iy from the middle of the picture."""
    axis = np.arange(SIZE) - (SIZE - 1) / 2
    z = (axis[None, :] + 1j * axis[:, None]).reshape(-1)
    return np.stack([z**power for power in range(5)], axis=1)


WORLD = Sprites()
