"""Real handwritten digits, written again with a pen of any width: MorphoMNIST's thickness → intensity, without MNIST.

The digits are the 8x8 pictures that scikit-learn carries (Alpaydin and Kaynak, 1998). Each is interpolated by cubic
splines and thinned to the line that the pen followed; a picture is everything within half the thickness of that line,
so that thickness is exact and edges are smooth at any size. A digit is used where its line has the loops that such a
digit has (8 x 8 pixels often hide one): 120 of each class.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import gammainc, gammaincinv
from torch import Tensor

from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.noise_laws import STANDARD_NORMAL, NoiseLaw, cut_normal
from explorer.worlds.base import Array, Factor, World, on_grid
from explorer.worlds.drawing import coverage

Values = NDArray[np.float64]

STYLES = 120
FRAME = 28.0  # thickness is in pixels of MNIST's frame, whatever the size of the picture
MEASURED_AT = 128  # pixels a side to which a picture is enlarged to be measured
CELL = 2.6  # width of one of the 8 x 8 cells in that frame

THINNEST, THICKEST = 0.9, 6.5
SHAPE, RATE, LEAST = 10.0, 5.0, 0.5
"""Thickness is LEAST + Gamma(SHAPE, RATE), DeepSCM's mechanism, cut to THINNEST..THICKEST: 5 in 100,000 are outside."""
DARKEST, SPAN = 64.0, 191.0
SLANT_DEVIATION = 8.0

FINE = 6  # points a cell at which lines are found
LOOPS = ((1,), (0,), (0,), (0,), (0, 1), (0,), (1,), (0,), (2,), (1,))  # how many a digit of each class may have
SMALLEST_LOOP = 4  # points
# The line is sought where there is ink, and more of it than around; all widths are in cells, ink is 0..1. The first of
# the contrasts (width of the surroundings, how much more) that leaves one piece with the right loops is taken.
SMOOTHING, ON_LINE = 0.2, 0.4
CONTRASTS = ((0.6, 0.03), (0.7, 0.05), (0.8, 0.05), (1.0, 0.05), (1.3, 0.05), (0.7, 0.03), (0.7, 0.01), (1.3, 0.0))


def _pen_law() -> NoiseLaw:
    """LEAST + Gamma(SHAPE, RATE), cut to THINNEST..THICKEST. Its quantiles are computed without derivatives."""
    low, high = (float(gammainc(SHAPE, RATE * (end - LEAST))) for end in (THINNEST, THICKEST))
    constant = SHAPE * math.log(RATE) - math.lgamma(SHAPE) - math.log(high - low)

    def quantile(uniform: Tensor) -> Tensor:
        share = low + uniform.double().cpu().numpy() * (high - low)
        return torch.from_numpy(np.asarray(LEAST + gammaincinv(SHAPE, share) / RATE)).to(uniform)

    def log_density(thickness: Tensor) -> Tensor:
        inside = (thickness >= THINNEST) & (thickness <= THICKEST)
        above = (thickness - LEAST).clamp(min=THINNEST - LEAST)
        return torch.where(inside, (SHAPE - 1) * above.log() - RATE * above + constant, -math.inf)

    return NoiseLaw(quantile, log_density=log_density)


def _intensity(parents: Tensor, noise: Tensor) -> Tensor:
    return DARKEST + SPAN * torch.sigmoid(0.5 * noise + 2.0 * parents[:, 0] - 5.0)


def _intensity_noise(parents: Tensor, intensity: Tensor) -> Tensor:
    share = (intensity - DARKEST) / SPAN
    inside = (share > 0.0) & (share < 1.0)
    noise = (torch.logit(torch.where(inside, share, 0.5)) - 2.0 * parents[:, 0] + 5.0) / 0.5
    return torch.where(inside, noise, torch.nan)


