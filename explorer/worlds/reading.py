"""Reading drawn pictures back: how much of a colour a pixel has, and where it lies. The inverse of ``drawing``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.worlds.drawing import Canvas, Plane, Region

Values = NDArray[np.float64]


def planes_of(pictures: NDArray[np.uint8]) -> Plane:
    """(channels, n, size, size), 0..1, of (n, size, size, channels) pictures."""
    return np.moveaxis(np.asarray(pictures, np.float32) / 255.0, -1, 0)


def rounded(canvas: Canvas) -> Canvas:
    """The canvas with its planes rounded to 8 bits: what a picture shows where nothing else is drawn."""
    canvas.planes = planes_of(canvas.pictures())
    return canvas


def share(planes: Plane, empty: Canvas, region: Region, colour: Plane) -> Plane:
    """(n, h, w) how far pictures (channels, n, size, size) have gone from what ``empty`` shows to ``colour``, which is
    (channels,) or one plane a channel: the share that it covers, where nothing else does. 0 where the two are alike."""
    before = empty.view(region)
    towards = colour.reshape(*colour.shape, *(1,) * (4 - colour.ndim)) - before
    moved = planes[:, :, region.rows, region.across] - before
    return np.asarray((moved * towards).sum(axis=0) / np.maximum((towards * towards).sum(axis=0), 1e-4))


def seen(weights: Plane) -> Plane:
    """Weights without those below a fifth, which noise makes everywhere. Above, noise cancels: nothing is cut at 1."""
    return np.where(weights > 0.2, weights, np.float32(0.0))


def amount(weights: Plane) -> Values:
    """(n,) sums of (n, h, w) weights: pixels."""
    return np.asarray(weights.sum(axis=(1, 2), dtype=np.float64))


def middle(weights: Plane, place: Plane) -> Values:
    """(n,) centroid of (n, h, w) weights; NaN where there is less than a pixel of them."""
    total = amount(weights)
    return np.where(total < 1.0, np.nan, amount(weights * place) / np.maximum(total, 1.0))


def whole(weights: Plane, values: Values) -> Values:
    """``values`` (n,), NaN where the first or the last column of (n, h, w) weights cuts what they show, or nothing is
    there."""
    cut = np.maximum(weights[:, :, 0], weights[:, :, -1]).max(axis=1) > 0.5
    return np.where(cut | (amount(weights) < 1.0), np.nan, values)


def round_area(weights: Plane, pixel: float) -> Values:
    """(n,) area of a convex shape of (n, h, w) coverage. A soft edge adds what the outlines within half a pixel have
    more than the middle one, π/12 pixels in all (Steiner's formula)."""
    return (amount(weights) - np.pi / 12.0) * pixel**2
