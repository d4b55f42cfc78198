"""Direction files of other programs: which format one is, what it holds, and the control set of it on a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import explorer.importers as package
from explorer.checkpoint import safetensors_header
from explorer.controls import control_set as control_sets
from explorer.controls.base import WEIGHTS, Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.request import settled
from explorer.errors import ControlError, ModelError, plain_text
from explorer.importers.base import Drawn, Importer, Sketch, unused, written
from explorer.importers.files import ForeignFile, opened
from explorer.importers.latent_paths import LatentPaths
from explorer.plugins import declared
from explorer.reading import foreign, reading, sha256_of
from explorer.scene.cards import LONGEST_NAME, ControlCard, ModelCard
from explorer.scene.imports import LAYERS, SPACE, is_open
from explorer.scene.model import Scalar, StoredLatent
from explorer.scene.number_text import NumberError, read_range

KIND = "a file of directions"
LONGEST = 1e12
"""Of a direction, in units of its space: what is longer leaves all numbers behind."""


@cache
def importers() -> dict[str, Importer]:
    """Module → format, in the order in which they are asked: those of programs before those of no program."""
    return dict(sorted(declared(package, "IMPORTER"), key=lambda entry: entry[1].general))


@reading()  # the digest is of the very bytes that the controls are made of
def read(
    path: Path,
    model: ModelCard,
    space: str = "",
    layers: tuple[int, int] | None = None,
    k: int | None = None,
    answers: Mapping[str, Scalar] | None = None,
) -> ControlSet:
    """The controls of the direction file at ``path``, for ``model``; the first ``k``, or all.

    ``space``: where the file does not say it and the model has several that fit, it must be given; ``layers``: only
    these layers of w_plus are moved, first and last included; ``answers``: to the questions of its format. Raises
    :class:`ControlError` when the file cannot be read, its widths contradict the model (both are named), or something
    is open.
    """
    with foreign(path, KIND, ControlError):
        return _read(path, model, space, layers, k, answers or {})


def _read(
    path: Path,
    model: ModelCard,
    space: str,
    layers: tuple[int, int] | None,
    k: int | None,
    answers: Mapping[str, Scalar],
) -> ControlSet:
    file = opened(path)
    importer = importer_of(file)
    file = answered(file, importer, answers)
    seen = reading_for(file, importer, importer.sketch(file), model, space)
    sketch, where = seen.sketch, seen.space
    if importer.holds == "path":
        raise ControlError(
            f"'{file.name}' holds paths of points from one start, which are keyframes of a film and no controls; open "
            "it in the window, or import it into a scene (.json)."
        )
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
        controls=_controls(file, drawn, where, layers),
        settings={"source": file.name, "sha256": sha256_of(file.path), **sketch.settings},
        note=" ".join(filter(None, (f"Imported from {file.name}.", sketch.note, *unknown_of(sketch)))),
    )
    found.check(model)
    return found


@reading()
def read_path(path: Path, model: ModelCard, answers: Mapping[str, Scalar]) -> tuple[StoredLatent, ...]:
    """The points of one path of the file at ``path``, which ``model`` can start from. ``answers``: to the questions of
    its format, and in which space it is. Raises :class:`ControlError`."""
    own = dict(answers)
    space = str(own.pop(SPACE, ""))
    with foreign(path, KIND, ControlError):
        file = opened(path)
        importer = importer_of(file)
        if not isinstance(importer, LatentPaths):
            raise ControlError(f"'{file.name}' holds no paths of points but {importer.title}; open it as controls.")
        file = answered(file, importer, own)
        return importer.points(file, reading_for(file, importer, importer.sketch(file), model, space).space)


def open_controls(path: Path, model: ModelCard, answers: Mapping[str, Scalar] | None = None) -> ControlSet:
    """The control set at ``path``: one of ours (``.safetensors``), or a direction file of another program, of which
    ``answers`` say what :func:`describe` asks.

    Raises :class:`ControlError`; whether one of ours fits ``model`` is left to :meth:`ControlSet.check`.
    """
    if path.suffix.lower() == ".safetensors" and not _is_foreign(path):
        return control_sets.load(path)
    own = dict(answers or {})
    space, layers = str(own.pop(SPACE, "")), layers_of(str(own.pop(LAYERS, "")))
    return read(path, model, space, layers, answers=own)


def _is_foreign(path: Path) -> bool:
    """Whether the safetensors file at ``path`` is another program's; one that cannot be read is ours, which says so."""
    try:
        return control_sets.METADATA_KEY not in safetensors_header(path).metadata
    except ModelError:
        return False


