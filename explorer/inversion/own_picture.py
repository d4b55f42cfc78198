"""A picture of one's own as a model sees it: the one place where it is read for that."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from explorer.errors import ExplorerError
from explorer.picture_file import (
    UnusablePicture,
    as_png,
    fitted,
    open_picture,
    pixels_of,
    warnings_in_order,
    without_colours,
)
from explorer.scene.cards import ModelCard
from explorer.scene.model import LARGEST_ORIGINAL, OwnPicture
from explorer.training.batch import as_images


class Seen(NamedTuple):
    """``picture``: (1, C, H, W) in [-1, 1], of the model's shape; ``png``: the same for a scene to hold; ``reading``:
    what was done to the file, in one sentence."""

    picture: Tensor
    png: bytes
    reading: str


def read_picture(source: Path | bytes, name: str, model: ModelCard) -> Seen:
    """The picture in a file, or in the bytes of one, which the user knows as ``name``: upright, its middle cropped to
    the shape of the model's pictures and brought to their size, in their colours. Raises :class:`ExplorerError` with
    one sentence where it is none, or the model makes none."""
    if not model.makes_pictures:
        raise ExplorerError(f"'{model.name}' makes {model.output.description}, and no pictures to compare one with.")
    if isinstance(source, Path) and not source.is_file():
        raise ExplorerError(f"There is no picture '{source}'; name a file.")
    try:
        with warnings_in_order():
            opened = open_picture(source)
    except UnusablePicture as error:
        raise ExplorerError(f"'{name}' {error}; choose another picture.") from error
    height, width = model.size
    fit = fitted(opened.image, width, height)
    pixels, changes = fit.pixels, [*opened.changes, fit.cropped, fit.resized]
    if opened.turned:
        changes.insert(0, "turned as its camera says")
    if model.shape[0] == 1:
        pixels = without_colours(pixels)
        if not opened.grey and bool((fit.pixels != fit.pixels[..., :1]).any()):
            changes.append("made grey")
    told = ", ".join(filter(None, changes))
    size = f"{opened.image.width}×{opened.image.height}"
    reading = f"'{name}' ({size}) was read: {told}." if told else f"'{name}' ({size}) was read as it is."
    return Seen(as_images(pixels[None]), as_png(pixels, LARGEST_ORIGINAL), reading)


def png_of(picture: Tensor) -> bytes:
    """A PNG file of (C, H, W) in [-1, 1], of at most the size that a scene holds."""
    levels = picture.detach().float().mul(127.5).add(128.0).clamp(0, 255).to(torch.uint8)
    return as_png(np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy()), LARGEST_ORIGINAL)


def original_of(own: OwnPicture, model: ModelCard) -> Tensor:
    """(1, C, H, W) in [-1, 1]: the picture that a scene holds, at the size of the pictures of ``model``. Raises
    :class:`ExplorerError` where it is damaged."""
    try:
        pixels = pixels_of(own.png, model.size, LARGEST_ORIGINAL)
    except UnusablePicture as error:
        raise ExplorerError(f"The picture '{own.name}' that the scene holds {error}.") from error
    return as_images(np.ascontiguousarray(without_colours(pixels) if model.shape[0] == 1 else pixels)[None])
