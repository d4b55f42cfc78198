"""From a picture of one's own to a point of a model, by any way; what was found is kept when it is cancelled."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import Tensor

from explorer.ending import Progress
from explorer.errors import Cancelled, ExplorerError
from explorer.generators.base import Generator
from explorer.inversion import registry
from explorer.inversion.base import Attempt, Preview
from explorer.inversion.descent import Drawn
from explorer.inversion.own_picture import Seen, read_picture
from explorer.inversion.usual import usual
from explorer.scene.inversion import MOST_STEPS, InversionOptions
from explorer.scene.model import OwnPicture, StoredLatent


@dataclass(frozen=True)
class Inverted:
    """``point``: the best that was found, with the picture that it was found for; ``stopped``: before the way had come
    to its end; ``picture``: (C, H, W), what the model draws of it."""

    point: StoredLatent
    own: OwnPicture
    stopped: bool
    picture: Tensor


def invert(
    generator: Generator,
    source: Path | bytes,
    name: str,
    options: InversionOptions,
    progress: Progress | None = None,
    preview: Preview | None = None,
    on_read: Callable[[Seen], None] | None = None,
) -> Inverted:
    """The point of ``generator`` whose picture is nearest to that in the file ``source`` (or in the bytes of one),
    which the user knows as ``name``. ``progress`` may raise :class:`Cancelled`: once something was found, that is the
    answer. ``on_read`` hears what the picture is to the model before the search begins.

    Raises :class:`ExplorerError` with one sentence.
    """
    model = generator.card
    way = registry.chosen(options.way, model)
    if not 0 <= options.steps <= MOST_STEPS:
        raise ExplorerError(f"{options.steps} steps cannot be taken; choose 1 to {MOST_STEPS}, or 0 for the usual.")
    if options.steps and not way.steps(model):
        raise ExplorerError(f"{way.title[:1].upper()}{way.title[1:]} goes in no steps; leave their number out.")
    # Not in the inference mode of whoever asks: the point is followed by its gradient.
    with torch.inference_mode(False):
        seen = read_picture(source, name, model)
        if on_read is not None:
            on_read(seen)
        searching = progress
        if progress is not None and not way.steps(model):  # pictures of the model's own take the time
            searching = lambda share: progress(0.0)  # noqa: E731
        attempt, stopped = Attempt(generator, seen.picture, searching, preview), False
        try:
            way.run(attempt, options)
        except Cancelled:
            if attempt.best is None:
                raise
            stopped = True
        space, point = next(iter(attempt.best_found().tensors.items()))
        own = _own(attempt, seen, name, way.title, space, point, options)
        with suppress(Cancelled):  # what was found stays the answer
            own = replace(own, usual=None if stopped else usual(generator, way, progress))
    row = point[0].float().cpu().contiguous().numpy()
    return Inverted(StoredLatent(space, row.shape, row.astype("<f4").tobytes(), own), own, stopped, attempt.picture)


def _own(
    attempt: Attempt, seen: Seen, name: str, way: str, space: str, point: Tensor, options: InversionOptions
) -> OwnPicture:
    squared = Drawn(attempt.generator, space, options.seed).squared(point)
    return OwnPicture(
        name=name,
        png=seen.png,
        psnr=round(attempt.psnr, 2),
        way=way,
        reading=seen.reading,
        distance=round(math.sqrt(squared.item()), 3),
    )
