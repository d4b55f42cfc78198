"""StyleSpace (Wu et al., CVPR 2021): channels of the styles, as lines ``layer, channel[, amount[, name]]``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import torch

from explorer.errors import ControlError
from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, check_count
from explorer.importers.delimited import SEPARATORS, cells, decimal_marks, is_number, number
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ModelCard
from explorer.scene.number_text import NumberError

RANGE = 20.0
"""Deviations to both sides, as in the authors' figures."""

# Nothing in these is matched in two ways, or a line of blanks would take the square of its length.
_BETWEEN = r"(?:\s*+[_,;]\s*+|\s++)"
_BEGINNING = re.compile(rf"\s*+\d++{_BETWEEN}\d++(?:\s*[,;\s].*)?", re.ASCII)
_IN_BRACKETS = re.compile(rf"\(\s*+(\d++){_BETWEEN}(\d++)\s*+\)", re.ASCII)
_PAIR = re.compile(r"(\d+)_(\d+)", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_MOST = 4
"""Cells of a line: layer, channel, amount, name."""


class _Channel(NamedTuple):
    """``amount``: what one unit adds to the style, the channel's deviation; None when the line has none. ``written``:
    how the line writes it."""

    layer: int
    channel: int
    amount: float | None
    name: str
    written: str


class StyleSpace(Importer):
    """One control a line. ``layer`` counts all styles, those of the layers to colours too, in the order in which the
    synthesis network uses them; ``6_501`` is layer 6, channel 501, as the authors' tables write it. ``amount`` is the
    channel's deviation σ (times the α that was wanted); without one a unit is 1. Lines are separated alike: by tabs,
    semicolons, commas or blanks; amounts may have a decimal comma where commas do not separate.

    Published as pairs in the text of the paper and in tables that its program prints; there is no file of its own.
    """

    name = "stylespace"
    title = "StyleSpace"
    spaces = ("style",)

    def claims(self, file: ForeignFile) -> bool:
        if file.kind != "text":
            return False
        return any(
            _BEGINNING.fullmatch(line) for line in islice(_lines(file), 2)
        )  # the first line may name the columns

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
        widths = model.spaces["style"].widths if "style" in model.spaces else ()
        if not widths:
            raise ControlError(
                f"'{file.name}' holds channels of styles, but '{model.name}' has {', '.join(model.spaces)} and is no "
                "StyleGAN2; open the model on which they were found."
            )
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
    check_count(file, file.content.count("\n"))
    lines = list(_lines(file))
    separator, channels = _read(lines)
    _check_columns(file, lines[0], separator)
    for place, (line, channel) in enumerate(zip(lines, channels, strict=True)):
        if channel is None and (place or _BEGINNING.fullmatch(line)):  # the first may name the columns
            raise ControlError(
                f"'{file.name}' has the line '{line[:40]}', which is not of the form layer, channel, amount, name, "
                f"separated by {_SEPARATED[separator]}."
            )
        if channel is not None and channel.amount is not None and not channel.amount:
            raise ControlError(f"'{file.name}' has the line '{line[:40]}', whose amount moves nothing.")
    named = [channel for channel in channels if channel is not None]
    if len(decimal_marks([channel.written for channel in named])) > 1:
        raise ControlError(
            f"'{file.name}' writes some amounts with a decimal point and some with a decimal comma; write all with a "
            "point."
        )
    return named


def _check_columns(file: ForeignFile, line: str, separator: str) -> None:
    """Raises :class:`ControlError` when the first line names the columns, and in another order."""
    names = [cell.lower() for cell in cells(line, separator, _MOST)]
    if any(name in names and names.index(name) != place for place, name in enumerate(("layer", "channel"))):
        raise ControlError(
            f"'{file.name}' names its columns '{line[:40]}'; put them in the order layer, channel, amount, name."
        )


_SEPARATED = {
    "\t": "tabs",
    ";": "semicolons",
    ",": "commas (amounts with a decimal point, names with a comma in quotes)",
    " ": "blanks",
}


def _read(lines: Sequence[str]) -> tuple[str, list[_Channel | None]]:
    """The separator with which most lines are channels, and what they say with it."""
    readings = {separator: [_channel(line, separator) for line in lines] for separator in SEPARATORS}
    text = "\n".join(lines)
    best = max(
        SEPARATORS,
        key=lambda separator: (sum(channel is not None for channel in readings[separator]), separator in text),
    )
    return best, readings[best]


def _lines(file: ForeignFile) -> Iterator[str]:
    lines = (_IN_BRACKETS.sub(r"\1_\2", line.strip()) for line in file.content.splitlines())
    return (line for line in lines if line and not line.startswith("#"))


def _channel(line: str, separator: str) -> _Channel | None:
    """What a line says, or None when it is none of a channel."""
    row = cells(line, separator, _MOST)
    if row and (pair := _PAIR.fullmatch(row[0])):
        row = [pair[1], pair[2], *cells(line, separator, _MOST - 1)[1:]]
    if not 2 <= len(row) <= _MOST or not (_WHOLE.fullmatch(row[0]) and _WHOLE.fullmatch(row[1])):
        return None
    amount, name = (*row[2:], "", "")[:2]
    if is_number(name):
        return None  # an amount with a decimal comma, cut in two, or columns of something else
    try:
        return _Channel(int(row[0]), int(row[1]), number(amount, separator) if amount else None, name, amount)
    except NumberError:
        return None


IMPORTER = StyleSpace()
