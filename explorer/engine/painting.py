"""From what generators make to the bytes that a screen shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from explorer.engine.convert import to_bgrx
from explorer.outputs.base import Output
from explorer.outputs.registry import output_of
from explorer.outputs.sizes import within
from explorer.scene.cards import ModelCard
from explorer.scene.model import View
from explorer.scene.views import EFFECTS, WITH_RMS


def paint(views: Sequence[tuple[View, Output, Sequence[Tensor]]], height: int) -> list[tuple[NDArray[np.uint8], float]]:
    """BGRX bytes (h, w, 4) of every view, and of differences how large they are (root mean square, 0..1; else 0). With
    each view come its kind of output and the outputs of its points, a batch of one each; ``height``: as in
    :meth:`explorer.outputs.base.Output.picture`. Pictures of one size are converted together and leave the device in
    one copy."""
    ready = [_shown(view, kind, outputs, height)[0] for view, kind, outputs in views]
    rms = [float(kind.distance(*outputs)) if view.view in WITH_RMS else 0.0 for view, kind, outputs in views]
    shapes: dict[torch.Size, list[int]] = {}
    for index, tensor in enumerate(ready):
        shapes.setdefault(tensor.shape, []).append(index)
    painted: dict[int, NDArray[np.uint8]] = {}
    for members in shapes.values():
        block = to_bgrx(torch.stack([ready[index] for index in members])).cpu().numpy()
        painted.update(zip(members, block, strict=True))
    return [(painted[index], rms[index]) for index in range(len(views))]


def thumbnails(card: ModelCard, outputs: Tensor, side: int) -> NDArray[np.uint8]:
    """(n, height, width, 3) RGB: what shows ``outputs`` (n, *shape) of a model, the longer side at most ``side``
    pixels."""
    shape = within(card.size, side)
    pictures = functional.adaptive_avg_pool2d(output_of(card).picture(outputs, shape[0]), shape)
    return to_bgrx(pictures)[..., [2, 1, 0]].cpu().numpy()


def _shown(view: View, kind: Output, outputs: Sequence[Tensor], height: int) -> Tensor:
    """The picture (1, 1 or 3, h, w) of ``view``. ``outputs``: those of its points, a batch of one each."""
    if view.view in ("difference", "between"):
        before, after = outputs
        return kind.difference(before, after, height)
    if view.view in EFFECTS:
        before, after = outputs
        return kind.signed_difference(before, after, height)
    if view.view == "before_after":
        before, after = outputs
        return kind.before_after(before, after, view.split, height)
    return kind.picture(outputs[0], height)