class Digits(World):
    """Digit (0 to 9), style (which of the examples of that digit), thickness → intensity, and slant.

    thickness = 0.5 + Gamma(10, rate 5) pixels of 28; intensity = 64 + 191 σ(noise/2 + 2·thickness − 5) with standard
    normal noise, as in DeepSCM (Pawlowski, Castro and Glocker, 2020). The slant is a shear on top of the writer's own,
    and has no causes.
    """

    name = "digits"
    title = "Handwritten digits"
    sizes = (32, 64)
    channels = 1
    factors = (
        Factor("digit", tuple(map(float, range(10))), kind="category", labels=tuple("0123456789")),
        Factor("style", tuple(map(float, range(STYLES))), kind="category"),
        Factor("thickness", tuple(float(value) for value in np.linspace(THINNEST, THICKEST, 15).round(6)), unit="px"),
        Factor("intensity", tuple(float(value) for value in np.linspace(DARKEST, DARKEST + SPAN, 20))),
        Factor("slant", tuple(float(value) for value in np.linspace(-24.0, 24.0, 17)), unit="°"),
    )
    mechanisms = {  # noqa: RUF012
        "digit": on_grid(factors[0]),
        "style": on_grid(factors[1]),
        "thickness": ClosedForm((), _pen_law()),
        "intensity": ClosedForm(("thickness",), STANDARD_NORMAL, _intensity, _intensity_noise),
        "slant": ClosedForm((), cut_normal(SLANT_DEVIATION)),
    }
    measured = ("thickness", "intensity")
    example = "style"

    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, size, size, 1) pictures of (n, 5) values. Raises ValueError for a thickness outside 0..14, an intensity
        outside 0..255 or a slant beyond 60°, besides what :meth:`checked` refuses."""
        rows, size = self.checked(factors, size)
        thickness, intensity, slant = rows[:, 2], rows[:, 3], rows[:, 4]
        if (np.abs(thickness - 7.0) > 7.0).any() or (np.abs(intensity - 127.5) > 127.5).any():
            raise ValueError(f"{self.name} has thickness from 0 to 14 and intensity from 0 to 255")
        if (np.abs(slant) > 60.0).any():
            raise ValueError(f"{self.name} has slants of up to 60°")
        lines = pen_lines()
        pictures = np.zeros((len(rows), size, size), np.uint8)
        for picture, row, shear in zip(pictures, rows, np.tan(np.radians(slant.astype(np.float64))), strict=True):
            line = lines[int(np.rint(row[0])) * STYLES + int(np.rint(row[1]))]
            _write(picture, line - line[:, 1:] * np.array([shear, 0.0], np.float32), row[2] / 2, row[3])
        return pictures[..., None]

    def measure(self, pictures: NDArray[np.uint8]) -> Array:
        """(n, 5) of (n, size, size, 1) pictures, by MorphoMNIST's definitions: thickness is twice the median distance
        from the skeleton to the background, of the stroke cut at half its intensity; intensity is that of the pixels
        inside the stroke (the 95 % quantile of those above half the brightest: thin strokes have soft edges only).

        NaN for a black picture. Where a thick pen fills a loop, the thickness found is that of the filled part.
        """
        planes = np.asarray(pictures)[..., 0].astype(np.float32)
        found = np.full((len(planes), len(self.factors)), np.nan, np.float32)
        up = MEASURED_AT // planes.shape[1]
        seen = np.flatnonzero(planes.any(axis=(1, 2)))
        for indices in np.split(seen, range(64, len(seen), 64)) if len(seen) else []:
            some = planes[indices]
            bright = some > some.max(axis=(1, 2), keepdims=True) / 2
            ink = np.array([np.quantile(plane[inside], 0.95) for plane, inside in zip(some, bright, strict=True)])
            strokes = ndimage.zoom(some, (1, up, up), order=1, mode="nearest", grid_mode=True) > ink[:, None, None] / 2
            for index, stroke, skeleton, level in zip(indices, strokes, thinned(strokes), ink, strict=True):
                half = np.median(ndimage.distance_transform_edt(np.pad(stroke, 1))[1:-1, 1:-1][skeleton])
                found[index, 2:4] = 2.0 * half * FRAME / MEASURED_AT, level
        return found


def _write(picture: NDArray[np.uint8], line: Array, radius: np.float32, ink: np.float32) -> None:
    """Draws everything within ``radius`` of (points, 2) into (size, size)."""
    pixel = np.float32(FRAME / len(picture))
    at = (np.arange(len(picture), dtype=np.float32) + 0.5) * pixel - np.float32(FRAME / 2)
    low, high = line.min(axis=0) - radius - pixel, line.max(axis=0) + radius + pixel
    across, down = (slice(*np.searchsorted(at, [low[axis], high[axis]])) for axis in (0, 1))
    x, y = np.meshgrid(at[across], at[down])
    # |p - q|² = |p|² - 2 p·q + |q|²: a product of matrices, and the least over the line's points.
    places = np.stack([x.reshape(-1), y.reshape(-1), np.ones(x.size, np.float32)])
    points = np.concatenate([-2.0 * line, (line * line).sum(axis=1, keepdims=True)], axis=1)
    squared = (points @ places).min(axis=0).reshape(x.shape) + x * x + y * y
    distance = np.sqrt(np.maximum(squared, 0.0)) - radius
    np.add(coverage(distance, float(pixel)) * ink, 0.5, out=picture[down, across], casting="unsafe")


@lru_cache(maxsize=1)
def pen_lines() -> tuple[Array, ...]:
    """10·STYLES lines, class by class, each (points, 2): x to the right and y down, in pixels of 28 from the middle,
    close enough together that discs drawn on them make a stroke."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    ink, classes = np.pad(bunch.images / 16.0, ((0, 0), (1, 1), (1, 1))), np.array(bunch.target)
    near = _interpolated(ink, SMOOTHING)
    masks = np.zeros(near.shape, bool)
    missing = np.arange(len(ink))
    for width, contrast in CONTRASTS:
        tried = (near[missing] > ON_LINE) & (near[missing] - _interpolated(ink[missing], width) > contrast)
        good = np.array([_loops(mask) in LOOPS[digit] for mask, digit in zip(tried, classes[missing], strict=True)])
        masks[missing[good]] = tried[good]
        missing = missing[~good]
    classes[missing] = -1
    chosen = [np.flatnonzero(classes == digit)[:STYLES] for digit in range(10)]
    return tuple(_line(skeleton) for indices in chosen for skeleton in thinned(masks[indices]))


