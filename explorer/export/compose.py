"""From the pictures of a scene's panes to one frame: side by side, to scale, with captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.export.lettering import line, line_height, stamp
from explorer.export.options import Scaling
from explorer.outputs import signed_scale
from explorer.outputs.sizes import at_height

Frame = NDArray[np.uint8]
"""(H, W, 3), red, green, blue."""

BACKGROUND = (24, 24, 27)
TEXT = (228, 228, 231)
FAINT = (161, 161, 170)
LARGEST_ROW = 4  # panes side by side before a second row begins


def rgb(bgrx: NDArray[np.uint8]) -> Frame:
    """(H, W, 3) red, green, blue of the engine's (H, W, 4) blue, green, red, unused."""
    return np.ascontiguousarray(bgrx[..., 2::-1])


def scaled(picture: Frame, height: int, scaling: Scaling = "pixels") -> Frame:
    """``picture`` at ``height`` pixels (0: unchanged), in its own proportion.

    ``pixels``: enlarging by a whole number repeats them, so that nothing is invented. ``smooth``: enlarging goes
    straight from the middle of one pixel to the next (bilinear), as the window's canvas does. Any other size is
    resampled (Lanczos).
    """
    old_height, old_width = picture.shape[:2]
    if height in (0, old_height):
        return picture
    if scaling == "pixels" and height % old_height == 0:
        factor = height // old_height
        return np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1)
    _, width = at_height((old_height, old_width), height)
    straight = scaling == "smooth" and height > old_height
    method = Image.Resampling.BILINEAR if straight else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(picture).resize((width, height), method))


def letter_size(height: int) -> int:
    """The size of the letters, in pixels, under a picture of ``height`` pixels."""
    return max(11, round(height * 0.045))


@dataclass(frozen=True)
class Caption:
    """What stands under a pane: its name, and what moves; ``is_signed``: the scale of the colours of a signed
    difference as well."""

    name: str
    moved: str = ""
    is_signed: bool = False


@dataclass(frozen=True)
class Grid:
    """Where the panes stand, in pixels: ``height`` of a picture, ``widths`` of the columns, ``size`` of the frame,
    ``head`` of the strip above the first row."""

    height: int
    columns: int
    widths: tuple[int, ...]
    gap: int
    band: int  # for the caption below each picture
    size: tuple[int, int]
    head: int = 0


def grid(
    sizes: Sequence[tuple[int, int]], captions: bool, height: int = 0, columns: int = 0, headed: bool = False
) -> Grid:
    """The layout of pictures of these (height, width), all brought to ``height`` pixels (0: that of the tallest).

    ``columns`` side by side; where that is 0, up to four, and more in a grid as square as possible. One without a
    caption fills the frame. ``headed``: with captions, there is a line above the columns for what they are called.
    """
    height = height or max(size[0] for size in sizes)
    scaled_widths = [at_height(size, height)[1] for size in sizes]
    if not captions and len(sizes) == 1:
        return Grid(height, 1, (scaled_widths[0],), 0, 0, (height, scaled_widths[0]))
    if not columns:
        columns = len(sizes) if len(sizes) <= LARGEST_ROW else math.ceil(math.sqrt(len(sizes)))
    columns = min(columns, len(sizes))
    rows = math.ceil(len(sizes) / columns)
    gap = max(2, round(height / 64))
    band = 2 * line_height(letter_size(height)) + gap if captions else 0
    widths = tuple(max(scaled_widths[column::columns]) for column in range(columns))
    head = line_height(letter_size(height)) if headed and captions else 0
    size = (gap + head + rows * (height + band + gap), gap + sum(width + gap for width in widths))
    return Grid(height, columns, widths, gap, band, size, head)


def compose(
    pictures: Sequence[Frame],
    captions: Sequence[Caption] | None,
    height: int = 0,
    columns: int = 0,
    headings: Sequence[str] = (),
    scaling: Scaling = "pixels",
) -> Frame:
    """One frame from the panes' ``pictures``, laid out by :func:`grid`; with captions, ``headings`` name the columns.

    Without captions and with one pane the frame is the picture itself. The frame's size depends on the sizes of the
    pictures and on whether there are captions.
    """
    places = grid([picture.shape[:2] for picture in pictures], captions is not None, height, columns, bool(headings))
    height, gap, widths = places.height, places.gap, places.widths
    panes = [scaled(picture, height, scaling) for picture in pictures]
    if captions is None and len(panes) == 1:
        return panes[0]
    size = letter_size(height)
    canvas = np.empty((*places.size, 3), np.uint8)
    canvas[...] = BACKGROUND
    if places.head:
        for column, heading in enumerate(headings):
            left = gap + sum(width + gap for width in widths[:column])
            stamp(canvas, line(heading, size, widths[column]), gap // 2, left, TEXT)
    for index, pane in enumerate(panes):
        row, column = divmod(index, places.columns)
        top = gap + places.head + row * (height + places.band + gap)
        left = gap + sum(width + gap for width in widths[:column])
        canvas[top : top + height, left : left + pane.shape[1]] = pane
        if captions:
            under = top + height + gap
            stamp(canvas, line(captions[index].name, size, widths[column]), under, left, TEXT)
            room, below = widths[column], under + line_height(size)
            if captions[index].is_signed:
                bar = _scale(size, room)
                room -= bar.shape[1] + gap
                right = left + widths[column] - bar.shape[1]
                canvas[below : below + bar.shape[0], right : right + bar.shape[1]] = bar
            stamp(canvas, line(captions[index].moved, size, room), below, left, FAINT)
    return canvas


def _scale(size: int, room: int) -> Frame:
    """The colours of a signed difference from its lowest to its highest number, letters ``size`` pixels tall, at most
    ``room`` pixels wide."""
    ends = [line(text, size) for text in (signed_scale.LOW, signed_scale.HIGH)]
    bar = max(8, min(4 * size, room - sum(end.shape[1] for end in ends) - size))
    widths = [ends[0].shape[1], size // 2, bar, size // 2, ends[1].shape[1]]
    strip = np.empty((line_height(size), sum(widths), 3), np.uint8)
    strip[...] = BACKGROUND
    stamp(strip, ends[0], 0, 0, FAINT)
    stamp(strip, ends[1], 0, sum(widths[:4]), FAINT)
    stops = np.asarray(signed_scale.STOPS, dtype=np.float64)
    places = np.linspace(0, len(stops) - 1, bar)
    colours = np.stack([np.interp(places, np.arange(len(stops)), channel) for channel in stops.T], axis=1)
    first = sum(widths[:2])
    strip[size // 4 : size // 4 + size, first : first + bar] = colours.round().astype(np.uint8)
    return strip[:, :room]


def even(frame: Frame) -> Frame:
    """``frame`` with a row and a column of background added where its size is odd (what 4:2:0 video asks for)."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    padded = np.empty((height + height % 2, width + width % 2, 3), np.uint8)
    padded[...] = BACKGROUND
    padded[:height, :width] = frame
    return padded
