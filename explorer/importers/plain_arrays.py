"""Directions as plain arrays, alone or by name, in any container: what people save themselves, and what LowRankGAN
(Zhu et al., NeurIPS 2021) and steerability (Jahanian et al., ICLR 2020) write."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from explorer.errors import ControlError
from explorer.importers.base import (
    LENGTH,
    VECTOR_SPACES,
    Drawn,
    Importer,
    Sketch,
    annotation,
    check_count,
    check_numbers,
    living,
    numbers,
    unit_rows,
    unused,
    with_notes,
    written,
)
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ModelCard

RANGE = 4.0
"""Lengths to both sides, as in LowRankGAN's figures."""
TOLERANCE = 1e-3
"""By how much lengths and scalar products may differ from 1 and 0: half precision keeps three digits."""
SAME = 1e-6
"""By how much the cosine of two directions that are one may differ from ±1."""
LAYERED = "w_plus"
MOST_LAYERS = 64
MOST_COMPARED = 2000
"""Rows of which each is compared with each."""
"""Rows of one direction in it."""

# How programs name points of a latent space, and means of them, which have the shape of a direction.
_POINTS = re.compile(
    r"(?:.*_)?(?:latents?|(?:latent_)?codes?|mean|avg)|(?:projected_)?(?:z|w|wp|w_plus)", re.IGNORECASE
)
_PARAMETER = re.compile(r".*\..*|(?:.*_)?(?:weight|bias)", re.DOTALL)
_UNNAMED = re.compile(r"arr_(\d+)")  # how NumPy names arrays that were given no name


class PlainArrays(Importer):
    """(d,) or (1, d) is one direction; (k, d) is k; (L, d) or (1, L, d) one offset for each layer of w_plus;
    ``{name: any of these}`` as many as it has. Amounts are in lengths where directions have length 1, else an amount
    of 1 adds the numbers as they stand.

    (L, d) and k = L directions have one shape. Rows at right angles are directions, for no offsets are; rows that are
    all one direction, or neither of length 1 nor at right angles, are offsets; between the two the space must be given.
    """

    name = "array"
    title = "Array of directions"
    spaces = (*VECTOR_SPACES, "style")
    general = True

    def claims(self, file: ForeignFile) -> bool:
        if file.kind in ("npz", "torch", "pickle") and isinstance(file.content, dict):
            return bool(file.content) and all(
                isinstance(key, str | int) and not _PARAMETER.fullmatch(str(key)) and _is_array(value)
                for key, value in file.content.items()
            )
        return file.kind in ("npy", "torch") and _is_array(file.content)

    def sketch(self, file: ForeignFile) -> Sketch:
        arrays = _arrays(file)
        name, array = next(iter(arrays.items()))
        shape = _likely(array, _beside(file, name))
        return _sketch(file, _all_of(file, arrays, shape))

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """Read in the shape of a space: of the one that was asked for, or of those that the arrays can be in."""
        arrays = _arrays(file)
        if space:
            shape = model.spaces[space].shape
            rows = _in(arrays, shape) or (_in(arrays, shape[1:]) if model.spaces[space].layers else None)
            return sketch if rows is None else _placed(file, model, space, rows)
        _check_no_points(file, arrays)
        fitting = {
            name: rows
            for name in (*self.spaces, LAYERED)
            if name in model.spaces and (rows := _in(arrays, model.spaces[name].shape)) is not None
        }
        layered = fitting.pop(LAYERED, None)
        if not fitting:
            if layered is None and len(sketch.shape) == 2:
                raise _no_layers(file, model, sketch.shape, "")
            return sketch if layered is None else _placed(file, model, LAYERED, layered)
        rows = next(iter(fitting.values()))
        if layered is not None and not all(map(_orthogonal, rows.values())):
            one_point = all(array.ndim > 2 and len(array) == 1 for array in arrays.values())  # a batch of one
            one_direction = any(_parallel(each, _beside(file, name)) for name, each in rows.items())
            if one_point or one_direction or not all(map(_of_length_one, rows.values())):
                return _placed(file, model, LAYERED, layered)
            raise _open(file, rows, (*fitting, LAYERED))
        if not all(_parallel(each, {}) or _orthogonal(each) or _of_length_one(each) for each in rows.values()):
            raise _no_layers(file, model, next(iter(arrays.values())).shape, next(iter(fitting)))
        return _sketch(file, rows)