def _interpolated(ink: Values, smoothing: float) -> Values:
    """(n, fine, fine) cubic splines through (n, cells, cells), smoothed by a Gaussian of that many cells."""
    spline = ndimage.zoom(np.eye(ink.shape[-1]), (FINE, 1), order=3, mode="nearest", grid_mode=True)
    matrix = ndimage.gaussian_filter1d(spline, smoothing * FINE, axis=0, mode="nearest")
    return np.asarray(matrix @ ink @ matrix.T)


def _loops(mask: NDArray[np.bool_]) -> int:
    """How many holes a mask in one piece has; -1 for several pieces or a hole too small to be meant."""
    _, pieces = ndimage.label(mask, np.ones((3, 3)))
    outside, count = ndimage.label(~np.pad(mask, 1))
    sizes = np.bincount(outside.reshape(-1))[2:]
    return -1 if pieces != 1 or (sizes < SMALLEST_LOOP).any() else count - 1


def thinned(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, h, w) masks thinned to lines one pixel wide (Zhang and Suen, 1984)."""
    planes = np.pad(masks, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    inner = planes[:, 1:-1, 1:-1]
    size = planes.shape[1:]
    neighbours = [
        planes[:, 1 + dy : size[0] - 1 + dy, 1 + dx : size[1] - 1 + dx]
        for dy, dx in ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
    ]
    before = -1
    while before != (before := int(inner.sum())):
        for removable in _removable():
            code = np.zeros(inner.shape, np.uint8)
            for bit, neighbour in enumerate(neighbours):
                code |= neighbour << np.uint8(bit)
            inner &= ~removable[code] & np.uint8(1)
    return inner.astype(bool)


@lru_cache(maxsize=1)
def _removable() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For each pattern of the eight neighbours (north first, clockwise), whether each of the two passes removes it."""
    on = (np.arange(256)[:, None] >> np.arange(8)) & 1 == 1
    count = on.sum(axis=1)
    starts = (~on & np.roll(on, -1, axis=1)).sum(axis=1)
    border = (count >= 2) & (count <= 6) & (starts == 1)
    north, east, south, west = on[:, ::2].T
    first = border & ~(north & east & south) & ~(east & south & west)
    second = border & ~(north & east & west) & ~(north & south & west)
    return first.astype(np.uint8), second.astype(np.uint8)


def _line(skeleton: NDArray[np.bool_]) -> Array:
    """Pixels of a thinned digit → points on a smooth line, with one between neighbours, in the frame's units."""
    rows, columns = np.nonzero(skeleton)
    points = np.stack([columns, rows], axis=1).astype(np.float64)
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    weights = np.exp(-apart / (2 * 1.5**2)) * (apart <= 9.0)  # takes the staircase out
    smooth = weights @ points / weights.sum(axis=1, keepdims=True)
    one, other = np.nonzero(np.triu(apart <= 2.0, 1))
    line = np.concatenate([smooth, (smooth[one] + smooth[other]) / 2]) * (CELL / FINE)
    return np.asarray(line - (line.min(axis=0) + line.max(axis=0)) / 2, np.float32)


WORLD = Digits()
