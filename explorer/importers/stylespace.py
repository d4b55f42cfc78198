"""StyleSpace (Wu et al., CVPR 2021): channels of the styles, as lines ``layer, channel[, amount[, name]]``."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from typing import NamedTuple

import torch

from explorer.errors import ControlError
from explorer.generators import registry as generators
from explorer.generators.stylegan2 import style_widths
from explorer.importers.base import LENGTH, Drawn, Importer, Sketch
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ModelCard

RANGE = 20.0
"""Deviations to both sides, as in the authors' figures."""

_PAIR = re.compile(r"\s*(\d+)\s*[_,;\s]\s*(\d+)\s*(?:[,;\s]\s*(.*?))?\s*")


class _Channel(NamedTuple):
    """``amount``: what one unit adds to the style, the channel's deviation; None when the line has none."""

    layer: int
    channel: int
    amount: float | None
    name: str


class StyleSpace(Importer):
    """One control a line. ``layer`` counts all styles, those of the layers to colours too, in the order in which the
    synthesis network uses them; ``6_501`` is layer 6, channel 501, as the authors' tables write it. ``amount`` is the
    channel's deviation σ (times the α that was wanted); without one a unit is 1.

    Published as pairs in the text of the paper and in tables that its program prints; there is no file of its own.
    """

    name = "stylespace"
    title = "StyleSpace"
    spaces = ("style",)

    def claims(self, file: ForeignFile) -> bool:
        if file.kind != "text":
            return False
        return any(_channel(line) for line in _lines(file)[:2])  # the first line may name the columns

    def sketch(self, file: ForeignFile) -> Sketch:
        channels = _channels(file)
        drawn = tuple(
            Drawn(
                one.name or f"layer {one.layer} · channel {one.channel}",
                None,
                LENGTH if one.amount is None else "σ",
                -RANGE,
                RANGE,
                details=(f"layer {one.layer}, channel {one.channel}",),
            )
            for one in channels
        )
        without = any(one.amount is None for one in channels)
        unknown = ("It holds no deviations of the channels; one unit is 1.",) if without else ()
        return Sketch(drawn, (), space="style", firm=True, unknown=unknown)

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """With the channels' places among all styles of ``model``."""
        if model.family != "stylegan2" or "style" not in model.spaces:
            raise ControlError(
                f"'{file.name}' holds channels of styles, but '{model.name}' has {', '.join(model.spaces)} and is no "
                "StyleGAN2; open the model on which they were found."
            )
        widths = style_widths(generators.resolve(model.path))
        drawn = []
        for one, found in zip(sketch.drawn, _channels(file), strict=True):
            if found.layer >= len(widths) or found.channel >= widths[found.layer]:
                has = f"layers 0 to {len(widths) - 1} of styles"
                if found.layer < len(widths):
                    has = f"{widths[found.layer]} channels there"
                raise ControlError(
                    f"'{file.name}' names channel {found.channel} of layer {found.layer}, but '{model.name}' has {has}"
                    "; open the model on which it was found."
                )
            direction = torch.zeros(sum(widths), dtype=torch.float64)
            direction[sum(widths[: found.layer]) + found.channel] = 1.0 if found.amount is None else found.amount
            drawn.append(replace(one, direction=direction))
        return replace(sketch, drawn=tuple(drawn), shape=(sum(widths),))


def _channels(file: ForeignFile) -> list[_Channel]:
    """What the lines say. Raises :class:`ControlError` for one that says something else."""
    found = []
    for number, line in enumerate(_lines(file)):
        one = _channel(line)
        if one is not None and one.amount is not None and (not math.isfinite(one.amount) or one.amount == 0):
            raise ControlError(f"'{file.name}' has the line '{line[:40]}', whose amount moves nothing.")
        if one is not None:
            found.append(one)
        elif number:  # the first may name the columns
            raise ControlError(
                f"'{file.name}' has the line '{line[:40]}', which is not of the form layer, channel, amount, name."
            )
    return found


def _lines(file: ForeignFile) -> list[str]:
    lines = (line.strip() for line in file.content.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _channel(line: str) -> _Channel | None:
    """What a line says, or None when it is none of a channel."""
    match = _PAIR.fullmatch(line.replace("(", " ").replace(")", " "))
    if match is None:
        return None
    rest = next(csv.reader([match[3]])) if match[3] else []
    try:
        amount = float(rest[0]) if rest and rest[0].strip() else None
    except ValueError:
        return None
    return _Channel(int(match[1]), int(match[2]), amount, rest[1].strip() if len(rest) > 1 else "")


IMPORTER = StyleSpace()
