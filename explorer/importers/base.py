"""What an importer is, and what it says of a file before the model is known."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ControlCard, ModelCard, SettingCard
from explorer.scene.imports import Holds
from explorer.scene.model import Scalar

LENGTH = "length"
"""The unit of a direction that is one unit of the space long."""

MOST_CONTROLS = 4096
"""Of one file."""
MOST_NUMBERS = 1 << 25
"""Of the directions of one file, each of which is 8 bytes while it is looked at."""
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)

VECTOR_SPACES = ("z", "w", "x_T", "h")


@dataclass(frozen=True)
class Drawn:
    """One control of a file, of which only the space is open: linear, along ``direction``, or what ``make`` makes of
    its finished card. Where only a model tells the direction, ``fitted`` fills it in.

    ``layers``: the layers of ``w_plus`` that the file limits it to, first and last included; ``layered``: whether what
    ``make`` makes can be limited so.
    """

    name: str
    direction: Tensor | None
    unit: str = LENGTH
    low: float = -3.0
    high: float = 3.0
    figure: str = ""
    details: tuple[str, ...] = ()
    layers: tuple[int, int] | None = None
    make: Callable[[ControlCard], Control] | None = None
    layered: bool = False

    @property
    def takes_layers(self) -> bool:
        """Whether it can be limited to some layers of ``w_plus``."""
        return self.direction is not None or self.layered

    def control(self, card: ControlCard) -> Control:
        """The control with ``card``."""
        if self.make is not None:
            return self.make(card)
        assert self.direction is not None  # one of the two is there
        return LinearControl(card, self.direction.float().contiguous())


@dataclass(frozen=True)
class Sketch:
    """What a file holds. ``shape``: of the points that its controls move, without the batch.

    ``space`` is the one that the file names (empty: it names none); ``firm``: its contents say so or the format allows
    no other, rather than its name. ``unknown``: what the file leaves open, a sentence each.
    """

    drawn: tuple[Drawn, ...]
    shape: tuple[int, ...]
    space: str = ""
    firm: bool = False
    unknown: tuple[str, ...] = ()
    note: str = ""
    settings: dict[str, Scalar] = field(default_factory=dict)


class Importer(ABC):
    """Base of the formats. A format is a subclass in a file of its own, whose instance is the module's ``IMPORTER``."""

    name: ClassVar[str]
    """The method that wrote the file, as the control set will name it."""

    title: ClassVar[str]
    spaces: ClassVar[tuple[str, ...]] = VECTOR_SPACES
    """The spaces in which the format is used."""
    general: ClassVar[bool] = False
    """Whether it is no format of one program, and asked only about a file that none of these claims."""
    holds: ClassVar[Holds] = "controls"

    @abstractmethod
    def claims(self, file: ForeignFile) -> bool:
        """Whether ``file`` is of this format, by its keys, shapes and name; no two programs' formats claim one file."""

    def questions(self, file: ForeignFile) -> tuple[SettingCard, ...]:
        """What the user is asked of a file that is claimed, besides space and layers; the answers come with the file
        (:attr:`ForeignFile.answers`). A choice whose default is none of its choices must be made."""
        return ()

    @abstractmethod
    def sketch(self, file: ForeignFile) -> Sketch:
        """What a file that is claimed holds. Raises :class:`ControlError` for what cannot be read, and why."""

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """``sketch`` after the model is known, ``space`` being the one asked for: the place to pad or to clip."""
        return sketch


def numbers(file: ForeignFile, key: str, value: Any, dimensions: tuple[int, ...]) -> Tensor:
    """The array or tensor ``value``, called ``key`` in the file, as float64. Raises :class:`ControlError` unless it is
    one of finite real numbers, not empty, with one of the numbers of ``dimensions``."""
    try:
        # NumPy's other types (float128 among them) become one that torch knows; texts and objects do not.
        raw = value if isinstance(value, Tensor) else np.asarray(value)
        check_numbers(file, raw.numel() if isinstance(raw, Tensor) else raw.size)
        tensor = (raw if isinstance(raw, Tensor) else torch.as_tensor(_plain(raw))).detach()
        tensor = tensor if tensor.is_complex() else tensor.double()
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ControlError(f"'{file.name}' holds no numbers as {key}; export it again.") from error
    if tensor.is_complex():
        raise ControlError(
            f"'{file.name}' holds complex numbers as {key}, and directions are real; export their real parts, if that "
            "is what is meant."
        )
    if tensor.ndim not in dimensions or tensor.numel() == 0:
        raise ControlError(
            f"'{file.name}' holds an array of shape {written(tuple(tensor.shape)) or '()'} as {key}, which is no list "
            "of directions; export it again."
        )
    if not bool(tensor.isfinite().all()):
        raise ControlError(f"'{file.name}' holds numbers that are not finite in {key}; export it again.")
    return tensor