def _is_array(value: object) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiubc")


def _arrays(file: ForeignFile) -> dict[str, Tensor]:
    """Name → array, float64; the name is empty where the file gives none."""
    content = file.content if isinstance(file.content, dict) else {"": file.content}
    by_name: dict[str, Tensor] = {}
    count = rows = 0
    check_count(file, len(content))
    for key, value in content.items():
        name = " ".join("".join(letter if letter.isprintable() else " " for letter in str(key)).split())
        if unnamed := _UNNAMED.fullmatch(name):
            name = "" if len(content) == 1 else f"{file.path.stem} {unnamed[1]}"
        name = unused(name, by_name)  # names may differ in what cannot be printed
        by_name[name] = array = numbers(file, f"'{name}'" if name else "its array", value, (1, 2, 3, 4, 5))
        count += array.numel()
        rows += math.prod(array.shape[:-1])
        check_numbers(file, count)
        check_count(file, rows // MOST_LAYERS)
    return by_name


def _rows(array: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """``array`` as (k, *shape), or None when it is no list of such points."""
    before = array.ndim - len(shape)
    if before < 0 or tuple(array.shape[before:]) != shape or sum(size > 1 for size in array.shape[:before]) > 1:
        return None
    return array.reshape(-1, *shape)


def _in(arrays: Mapping[str, Tensor], shape: tuple[int, ...]) -> dict[str, Tensor] | None:
    """All of ``arrays`` as (k, *shape), or None when one is none."""
    rows = {name: _rows(array, shape) for name, array in arrays.items()}
    fitting = {name: each for name, each in rows.items() if each is not None}
    return fitting if len(fitting) == len(rows) else None


def _all_of(file: ForeignFile, arrays: Mapping[str, Tensor], shape: tuple[int, ...]) -> dict[str, Tensor]:
    rows = _in(arrays, shape)
    if rows is None:
        shapes = ", ".join(f"{written(tuple(array.shape))} as '{name}'" for name, array in list(arrays.items())[:3])
        raise ControlError(
            f"'{file.name}' holds arrays that are not directions of one space: {shapes}; put those of each space into "
            "a file of their own."
        )
    return rows


def _likely(array: Tensor, names: Mapping[int, str]) -> tuple[int, ...]:
    """The shape of the points that ``array`` moves, as far as it can be told without a model; ``names``: of its rows,
    where people wrote them beside the file."""
    shape = tuple(array.shape)
    if len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
        while len(shape) > 1 and shape[0] == 1:
            shape = shape[1:]
        return shape
    listed = len(shape) > 1 and not _parallel(array, names) and (_orthogonal(array) or _of_length_one(array))
    return shape[1:] if listed else shape


def _of_length_one(rows: Tensor) -> bool:
    """Whether every row of (k, *shape) is 1 long."""
    return bool(((rows.flatten(1).norm(dim=1) - 1).abs() <= TOLERANCE).all())


def _cosines(some: Tensor, rows: Tensor) -> Tensor:
    """(j, k): of the angles between the rows ``some`` and the rows; 0 for rows of length 0."""
    return unit_rows(some).flatten(1) @ unit_rows(rows).flatten(1).T


def _orthogonal(rows: Tensor) -> bool:
    """Whether the rows, one or several, are at right angles to each other."""
    if len(rows) > rows[0].numel() or not _at_right_angles(_cosines(rows[:1], rows)[:, 1:]):
        return False
    off = _cosines(rows, rows)
    return _at_right_angles(off - off.diagonal().diag())


def _at_right_angles(cosines: Tensor) -> bool:
    return bool((cosines.abs() <= TOLERANCE).all())


def _parallel(rows: Tensor, names: Mapping[int, str]) -> bool:
    """Whether all of several rows are one direction, to one side or the other, and people do not call them apart."""
    if len(rows) == 1 or all(index in names for index in range(len(rows))):
        return False
    least = float(_cosines(rows[:1], rows).abs().min())
    if least < 1 - SAME or least >= 1 - SAME / 4:  # within half the angle of the first: within all of it of each other
        return least >= 1 - SAME
    # All with all, which takes the square of their number: only of as many as anybody writes.
    return len(rows) <= MOST_COMPARED and bool((_cosines(rows, rows).abs() >= 1 - SAME).all())


def _placed(file: ForeignFile, model: ModelCard, space: str, rows: Mapping[str, Tensor]) -> Sketch:
    """The sketch of ``rows`` where the space is known."""
    sketch = replace(_sketch(file, rows), space=space, firm=True)
    if space == LAYERED and sketch.shape == model.spaces[LAYERED].shape:
        return with_notes(sketch, f"Read as one offset for each of the {sketch.shape[0]} layers of {LAYERED}.")
    return sketch


def _sketch(file: ForeignFile, rows: Mapping[str, Tensor]) -> Sketch:
    """Every row a control, or one of rows that are all one direction."""
    drawn: list[Drawn] = []
    notes = []
    for name, each in rows.items():
        beside = _beside(file, name)
        base = name or file.path.stem
        repeated = _parallel(each, beside)
        if repeated:
            notes.append(f"The {len(each)} rows of '{base}' are all one direction, and became one control.")
        for index, row in enumerate(each[:1] if repeated else each):
            numbered = base if repeated or len(each) == 1 else f"{base} {index}"
            drawn.append(_drawn(beside.get(index) or numbered, row))
    return with_notes(living(file, drawn), *notes)


def _beside(file: ForeignFile, name: str) -> Mapping[int, str]:
    """The names that people wrote beside the file for the rows of the array ``name``: none where it has its own."""
    return {} if name else annotation(file)


def _drawn(name: str, direction: Tensor) -> Drawn:
    length = float(direction.norm())
    if abs(length - 1) <= TOLERANCE:
        return Drawn(name, direction, LENGTH, -RANGE, RANGE)
    return Drawn(name, direction, "offsets", details=(f"1 offset = {length:.3g} long",))


def _check_no_points(file: ForeignFile, arrays: Mapping[str, Tensor]) -> None:
    """Raises :class:`ControlError` for arrays that are called as points are, unless their rows are 1 long."""
    for name, array in arrays.items():
        called = name or file.path.stem
        if _POINTS.fullmatch(called) and not _of_length_one(array.reshape(-1, array.shape[-1])):
            raise ControlError(
                f"'{file.name}' holds '{called}', which is how programs call points of a latent space, and no "
                "directions of length 1; if it is a direction, say so with --space."
            )


def _open(file: ForeignFile, rows: Mapping[str, Tensor], spaces: tuple[str, ...]) -> ControlError:
    count, width = next(iter(rows.values())).shape[:2]
    choices = " or ".join(f"--space {name}" for name in spaces)
    return ControlError(
        f"'{file.name}' holds {count} rows of {width} numbers, which are {count} directions or one offset for each of "
        f"{count} layers, and does not say in which space; say which with {choices}."
    )


def _no_layers(file: ForeignFile, model: ModelCard, shape: tuple[int, ...], fits: str) -> ControlError:
    has = model.spaces[LAYERED].shape if LAYERED in model.spaces else ()
    theirs = f"{LAYERED} of {written(has)}" if has else f"no {LAYERED} but {', '.join(model.spaces)}"
    what = f"if its rows are directions, say so with --space {fits}" if fits else "open the model on which it was found"
    return ControlError(
        f"'{file.name}' holds {written(tuple(shape))} numbers in rows that are neither of length 1 nor at right "
        f"angles, so it is one offset a layer or no directions at all, but '{model.name}' has {theirs}; {what}."
    )


IMPORTER = PlainArrays()