def layers_of(text: str) -> tuple[int, int] | None:
    """``A-B`` or ``A``, the first and the last; None for an empty text. Raises :class:`ControlError` for another."""
    if not text.strip():
        return None
    try:
        return read_range(text)
    except NumberError as error:
        raise ControlError(f"The layers: {error}") from error


@dataclass(frozen=True)
class Reading:
    """A file read for one space of a model. ``space``: where its controls are, whatever was asked for."""

    sketch: Sketch
    space: str
    text: str


def reading_for(file: ForeignFile, importer: Importer, sketch: Sketch, model: ModelCard, space: str) -> Reading:
    """The ``sketch`` of ``file`` with ``space`` asked for; empty: as it says. Raises :class:`ControlError`."""
    if space and space not in model.spaces:
        raise ControlError(f"'{model.name}' has no space '{space}'; it has {', '.join(model.spaces)}.")
    sketch = importer.fitted(sketch, model, space, file)
    where = _space(file, importer, sketch, model, space)
    count = len(sketch.drawn)
    noun = {"controls": "control", "path": "path"}[importer.holds]
    what = f"the network's weights, {_figures(sketch)}" if where == WEIGHTS else f"width {written(sketch.shape)}"
    text = f"{count} {noun if count == 1 else noun + 's'} of {what}"
    return Reading(sketch, where, text)


def _figures(sketch: Sketch) -> str:
    """``rank 4, 16 layers``: what the file says of its first control."""
    first = sketch.drawn[0]
    return ", ".join(filter(None, (first.figure, *first.details)))


def answered(file: ForeignFile, importer: Importer, answers: Mapping[str, Scalar]) -> ForeignFile:
    """``file`` with an answer to every question of its format: those given, and the defaults. Raises
    :class:`ControlError` where one is wrong, or missing."""
    questions = importer.questions(file)
    for question in questions:
        if is_open(question) and question.name not in answers:
            choices = " or ".join(f"--set {question.name}={choice}" for choice in question.choices)
            what = question.help[:1].lower() + question.help[1:].rstrip(".")
            raise ControlError(f"'{file.name}' does not say {what}; import it with {choices}.")
    return replace(file, answers=settled(importer.title, questions, answers))


def is_known(path: Path) -> bool:
    """Whether the file at ``path`` can be opened, and is of one of the formats."""
    with suppress(ControlError), foreign(path, KIND, ControlError):
        return _claiming(opened(path)) is not None
    return False


def importer_of(file: ForeignFile) -> Importer:
    """The format that ``file`` is of. Raises :class:`ControlError` where it is of none."""
    importer = _claiming(file)
    if importer is not None:
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


def _claiming(file: ForeignFile) -> Importer | None:
    return next((importer for importer in importers().values() if importer.claims(file)), None)


def unknown_of(sketch: Sketch) -> tuple[str, ...]:
    return ("The file does not say on which model its directions were found.", *sketch.unknown)


def _space(file: ForeignFile, importer: Importer, sketch: Sketch, model: ModelCard, asked: str) -> str:
    """The space of ``model`` that the controls move."""
    if sketch.firm and asked and asked != sketch.space and not (sketch.space == "w" and asked == "w_plus"):
        raise ControlError(f"'{file.name}' says that its directions are in {sketch.space}, not in {asked}.")
    if sketch.space == WEIGHTS:  # whether the model's can be changed is said by the format
        return WEIGHTS
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
    if not all(one.takes_layers for one in drawn):
        raise ControlError(
            f"'{file.name}' holds directions that bend, which move whole points of w; leave the layers out."
        )
    count = model.spaces["w_plus"].layers
    if layers and not 0 <= layers[0] <= layers[1] < count:
        raise ControlError(
            f"Layers {layers[0]} to {layers[1]} were chosen, but '{model.name}' has layers 0 to {count - 1}."
        )


def _controls(
    file: ForeignFile, drawn: tuple[Drawn, ...], space: str, layers: tuple[int, int] | None
) -> tuple[Control, ...]:
    found: dict[str, Control] = {}
    for one in drawn:
        if one.direction is not None and not float(one.direction.norm()) < LONGEST:
            raise ControlError(f"'{file.name}' holds the direction '{one.name}', whose numbers are too large to add.")
        name = unused(plain_text(one.name, LONGEST_NAME // 2), found)  # as its card will show it
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
