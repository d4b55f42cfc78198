"""Direction files of other programs: which format one is, what it holds, and the control set of it on a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import explorer.importers as package
from explorer.controls import control_set as control_sets
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch, written
from explorer.importers.files import ForeignFile, opened
from explorer.plugins import declared
from explorer.reading import reading, sha256_of
from explorer.scene.cards import ControlCard, ModelCard


@dataclass(frozen=True)
class Found:
    """What a file says by itself. ``space``: the one it names, or empty; ``candidates``: those in which its format is
    used; ``shape``: of the points it moves (empty: only a model tells); ``unknown``: what it leaves open."""

    format: str
    title: str
    count: int
    shape: tuple[int, ...]
    space: str
    candidates: tuple[str, ...]
    names: tuple[str, ...]
    unknown: tuple[str, ...]


@cache
def importers() -> dict[str, Importer]:
    """Module → format, in the order in which they are asked: those of programs before those of no program."""
    return dict(sorted(declared(package, "IMPORTER"), key=lambda entry: entry[1].general))


def sniff(path: Path) -> Found:
    """What the direction file at ``path`` holds, by its keys, its shapes and its name.

    Raises :class:`ControlError` for a file that is foreign, truncated, not finite, or of a kind that is not read yet.
    """
    file = opened(path)
    importer = _importer_of(file)
    sketch = importer.sketch(file)
    return Found(
        format=importer.name,
        title=importer.title,
        count=len(sketch.drawn),
        shape=sketch.shape,
        space=sketch.space,
        candidates=(sketch.space,) if sketch.firm else importer.spaces,
        names=tuple(one.name for one in sketch.drawn),
        unknown=_unknown(sketch),
    )


@reading()  # the digest is of the very bytes that the controls are made of
def read(
    path: Path, model: ModelCard, space: str = "", layers: tuple[int, int] | None = None, k: int | None = None
) -> ControlSet:
    """The controls of the direction file at ``path``, for ``model``; the first ``k``, or all.

    ``space``: where the file does not say it and the model has several that fit, it must be given; ``layers``: only
    these layers of w_plus are moved, first and last included. Raises :class:`ControlError` when the file cannot be
    read, its widths contradict the model (both are named), or the space is open.
    """
    file = opened(path)
    importer = _importer_of(file)
    sketch = importer.sketch(file)
    if space and space not in model.spaces:
        raise ControlError(f"'{model.name}' has no space '{space}'; it has {', '.join(model.spaces)}.")
    sketch = importer.fitted(sketch, model, space, file)
    where = _space(file, importer, sketch, model, space)
    if k is not None and not 1 <= k <= len(sketch.drawn):
        raise ControlError(f"{k} controls were asked for; '{file.name}' holds {len(sketch.drawn)}.")
    drawn = sketch.drawn[:k]
    if layers or any(one.layers for one in drawn):
        _check_layers(file, model, where, drawn, layers)
        where = "w_plus"
    found = ControlSet(
        method=importer.name,
        title=f"{importer.title} (imported)",
        fingerprint=model.fingerprint,
        space=where,
        controls=_controls(drawn, where, layers),
        settings={"source": file.name, "sha256": sha256_of(file.path), **sketch.settings},
        note=" ".join(filter(None, (f"Imported from {file.name}.", sketch.note, *_unknown(sketch)))),
    )
    found.check(model)
    return found


def open_controls(path: Path, model: ModelCard, space: str = "") -> ControlSet:
    """The control set at ``path``: one of ours (``.safetensors``), or a direction file of another program.

    Raises :class:`ControlError`; whether one of ours fits ``model`` is left to :meth:`ControlSet.check`.
    """
    if path.suffix.lower() == ".safetensors":
        return control_sets.load(path)
    return read(path, model, space)


def _importer_of(file: ForeignFile) -> Importer:
    for importer in importers().values():
        if importer.claims(file):
            return importer
    keys = file.keys()
    if keys:
        shown = ", ".join(f"'{key}'" for key in keys[:3]) + (", …" if len(keys) > 3 else "")
        what = f"It holds {shown}, which"
    else:
        shape = getattr(file.content, "shape", None)
        what = f"An array of shape {written(tuple(shape)) or '()'}" if shape is not None else "What it holds"
    known = ", ".join(dict.fromkeys(importer.title for importer in importers().values() if importer.spaces))
    raise ControlError(
        f"'{file.name}' is no control set and no file of directions: {what} belongs to none of the formats that are "
        f"read ({known})."
    )


def _unknown(sketch: Sketch) -> tuple[str, ...]:
    return ("The file does not say on which model its directions were found.", *sketch.unknown)


def _space(file: ForeignFile, importer: Importer, sketch: Sketch, model: ModelCard, asked: str) -> str:
    """The space of ``model`` that the controls move."""
    if sketch.firm and asked and asked != sketch.space and not (sketch.space == "w" and asked == "w_plus"):
        raise ControlError(f"'{file.name}' says that its directions are in {sketch.space}, not in {asked}.")
    wanted = asked or sketch.space
    if wanted:
        if wanted not in model.spaces:
            raise ControlError(
                f"'{file.name}' says that its directions are in {wanted}, but '{model.name}' has "
                f"{', '.join(model.spaces)}; open the model on which they were found, or choose one with --space."
            )
        if not _fits(model, wanted, sketch.shape):
            raise _contradiction(file, sketch, model, (wanted,))
        return wanted
    fitting = [name for name in importer.spaces if name in model.spaces and _fits(model, name, sketch.shape)]
    if not fitting:
        raise _contradiction(file, sketch, model, tuple(model.spaces))
    if len(fitting) > 1:
        choices = " or ".join(f"--space {name}" for name in fitting)
        raise ControlError(
            f"'{file.name}' does not say in which space its directions are, and {' and '.join(fitting)} of "
            f"'{model.name}' both have width {written(sketch.shape)}; say which with {choices}."
        )
    return fitting[0]


def _fits(model: ModelCard, space: str, shape: tuple[int, ...]) -> bool:
    has = model.spaces[space].shape
    return shape == has or (model.spaces[space].layers > 0 and shape == has[1:])


def _contradiction(file: ForeignFile, sketch: Sketch, model: ModelCard, spaces: tuple[str, ...]) -> ControlError:
    widths = ", ".join(f"{name} of width {written(model.spaces[name].shape)}" for name in spaces)
    return ControlError(
        f"'{file.name}' holds directions of width {written(sketch.shape)}, but '{model.name}' has {widths}; open the "
        "model on which they were found."
    )


def _check_layers(
    file: ForeignFile, model: ModelCard, space: str, drawn: tuple[Drawn, ...], layers: tuple[int, int] | None
) -> None:
    if space not in ("w", "w_plus") or "w_plus" not in model.spaces:
        raise ControlError(
            f"Layers were chosen for the directions of '{file.name}', but only w of a model with w_plus has layers, "
            f"not {space} of '{model.name}'; leave the layers out, or choose another space."
        )
    if any(one.direction is None for one in drawn):
        raise ControlError(
            f"'{file.name}' holds directions that bend, which move whole points of w; leave the layers out."
        )
    count = model.spaces["w_plus"].layers
    if layers and not 0 <= layers[0] <= layers[1] < count:
        raise ControlError(
            f"Layers {layers[0]} to {layers[1]} were chosen, but '{model.name}' has layers 0 to {count - 1}."
        )


def _controls(drawn: tuple[Drawn, ...], space: str, layers: tuple[int, int] | None) -> tuple[Control, ...]:
    found: dict[str, Control] = {}
    for one in drawn:
        name, number = one.name, 2
        while name in found:  # people give one name to several directions
            name, number = f"{one.name} ({number})", number + 1
        card = ControlCard(
            name=name,
            space=space,
            unit=one.unit,
            low=one.low,
            high=one.high,
            figure=one.figure,
            details=one.details,
            layers=layers or one.layers,
        )
        found[name] = one.control(card)
    return tuple(found.values())
