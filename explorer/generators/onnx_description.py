"""What an ONNX graph does not say about itself: written by our export into its metadata, and by anybody into a file of
the same name beside it (``faces.json`` beside ``faces.onnx``), whose entries come first. All may be left out:

``latent``
    The input that is drawn for a seed; else ``z`` or ``x_T``, else the first of floating point.
``label``, ``classes``
    The input that takes the class (a number, or one number a class), and how many classes there are.
``inputs``
    Name → ``mean`` and ``deviation`` of its points (a number, or one a coordinate; 0 and 1), ``spread`` (d × m: the
    point is mean + spread · m standard normal numbers), ``shape`` without the batch, where the graph leaves it open.
``output``, ``shape``
    Which of several outputs is the picture, and (channels, height, width) where the graph leaves it open.
``range``
    ``[0, 1]``, ``[-1, 1]`` or ``[0, 255]``: between what black and white lie; else what pictures of it show.
``layout``
    ``NCHW`` or ``NHWC``; else the channels are the dimension of 1 or 3.
``licence``, ``origin``, ``notes``
    Texts for the card.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec

from explorer.checkpoint import MAX_JSON_BYTES
from explorer.errors import ModelError
from explorer.onnx_graphs.header import Header
from explorer.reading import read_file, whole

METADATA_KEY = "latent_explorer"
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
Layout = Literal["NCHW", "NHWC"]
MOST_PIXELS = 1 << 28


class InputDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one input; see the module."""

    mean: float | tuple[float, ...] = 0.0
    deviation: float | tuple[float, ...] = 1.0
    spread: tuple[tuple[float, ...], ...] = ()
    shape: tuple[int, ...] | None = None

    def problem(self, name: str, shape: tuple[int, ...]) -> str:
        """What does not fit an input of ``shape``, as the end of a sentence; empty when all does."""
        width = math.prod(shape)
        for what, value in (("mean", self.mean), ("deviation", self.deviation)):
            numbers = value if isinstance(value, tuple) else (value,)
            if isinstance(value, tuple) and len(value) != width:
                return f"'{what}' of '{name}' has {len(value)} numbers and the input {width}"
            if not all(math.isfinite(number) for number in numbers):
                return f"'{what}' of '{name}' is not finite"
        columns = {len(row) for row in self.spread}
        if self.spread and (len(self.spread) != width or len(columns) != 1 or 0 in columns):
            return f"'spread' of '{name}' must have {width} rows of as many numbers each"
        if not all(math.isfinite(number) for row in self.spread for number in row):
            return f"'spread' of '{name}' is not finite"
        return ""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a file; see the module."""

    latent: str = ""
    label: str = ""
    classes: int = 0
    inputs: dict[str, InputDescription] = {}
    output: str = ""
    shape: tuple[int, int, int] | None = None
    range: tuple[float, float] | None = None
    layout: Layout | Literal[""] = ""
    licence: str = ""
    origin: str = ""
    notes: str = ""

    def problem(self) -> str:
        """What is impossible about it, as the end of a sentence; empty when it is fine."""
        if self.range is not None and self.range not in RANGES:
            return "'range' is [0, 1], [-1, 1] or [0, 255]"
        if self.shape is not None and (min(self.shape) < 1 or math.prod(self.shape) > MOST_PIXELS):
            return "'shape' is no (channels, height, width) of a picture"
        if not 0 <= self.classes <= 1 << 20:
            return "'classes' is no number of classes"
        if any(one.shape is not None and min(one.shape, default=1) < 1 for one in self.inputs.values()):
            return "a 'shape' of 'inputs' has a side below 1"
        return ""


def description_file(path: Path) -> Path:
    """The file beside the graph ``path`` that describes it; it need not be there."""
    return path.with_suffix(".json")


def read_description(path: Path, header: Header) -> Description:
    """What the metadata of the graph in ``path`` and the file beside it say. Raises :class:`ModelError`."""
    found = _decoded(header.metadata.get(METADATA_KEY, "{}").encode(), path, "its own description")
    beside = description_file(path)
    if beside.is_file():
        try:
            if beside.stat().st_size > MAX_JSON_BYTES:
                raise ModelError(f"'{beside.name}' is larger than any description of a model; it was not read.")
            found |= _decoded(read_file(beside, whole), path, f"'{beside.name}'")
        except OSError as error:
            raise ModelError(f"'{beside.name}' cannot be read ({error.strerror}); check its permissions.") from error
    try:
        about = msgspec.convert(found, Description)
        problem = about.problem()
    except msgspec.ValidationError as error:
        problem = str(error)
    if problem:
        raise ModelError(f"What describes the generator '{path.name}' is not understood: {problem}.")
    return about


def _decoded(content: bytes, path: Path, what: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{what[:1].upper()}{what[1:]} does not describe '{path.name}': {error}.") from error
