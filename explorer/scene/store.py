"""The scene file: readable JSON with a stable order, a schema version, and migrations from every older one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from explorer.errors import SceneError, clause
from explorer.files import atomic_write
from explorer.reading import check_json, foreign, read_file, whole
from explorer.scene.model import SCENE_VERSION, ControlSetRef, ModelRef, Scene
from explorer.scene.old_defaults import spelt_out
from explorer.scene.validate import validate_scene

FORMAT = "latent-explorer-scene"
SUFFIX = ".scene.json"

Document = dict[str, Any]

Touched = tuple[tuple[str, ...], ...]
"""For each pane, and each of each bookmark, the names of the controls that it moves, in the order in which a program
before :data:`ORDERED` applied them: that in which the hand had touched them."""

ORDERED = 3
"""The version from which on the picture depends on the set of edits alone."""

MIGRATIONS: dict[int, Callable[[Document], Document]] = {
    1: lambda document: document,
    2: spelt_out,
    3: lambda document: document,
    4: lambda document: document,
}
"""Version n → what turns a document of version n into one of version n + 1 (the reader advances the number itself).
From 2 to 3 edits become a set when they are read (:func:`explorer.scene.model.as_set`), and what was left unsaid is
said (:mod:`explorer.scene.old_defaults`). Version 4 may say what a model is told to draw, and which picture of one's
own a point was found for, version 5 in which steps of a sampler an edit acts; a program of before says that it is too
old."""


LONGEST_MESSAGE = 2000
"""Letters of what msgspec says, which quotes what it was given; where it was stands at the end."""

BESIDE = "references"
"""The entry of a scene file that is not part of the scene: files that it names (:mod:`explorer.export.carried`)."""


def encode_scene(scene: Scene, beside: object = ()) -> bytes:
    """``scene`` as indented UTF-8 JSON; equal scenes give equal bytes. ``beside``: what is written under
    :data:`BESIDE`, if it is anything. Raises :class:`SceneError`."""
    validate_scene(scene)
    try:
        document = {"format": FORMAT, **msgspec.to_builtins(scene)}
        if beside:
            document[BESIDE] = msgspec.to_builtins(beside)
        return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    except UnicodeEncodeError as error:  # a file name that is not valid in this system's encoding
        raise SceneError(f"The scene holds a name that cannot be written as text: {error.object!r}.") from error


def decode_scene(data: bytes, where: str = "the scene") -> Scene:
    """The scene written in ``data``, as :func:`decode_document` reads it."""
    return decode_document(data, where)[0]


def decode_document(data: bytes, where: str) -> tuple[Scene, Document]:
    """The scene written in ``data``, and the document that it was written as; ``where`` names its source in errors.

    Raises :class:`SceneError` with one sentence when the data is truncated, foreign, newer than this program, has
    unknown or wrongly typed fields, or values out of range.
    """
    written = _document(data, where)
    document = dict(written)
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise SceneError(f"'{where}' cannot be read: its field 'version' must be a positive whole number.")
    if version > SCENE_VERSION:
        raise SceneError(
            f"'{where}' was written by a newer Latent Explorer (format {version}); update the program to open it."
        )
    for step in range(version, SCENE_VERSION):
        document = {**MIGRATIONS[step](document), "version": step + 1}
    del document["format"]
    document.pop(BESIDE, None)
    try:
        scene = msgspec.convert(document, Scene)
    except msgspec.ValidationError as error:
        raise SceneError(f"'{where}' cannot be read: {_readable(str(error))}.") from error
    if unknown := _unknown_field(document, msgspec.to_builtins(scene)):
        raise SceneError(f"'{where}' cannot be read: there is no field '{unknown}' in a scene.")
    try:
        validate_scene(scene)
    except SceneError as error:
        raise SceneError(f"'{where}' cannot be used: {error}") from error
    return scene, written


def order_of_touch(document: Document) -> Touched:
    """The order in which the scene in ``document``, as it was before its migrations, was drawn when it was saved; empty
    where the order does not matter any more. Tracks come after the edits that stand. The document is one that
    :func:`decode_document` has read."""
    if int(document["version"]) >= ORDERED:
        return ()
    panes = [*document.get("panes", ({},))]  # as many as the scene has where it does not say
    for bookmark in document.get("bookmarks", ()):
        panes += bookmark["panes"]
    names = [[edit["control"] for edit in pane.get("edits", ())] for pane in panes]
    for track in document.get("timeline", {}).get("amounts", ()):
        if track["control"] not in names[track["pane"]]:
            names[track["pane"]].append(track["control"])
    return tuple(map(tuple, names))


def drawn_panes(scene: Scene) -> list[tuple[ModelRef, ControlSetRef]]:
    """The model and the control set of every pane that :func:`order_of_touch` tells of, in its order: those of the
    scene, then those of its bookmarks."""
    own = [(scene.model_of(index), pane.controls) for index, pane in enumerate(scene.panes)]
    kept = [(pane.model or bookmark.model, pane.controls) for bookmark in scene.bookmarks for pane in bookmark.panes]
    return own + kept


def save_scene(scene: Scene, path: Path, beside: object = ()) -> None:
    """Write ``scene`` to ``path``, whole or not at all; ``beside``: see :func:`encode_scene`. Raises
    :class:`SceneError` or ``ExportError``."""
    atomic_write(path, encode_scene(scene, beside))


def load_scene(path: Path) -> Scene:
    """Read the scene file ``path``. Raises :class:`SceneError` as :func:`decode_scene` does."""
    try:
        data = read_file(Path(path), whole)
    except OSError as error:
        raise SceneError(f"'{path}' cannot be read ({error.strerror or error}); check the path.") from error
    with foreign(Path(path), "a scene", SceneError):
        return decode_scene(data, Path(path).name)


def _document(data: bytes, where: str) -> Document:
    try:
        document = msgspec.json.decode(check_json(data))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SceneError(f"'{where}' is not a readable scene: it is truncated or foreign ({clause(error)}).") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SceneError(f"'{where}' is no scene of Latent Explorer; open a file that the program has saved.")
    return document


def _readable(message: str) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.origin.seed`" with the field first."""
    match = re.fullmatch(r"(?s)(.*?)(?: - at `\$?\.?(.*)`)?", message[-LONGEST_MESSAGE:])
    what, field = (match[1], match[2]) if match else (message, None)
    return f"in the field '{field}', {clause(what)}" if field else clause(what)


def _unknown_field(given: object, known: object, prefix: str = "") -> str:
    """The path of the first field of ``given`` that ``known`` does not have; empty when there is none.

    A misspelt field would otherwise be dropped in silence and its default taken.
    """
    if given == known:  # as most of a long timeline is
        return ""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            path = f"{prefix}.{name}" if prefix else str(name)
            if name not in known:
                return path
            if found := _unknown_field(value, known[name], path):
                return found
    elif isinstance(given, list) and isinstance(known, list | tuple):
        for index, inner in enumerate(given):
            # Edits that change nothing are not kept; what they could hold is what the others hold.
            other = known[index] if index < len(known) else inner
            if inner != other and (found := _unknown_field(inner, other, f"{prefix}[{index}]")):
                return found
    return ""
