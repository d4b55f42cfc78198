"""A classifier of the user's own, as an ONNX graph: read by onnxruntime on the CPU, which runs no code of the file's.

What a graph does not say about itself is written in a file of the same name beside it (``smile.json`` beside
``smile.onnx``), every entry of which may be left out:

``names``
    What the outputs are called; else the file's name, numbered where there are several.
``range``
    ``[0, 1]`` (the default) or ``[-1, 1]``: between what the network takes black and white to lie.
``mean``, ``std``
    Numbers, one a channel or one for all, that are taken from pictures in ``range`` and that these are divided by.
``kind``
    What the outputs are: ``number`` (the default: read as they come), ``logit`` (read as the share 1 / (1 + exp -x)) or
    ``share`` (probabilities).
``output``
    Which of several outputs to read; else the first of floating point.
``layout``
    ``NCHW`` or ``NHWC``, for a graph whose shape does not tell: the channels are the dimension of 1 or 3.
``size``
    ``[height, width]`` to which pictures are resized, for a graph that takes any; else they keep their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.attributes.base import Attribute, Values
from explorer.attributes.pictures import checked, grey, resized
from explorer.errors import ExplorerError, plain_text
from explorer.files import expanded
from explorer.generators.base import Generator
from explorer.onnx_graphs.header import written
from explorer.onnx_graphs.session import external_files, first_line, open_session, read_header
from explorer.reading import fingerprint_of, foreign, read_file, reading, whole
from explorer.scene.cards import ModelCard

BATCH = 64
LONGEST_NAME = 100
"""Characters of a name of an attribute."""
MOST_NUMBERS = 1 << 26
"""Of all pictures of a batch, with which a graph is tried."""
_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_Layout = Literal["NCHW", "NHWC"]
_CPU = torch.device("cpu")


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file beside a graph; see the module."""

    names: tuple[str, ...] = ()
    range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    kind: Literal["number", "logit", "share"] = "number"
    output: str = ""
    layout: _Layout | Literal[""] = ""
    size: tuple[int, int] | None = None

    def problem(self) -> str:
        """What is impossible about it, as the end of a sentence; empty when it is fine."""
        if self.range not in ((0.0, 1.0), (-1.0, 1.0)):
            return "'range' is [0, 1] or [-1, 1]"
        if len(self.mean) not in (1, 3) or len(self.std) not in (1, 3) or not all(one > 0 for one in self.std):
            return "'mean' and 'std' have one number, or one a channel, and those of 'std' are positive"
        if len(set(self.names)) != len(self.names) or not all(self.names):
            return "'names' has a name twice, or an empty one"
        if any(plain_text(name, LONGEST_NAME) != name for name in self.names):
            return f"'names' has a name of more than {LONGEST_NAME} letters, or of signs that cannot be shown"
        if self.size is not None and not all(1 <= side <= 4096 for side in self.size):
            return "'size' lies outside 1 to 4096 pixels"
        return ""


@dataclass(frozen=True)
class OnnxReader:
    """Reads with the network in ``path``. ``channels`` 0: it takes as many as the pictures have; ``size`` None: as
    large as they are; ``batch`` 0: any number at once. ``digest``: of the graph, the file beside it, and the files in
    which weights lie."""

    name: str
    path: Path
    session: Any
    about: Description
    attributes: tuple[Attribute, ...]
    layout: _Layout
    channels: int
    size: tuple[int, int] | None
    batch: int
    output: str
    digest: str

    def read(self, pictures: Tensor) -> Values:
        """(B, A); see :meth:`explorer.attributes.base.AttributeReader.read`. Numbers that are not finite become NaN."""
        rows = [np.empty((0, len(self.attributes)))]
        for part in torch.split(self._prepared(pictures), self.batch or BATCH):
            count = len(part)
            if not count:
                break
            if self.batch > count:  # the graph takes this many and no fewer
                part = torch.cat([part, part[-1:].expand(self.batch - count, *part.shape[1:])])
            found = run(self.session, self.path, self.output, part.numpy())
            if found.shape[1] != len(self.attributes):
                raise ExplorerError(
                    f"'{self.path.name}' gives {found.shape[1]} numbers a picture where {len(self.attributes)} belong."
                )
            rows.append(found[:count])
        values = np.concatenate(rows)
        values = np.where(np.isfinite(values), values, np.nan)
        return 0.5 * (1.0 + np.tanh(values / 2.0)) if self.about.kind == "logit" else values

    def _prepared(self, pictures: Tensor) -> Tensor:
        """Float32 pictures on the CPU, in the channels, size, range and layout of the graph."""
        pictures = checked(pictures).cpu()
        if self.channels == 1:
            pictures = grey(pictures)
        elif self.channels == 3:
            pictures = pictures.expand(-1, 3, -1, -1)
        if self.size is not None:
            pictures = resized(pictures, *self.size)
        low, high = self.about.range
        mean, std = (pictures.new_tensor(one)[:, None, None] for one in (self.about.mean, self.about.std))
        scaled = (low + (high - low) * (pictures + 1) / 2 - mean) / std
        return scaled if self.layout == "NCHW" else scaled.permute(0, 2, 3, 1)


