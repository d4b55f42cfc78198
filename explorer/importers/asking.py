"""What has to be said of a file of another program before a model can use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from explorer.errors import ControlError
from explorer.importers.files import opened
from explorer.importers.registry import KIND, Reading, answered, importer_of, reading_for, unknown_of
from explorer.reading import foreign
from explorer.scene.cards import ModelCard, SettingCard
from explorer.scene.imports import LAYERS, SPACE, ImportCard, is_open


def describe(path: Path, model: ModelCard) -> ImportCard:
    """What the file at ``path`` holds, and what has to be said of it before ``model`` can use it.

    Raises :class:`ControlError` for a file that is foreign, truncated, not finite, or contradicts the model.
    """
    with foreign(path, KIND, ControlError):
        return _described(path, model)


def _described(path: Path, model: ModelCard) -> ImportCard:
    file = opened(path)
    importer = importer_of(file)
    own = importer.questions(file)
    # An answer of any kind, where there is none: what is asked besides does not depend on it.
    likely = {question.name: question.choices[0] for question in own if is_open(question)}
    file = answered(file, importer, likely)
    sketch = importer.sketch(file)
    readings, refusals = [], []
    for space in ("", *model.spaces):
        try:
            readings.append(reading_for(file, importer, sketch, model, space))
        except ControlError as error:
            refusals.append((space, error))
    if not readings:
        raise refusals[0][1]
    is_certain = "" not in dict(refusals)
    return ImportCard(
        title=importer.title,
        text=readings[0].text,
        holds=importer.holds,
        questions=(*_places(model, readings, is_certain), *own),
        unknown=unknown_of(readings[0].sketch),
    )


def _places(model: ModelCard, readings: Sequence[Reading], is_certain: bool) -> tuple[SettingCard, ...]:
    """The questions of space and layers. ``readings``: one for each space that fits; before them, where the space
    ``is_certain``, the one that the file itself names or leaves."""
    spaces = tuple(dict.fromkeys(one.space for one in readings if one is readings[0] or not _is_w(one, model)))
    layered = any(one.takes_layers for seen in readings for one in seen.sketch.drawn)
    own = {one.layers for one in readings[0].sketch.drawn}
    questions = []
    if len(spaces) > 1:
        default = readings[0].space if is_certain else ""
        questions.append(
            SettingCard(
                name=SPACE, title="Space", default=default, choices=tuple(one for one in model.spaces if one in spaces),
                help="The space of the model in which these were found.",
            )
        )  # fmt: skip
    if layered and "w_plus" in model.spaces and {"w", "w_plus"} & set(spaces):
        count = model.spaces["w_plus"].layers
        questions.append(
            SettingCard(
                name=LAYERS, title="Layers", kind="layers", default="",
                empty="all" if own == {None} else "as the file says",
                help=f"The first and the last of the layers 0 to {count - 1} that are moved, such as 1-{count - 1}.",
            )
        )  # fmt: skip
    return tuple(questions)


def _is_w(seen: Reading, model: ModelCard) -> bool:
    """Whether what was read for ``w_plus`` moves all its layers alike, which is what it does in w."""
    return seen.space == "w_plus" and "w" in model.spaces and seen.sketch.shape == model.spaces["w"].shape
