"""Pictures of a user's own: any size, turned, transparent, grey or deep, read as 8-bit colours and fitted to a model.

Training, inversion and ``do --image`` all read pictures here.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from explorer.errors import Cancelled, ExplorerError
from explorer.reading import opened

_GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_ORIENTATION = 0x0112  # in EXIF: how the camera was held; 1 is upright
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")
"""Of Pillow's readers those for :data:`explorer.files.PICTURE_SUFFIXES`; another would start Ghostscript."""
MOST_BYTES = 448 << 20
"""What a picture may take in memory beyond the length of its file, while it is read, turned and cropped."""
_MEMORY = {
    "RGB": 8,
    "L": 9,
    "P": 13,
    "1": 9,
    "RGBA": 13,
    "CMYK": 12,
    "YCbCr": 12,
}  # bytes of one pixel, in all its copies
_MOST_MEMORY = 16
_ROWS = 64  # at once
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class UnusablePicture(ExplorerError):
    """A file that is no picture, or none that can be shown. Its text is a clause that follows the file's name."""


class Opened(NamedTuple):
    """``image``: upright, of the mode RGB; ``grey``: whether the file has no colours; ``changes``: what was done
    to its numbers, a clause each; ``turned``: whether it had been taken with the camera on its side."""

    image: Image.Image
    grey: bool
    changes: tuple[str, ...]
    turned: bool


class Fitted(NamedTuple):
    """``pixels``: (height, width, 3) of 0..255; ``cropped``: what was cut off, a clause, or empty; ``resized``: the
    clause that says how the size was changed, or empty."""

    pixels: NDArray[np.uint8]
    cropped: str
    resized: str


@contextmanager
def warnings_in_order() -> Iterator[None]:
    """For :func:`open_picture`: pictures too large to be meant are refused, damaged metadata is not used. Around the
    threads, which share it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def open_picture(source: Path | bytes, largest: int = 0) -> Opened:
    """The picture in the file ``source``, or in these bytes of one. The first of several; transparency over white;
    16 bits and more to 8. Raises :class:`UnusablePicture`, also where a side has more than ``largest`` pixels (0: as
    many as there are), or it would take more memory than any file is worth; its pixels are then not read."""
    try:
        with _file_of(source) as (data, size), Image.open(data, formats=FORMATS) as file:
            if largest and max(file.size) > largest:
                raise UnusablePicture(f"has {file.width}×{file.height} pixels, more than {largest} along a side")
            if _MEMORY.get(file.mode, _MOST_MEMORY) * file.width * file.height > MOST_BYTES + size:
                raise UnusablePicture(f"has {file.width}×{file.height} pixels, which take too much memory")
            deep = file.mode[0] in "IF" or ";16" in str(file.tile[:1])  # Pillow reads 16-bit colours as 8-bit ones
            file.load()
            turned = file.getexif().get(_ORIENTATION, 1) != 1
            image: Image.Image = ImageOps.exif_transpose(file) if turned else file
            several = getattr(file, "is_animated", False)
            return _in_colours(image, deep, several, turned)
    except (ExplorerError, Cancelled):
        raise
    except OSError as error:
        raise UnusablePicture(f"cannot be read ({error.strerror or _first_line(error)})") from error
    except Exception as error:  # its readers raise what they stumble over; the text is a clause here
        raise UnusablePicture(f"cannot be read ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "damaged"


@contextmanager
def _file_of(source: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    """The open file, and how many bytes it has."""
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
        return
    with opened(source, -1) as file:
        yield file, os.fstat(file.fileno()).st_size


def _in_colours(image: Image.Image, deep: bool, several: bool, turned: bool) -> Opened:
    mode, grey = image.mode, image.mode in _GREY
    changes = ["the first of several pictures"] if several else []
    changes += ["16 bit or deeper to 8 bit"] if deep else []
    if mode.startswith("I") or mode == "F":
        image = _to_eight_bits(image)
    elif mode in ("RGBA", "LA", "La", "RGBa", "PA") or "transparency" in image.info:
        over = image if mode == "RGBA" else image.convert("RGBA")
        image = Image.new("RGB", over.size, "white")
        image.paste(over, mask=over)
        changes.append("transparency over white")
    elif mode not in ("RGB", "L"):
        changes.append(f"from {mode}")
    plain = image.convert("RGB") if image.mode != "RGB" else image
    return Opened(plain, grey, tuple(changes), turned)


def fitted(image: Image.Image, width: int, height: int) -> Fitted:
    """The middle of ``image`` (RGB) in the shape of ``width`` × ``height``, brought to that size: averaged where it is
    a whole number of times as large, by Lanczos's filter otherwise."""
    scale = min(image.width / width, image.height / height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (image.width - across) // 2, (image.height - down) // 2
    cropped = ""
    if (across, down) != image.size:
        cropped = "cropped to the middle square" if across == down else f"cropped to the middle {across}×{down}"
    part, resized = image.crop((left, top, left + across, top + down)), ""
    if (across, down) != (width, height):
        whole = across % width == 0 and down % height == 0
        part = part.resize((width, height), Image.Resampling.BOX if whole else Image.Resampling.LANCZOS)
        resized = f"{'reduced' if across > width else 'enlarged'} to {width}×{height}"
    return Fitted(np.asarray(part, np.uint8), cropped, resized)


def without_colours(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 1) the luma of (H, W, 3)."""
    luma: NDArray[np.float64] = pixels.astype(np.float64) @ np.asarray(LUMA)
    return luma.round().astype(np.uint8)[..., None]


def as_png(pixels: NDArray[np.uint8], largest: int = 0) -> bytes:
    """A PNG file of (H, W, 1 or 3), reduced so that neither side is longer than ``largest`` (0: as it is)."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if largest and max(image.size) > largest:
        image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()


def pixels_of(png: bytes, size: tuple[int, int], largest: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3) of a file that :func:`as_png` has made, at the ``size`` (height, width). ``largest``: as for
    :func:`open_picture`. Raises :class:`UnusablePicture` where it is damaged."""
    image, (height, width) = open_picture(png, largest).image, size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16 bits lose their lower byte; deeper integers, and floats outside 0..1, are scaled by their own range. Raises
    :class:`UnusablePicture` for numbers that are not finite."""
    values = np.asarray(image)
    least, greatest = float(values.min()), float(values.max())
    if not math.isfinite(least + greatest):  # what is no number is the least and the greatest
        raise UnusablePicture("holds numbers that are not finite")
    if image.mode.startswith("I;16") or (image.mode == "I" and least >= 0 and 255 < greatest < 65536):
        low, high = 0.0, 65535.0
    elif image.mode == "F" and least >= 0 and greatest <= 1:
        low, high = 0.0, 1.0
    else:
        low, high = least, greatest
    levels = np.zeros(values.shape, np.uint8)
    for row in range(0, len(values) if high > low else 0, _ROWS):
        part = values[row : row + _ROWS].astype(np.float64)
        levels[row : row + _ROWS] = (part - low) / (high - low) * 255.0 + 0.5
    return Image.fromarray(levels)