class OnnxSource:
    """Claims paths that end with ``.onnx``."""

    name: ClassVar[str] = "onnx"
    noun: ClassVar[str] = "classifier"
    title: ClassVar[str] = "a classifier (.onnx)"

    def claims(self, text: str) -> bool:
        return Path(text).suffix.lower() == ".onnx"

    def files(self, text: str) -> tuple[Path, ...]:
        return _files(expanded(text))

    def open(self, text: str, model: ModelCard | None, generator: Generator | None = None) -> OnnxReader:
        """The reader of the graph at ``text``. Raises :class:`ExplorerError` where it cannot be loaded, or takes or
        gives something else than pictures and numbers.
        """
        path = expanded(text)
        with foreign(path, "a classifier of pictures", ExplorerError):
            return self._opened(path)

    def _opened(self, path: Path) -> OnnxReader:
        with reading():  # the digest is of the very bytes that are run
            about = _description(path)
            if not path.is_file():
                raise ExplorerError(f"'{path}' is not there; choose a file that is.")
            session = open_session(path, read_header(path), _CPU, lambda tried: _blank(path, tried, about))
            digest = fingerprint_of([one for one in _files(path) if one.is_file()])
        layout, shape = _input(path, session, about)
        channels, *size = (shape[1], *shape[2:]) if layout == "NCHW" else (shape[3], *shape[1:3])
        if channels not in (0, 1, 3):
            raise ExplorerError(f"'{path.name}' takes pictures of {channels} channels; pictures here have 1 or 3.")
        if channels == 1 and max(len(about.mean), len(about.std)) > 1:
            raise ExplorerError(f"'{path.stem}.json' gives 3 means or deviations; '{path.name}' takes 1 channel.")
        output, width = _output(path, session, about)
        if about.names and width and len(about.names) != width:
            raise ExplorerError(
                f"'{path.stem}.json' names {len(about.names)} attributes, and '{path.name}' gives {width} numbers a "
                "picture; name each of them."
            )
        width = width or len(about.names) or _width(path, session, output, about)
        called = plain_text(path.stem, LONGEST_NAME)
        numbered = tuple(called if width == 1 else f"{called} {one + 1}" for one in range(width))
        kind: Literal["number", "share"] = "number" if about.kind == "number" else "share"
        return OnnxReader(
            name=called,
            path=path,
            session=session,
            about=about,
            attributes=tuple(Attribute(name, kind) for name in about.names or numbered),
            layout=layout,
            channels=channels,
            size=(size[0], size[1]) if all(size) else about.size,
            batch=shape[0],
            output=output,
            digest=digest,
        )