def check_numbers(file: ForeignFile, count: int) -> None:
    """Raises :class:`ControlError` for more numbers than directions have."""
    if count > MOST_NUMBERS:
        raise ControlError(f"'{file.name}' holds {count} numbers, more than any directions; save those that matter.")


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Numbers as float64 or complex128. Raises :class:`TypeError` for what are none."""
    if array.dtype.kind not in "fiubc":
        raise TypeError(array.dtype)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def unit_rows(rows: Tensor) -> Tensor:
    """The rows of (k, *shape), each scaled to length 1; rows of length 0 stay."""
    lengths = rows.flatten(1).norm(dim=1).reshape(-1, *([1] * (rows.ndim - 1)))
    return torch.where(lengths > 0, rows / lengths.clamp_min(torch.finfo(rows.dtype).tiny), rows)


def living(file: ForeignFile, drawn: Sequence[Drawn]) -> Sketch:
    """The sketch of the linear controls ``drawn``, all of one shape, without those of length 0, which move nothing.

    Raises :class:`ControlError` when all are.
    """
    kept = tuple(one for one in drawn if one.direction is not None and float(one.direction.norm()) > 0)
    if not kept or kept[0].direction is None:
        raise ControlError(f"All directions in '{file.name}' have length 0; they move nothing.")
    lost = len(drawn) - len(kept)
    note = f"Directions of length 0, which move nothing, were left out: {lost}." if lost else ""
    return Sketch(kept, tuple(kept[0].direction.shape), note=note)


def named(file: ForeignFile, count: int, otherwise: str) -> list[str]:
    """The names of ``count`` directions: those that people gave them beside the file, else ``otherwise`` and the number
    from 0, as the program that wrote it counts."""
    check_count(file, count)
    given = annotation(file)
    return [given.get(index) or f"{otherwise} {index}" for index in range(count)]


def check_count(file: ForeignFile, count: int) -> None:
    """Raises :class:`ControlError` for more directions than anybody looks through."""
    if count > MOST_CONTROLS:
        raise ControlError(
            f"'{file.name}' holds {count} directions, and at most {MOST_CONTROLS} are read; save those that matter."
        )


def annotation(file: ForeignFile) -> dict[int, str]:
    """Number of the direction → name, from the ``human_annotation.txt`` of Voynov and Babenko beside the file
    (lines ``number: name``), or one that belongs to this file alone (``<file>_human_annotation.txt``)."""
    text = file.text_beside(f"{file.path.stem}_human_annotation.txt") or file.text_beside("human_annotation.txt")
    names: dict[int, str] = {}
    for line in text.splitlines():
        number, mark, name = (part.strip() for part in line.partition(":"))
        if mark and name and _NUMBER.fullmatch(number):
            names[int(number)] = name
    return names


def written(shape: tuple[int, ...]) -> str:
    """A shape as the user reads it."""
    return " × ".join(map(str, shape))


def unused(name: str, names: Mapping[str, object]) -> str:
    """``name``, with a number behind it where it is one of ``names``: people give one name to several directions."""
    if name not in names:
        return name
    # Found by halves: a file may give one name to all that it holds.
    low, high = 1, 2
    while f"{name} ({high})" in names:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if f"{name} ({middle})" in names else (low, middle)
    return f"{name} ({high})"


def with_notes(sketch: Sketch, *sentences: str, **changes: Any) -> Sketch:
    """``sketch`` with more sentences in its note, and ``changes`` to its fields."""
    return replace(sketch, note=" ".join(filter(None, (sketch.note, *sentences))), **changes)
