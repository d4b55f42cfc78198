"""Householder Projector (Song et al., ICCV 2023): the directions of every layer, a dictionary of ``torch.save``."""

from __future__ import annotations

import re
from dataclasses import replace

from torch import Tensor

from explorer.errors import ControlError
from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, numbers
from explorer.importers.files import ForeignFile

RANK = 10
"""Directions a layer has: the ones on the diagonal of the authors' S."""
RANGE = 20.0
# The modulated layers of rosinality's StyleGAN2, on which theirs is built, and which copy of w each reads.
_LAYER = re.compile(
    r"(?:.*\.)?(?:(?P<first>conv1)|(?P<colours>to_rgb1)|convs\.(?P<conv>\d{1,6})|to_rgbs\.(?P<rgb>\d{1,6}))\..+",
    re.DOTALL,
)


class Householder(Importer):
    """``{name of a modulation: (d, d)}``: direction j of a layer is column j, moved on that layer alone."""

    name = "householder"
    title = "Householder Projector"
    spaces = ("w_plus",)

    def claims(self, file: ForeignFile) -> bool:
        state = file.state()
        return (
            bool(state)
            and len(state) == len(file.content)
            and all(_LAYER.fullmatch(key) and key.endswith((".weight", ".U", ".V")) for key in state)
            and all(isinstance(value, Tensor) and value.ndim == 2 for value in state.values())
            and len({value.shape[0] for value in state.values()}) == 1
        )

    def sketch(self, file: ForeignFile) -> Sketch:
        drawn = []
        width = 0
        for key, value in file.tensors().items():
            columns = numbers(file, key, value, (2,)).T[:RANK]
            width = columns.shape[1]
            layer = _layer(key)
            for index, column in enumerate(columns):
                if float(column.norm()) == 0:
                    raise ControlError(f"'{file.name}' is damaged: direction {index} of '{key}' has length 0.")
                name = f"layer {layer} · {index}" if "rgb" not in key else f"layer {layer} to colours · {index}"
                drawn.append(Drawn(name, column, LENGTH, -RANGE, RANGE, details=(key,), layers=(layer, layer)))
        return replace(
            Sketch(tuple(drawn), (width,)),
            space="w_plus",
            firm=True,
            note="The method changes the generator, so these directions mean something on that generator alone.",
        )


def _layer(key: str) -> int:
    match = _LAYER.fullmatch(key)
    assert match is not None  # claimed
    if match["conv"]:
        return int(match["conv"]) + 1
    if match["rgb"]:
        return 2 * int(match["rgb"]) + 3
    return 0 if match["first"] else 1


IMPORTER = Householder()