def _input(path: Path, session: Any, about: Description) -> tuple[_Layout, list[int]]:
    """Where the channels of pictures are, and their shape, 0 for what is open. Raises :class:`ExplorerError` where the
    graph takes something else than pictures."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs)
        raise ExplorerError(f"'{path.name}' has {len(inputs)} inputs ({names}); a classifier of pictures has one.")
    if inputs[0].type not in _FLOATS or len(inputs[0].shape) != 4:
        raise ExplorerError(
            f"'{path.name}' takes {inputs[0].type} of shape {_sides(inputs[0].shape)}; it must take a batch of "
            "pictures in floating point, (count, channels, height, width) or (count, height, width, channels)."
        )
    shape = [one if isinstance(one, int) and one > 0 else 0 for one in inputs[0].shape]
    return about.layout or _layout(path, shape), shape


def _blank(path: Path, session: Any, about: Description) -> dict[str, Any]:
    """A black picture, of 64 pixels where the graph leaves its size open."""
    layout, shape = _input(path, session, about)
    channels = (1,) if layout == "NCHW" else (3,)
    sides = [size or (3 if axis in channels else 64 if axis else 1) for axis, size in enumerate(shape)]
    (given,) = session.get_inputs()
    if math.prod(sides) > MOST_NUMBERS:
        raise ExplorerError(f"'{path.name}' takes pictures of shape {_sides(shape)}, which are larger than any here.")
    return {given.name: np.zeros(sides, _FLOATS[given.type])}


def _files(path: Path) -> tuple[Path, ...]:
    """The graph, the file beside it, and those that its weights lie in."""
    return path, path.with_suffix(".json"), *external_files(path)


def _description(path: Path) -> Description:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return Description()
    try:
        about = msgspec.json.decode(read_file(beside, whole), type=Description)
        problem = about.problem()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    if problem:
        raise ExplorerError(f"'{beside.name}' does not describe the classifier '{path.name}': {problem}.")
    return about


def _layout(path: Path, shape: list[int]) -> _Layout:
    """By where the channels are; NCHW where both ends could be."""
    if shape[1] in (1, 3):
        return "NCHW"
    if shape[3] in (1, 3):
        return "NHWC"
    if shape[1] and shape[3]:
        raise ExplorerError(
            f"'{path.name}' takes pictures of shape {_sides(shape)}, in which no dimension is 1 or 3 channels; "
            "pictures here have 1 or 3."
        )
    raise ExplorerError(
        f"The shape {_sides(shape)} that '{path.name}' takes does not tell where the channels are; write "
        f'{{"layout": "NCHW"}} or {{"layout": "NHWC"}} into \'{path.stem}.json\' beside it.'
    )


def _output(path: Path, session: Any, about: Description) -> tuple[str, int]:
    """The output's name, and how many numbers a picture it gives (0: the graph does not say)."""
    outputs = {one.name: one for one in session.get_outputs()}
    if about.output and about.output not in outputs:
        raise ExplorerError(f"'{path.name}' has no output '{about.output}'; it has {', '.join(outputs)}.")
    wanted = [outputs[about.output]] if about.output else list(outputs.values())
    floats = [one for one in wanted if one.type in _FLOATS]
    if not floats:
        types = ", ".join(f"{one.name}: {one.type}" for one in wanted)
        raise ExplorerError(f"'{path.name}' gives no numbers in floating point ({types}); export its scores.")
    shape = floats[0].shape
    # (count), (count, A), or (count, A, 1, 1) from a network without a last flattening.
    if not 1 <= len(shape) <= 4 or any(one != 1 for one in shape[2:]):
        raise ExplorerError(
            f"'{path.name}' gives an output '{floats[0].name}' of shape {_sides(shape)}; it must give one row of "
            "numbers a picture."
        )
    if len(shape) == 1:
        return floats[0].name, 1
    return floats[0].name, shape[1] if isinstance(shape[1], int) and shape[1] > 0 else 0


def run(session: Any, path: Path, output: str, pictures: NDArray[np.float32]) -> Values:
    """(B, A) the output of the graph for pictures in its own form. Raises :class:`ExplorerError` where it fails."""
    given = session.get_inputs()[0]
    try:
        (raw,) = session.run([output], {given.name: np.ascontiguousarray(pictures.astype(_FLOATS[given.type]))})
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise ExplorerError(
            f"'{path.name}' cannot read pictures of shape {_sides([*pictures.shape])} ({first_line(error)}); say in "
            f"'{path.stem}.json' which 'layout' and 'size' it takes."
        ) from error
    found = np.asarray(raw, np.float64)
    if found.shape[:1] != pictures.shape[:1]:
        raise ExplorerError(
            f"'{path.name}' gave an output of shape {_sides([*found.shape])} for {len(pictures)} pictures; it must "
            "give one row of numbers a picture."
        )
    return found.reshape(len(found), -1)


def _width(path: Path, session: Any, output: str, about: Description) -> int:
    """How many numbers a picture the graph gives, where only running it tells."""
    (pictures,) = _blank(path, session, about).values()
    return int(run(session, path, output, pictures).shape[1])


def _sides(shape: list[Any]) -> str:
    """As :func:`explorer.onnx_graphs.header.written`, of what onnxruntime says: open dimensions have names there."""
    return written(tuple(side if isinstance(side, int) and side > 0 else 0 for side in shape))


SOURCE = OnnxSource()
