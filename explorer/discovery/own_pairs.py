"""Pairs of pictures of the user's own: a folder ``low`` and a folder ``high``, two pictures of one name in a pair."""

from __future__ import annotations

from pathlib import Path

import torch

from explorer.discovery.slider_pairs import Pairs
from explorer.errors import ControlError
from explorer.files import PICTURE_SUFFIXES, expanded
from explorer.generators.base import Progress
from explorer.inversion.own_picture import read_picture
from explorer.scene.cards import ModelCard

LOW, HIGH = "low", "high"
MOST_PAIRS = 10_000


def files_in(folder: str) -> tuple[Path, ...]:
    """The pictures in both folders; none where there are none."""
    place = expanded(folder.strip())
    ends = (place / LOW, place / HIGH)
    return tuple(one for end in ends if end.is_dir() for one in sorted(end.iterdir()) if _is_picture(one))


def own_pairs(folder: str, model: ModelCard, progress: Progress) -> Pairs:
    """The pairs in ``folder``, cropped and brought to the size of the pictures of ``model``.

    Raises :class:`ControlError` where a folder is missing or empty, a picture has none of its name on the other side,
    or the model is told classes; :class:`explorer.errors.ExplorerError` for a file that is no picture.
    """
    if model.classes:
        raise ControlError(
            f"'{model.name}' is told a class, and pictures of one's own have none; leave 'folder' out, and choose "
            "attributes."
        )
    place = expanded(folder.strip())
    low, high = ({one.stem: one for one in files_in(folder) if one.parent.name == end} for end in (LOW, HIGH))
    if not low or not high:
        raise ControlError(
            f"'{place}' holds no pictures in the folder '{LOW if not low else HIGH}'; put those with little of the "
            f"attribute into '{LOW}', and those with much, under the same names, into '{HIGH}'."
        )
    if alone := sorted(low.keys() ^ high.keys()):
        there, other = (LOW, HIGH) if alone[0] in low else (HIGH, LOW)
        raise ControlError(
            f"'{alone[0]}' is in the folder '{there}' of '{place}' and not in '{other}'; name them alike."
        )
    names = sorted(low)
    if len(names) > MOST_PAIRS:
        raise ControlError(f"'{place}' holds {len(names)} pairs, and at most {MOST_PAIRS} are read; leave some out.")
    pictures = []
    for number, path in enumerate([*(low[name] for name in names), *(high[name] for name in names)]):
        progress(number / (2 * len(names)))
        pictures.append(read_picture(path, path.name, model).picture)
    progress(1.0)
    less, more = torch.cat(pictures).chunk(2)
    still = (0,) * len(names)
    line = f"learned from {len(names)} {'pair' if len(names) == 1 else 'pairs'} of pictures in '{place.name}'"
    return Pairs(place.name, less, more, still, still, (line,))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
