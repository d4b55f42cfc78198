"""Gathers what a scene needs and does not hold: see :mod:`explorer.export.carried`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from explorer.attributes.registry import named_sources
from explorer.controls import control_set as control_sets
from explorer.controls.bound import Bound
from explorer.discovery import registry as methods
from explorer.engine.named_files import CONTROLS, MODEL, Named, named_in
from explorer.errors import ControlError, ExplorerError
from explorer.export.carried import CarriedFile, Reference, bare, bounded
from explorer.files import set_file
from explorer.generators import registry as generators
from explorer.importers.registry import open_controls
from explorer.reading import reading, whole
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene


def gathered(scene: Scene) -> tuple[Reference, ...]:
    """All that ``scene``, whose digests are written in, names by a path: models, and files with their bytes as long as
    these are small together, the smallest first."""
    found: dict[str, Reference] = {}
    for model, pane in _panes(scene):
        used = pane.model or model
        found.setdefault(used.path, _model(used.path, used.fingerprint))
        for controls in _known(pane.controls):
            _gather(used, controls, found)
    return bounded([one for one in found.values() if one.files or one.text not in generators.shipped_models()])


def files_of(model: ModelRef, controls: ControlSetRef) -> tuple[Reference, ...]:
    """The files that ``controls`` of ``model`` name, with their bytes as long as these are small."""
    found: dict[str, Reference] = {}
    _gather(model, controls, found)
    return bounded([one for one in found.values() if one.files])


def _gather(model: ModelRef, controls: ControlSetRef, found: dict[str, Reference]) -> None:
    """Add what ``controls`` name to ``found``, by the text that names it."""
    for named in named_in(controls):
        if named.text not in found:
            reference = _model(named.text, "") if named.noun == MODEL else _files(model, controls, named)
            if reference is not None:
                found[named.text] = reference
    for named in _readers_of(controls):
        reference = _files(model, ControlSetRef(), named)
        if reference is not None and named.text not in found:
            # The set names it by its path, so one that was carried would not be found.
            found[named.text] = bare(reference)


def _readers_of(controls: ControlSetRef) -> Iterator[Named]:
    """What the controls of a set's own file read pictures with, where that is made of files."""
    path = set_file(controls.path)
    if not controls.path or path.suffix.lower() != ".safetensors":
        return
    try:
        found = control_sets.load(path).controls
    except ControlError:  # of a bookmark, or no longer there: that of a pane was opened before
        return
    texts = [
        inner.bindings.source.text for control in found if isinstance(inner := control_sets.causal(control), Bound)
    ]
    for text in dict.fromkeys(texts):
        for part, source in named_sources(text):
            if files := source.files(part):
                yield Named(source.noun, part, files)


def _panes(scene: Scene) -> Iterator[tuple[ModelRef, Pane]]:
    yield from ((scene.model, pane) for pane in scene.panes)
    yield from ((bookmark.model, pane) for bookmark in scene.bookmarks for pane in bookmark.panes)


def _known(controls: ControlSetRef) -> tuple[ControlSetRef, ...]:
    """``controls`` and what they are matched to, one by one, without those of methods that are not installed here."""
    alone = msgspec.structs.replace(controls, like=None)
    known = bool(controls.path) or not controls.method or controls.method in methods.methods()
    return (*((alone,) if known else ()), *(_known(controls.like) if controls.like is not None else ()))


def _model(text: str, fingerprint: str) -> Reference:
    if not fingerprint:
        path = generators.resolve(text)
        try:
            fingerprint = generators.describe(str(path)).fingerprint
        except ExplorerError:  # the other checkpoint of a set that is only bookmarked may be gone
            fingerprint = ""
    return Reference(noun=MODEL, text=text, fingerprint=fingerprint)


def _files(model: ModelRef, controls: ControlSetRef, named: Named) -> Reference | None:
    """What ``named`` is made of; None where there is nothing of a user's own."""
    beside = _read_with(model, controls) if named.noun == CONTROLS else ()
    with reading() as files:
        read = [path.absolute() for path in (*named.paths, *beside) if path.is_file()]
        place = set_file(named.text).absolute()
        if controls.digest and (place not in read or files.sha256(place) != controls.digest):
            # What was opened is no longer there to be carried.
            gone = CarriedFile(name=place.name, sha256=controls.digest, size=0)
            return Reference(noun=named.noun, text=named.text, entry=place.name, files=(gone,))
        if not read:
            return None
        root = Path(os.path.commonpath([place.parent, *(path.parent for path in read)]))
        carried = tuple(_file(path, root, files.value(path, whole), files.sha256(path)) for path in read)
    return Reference(noun=named.noun, text=named.text, entry=place.relative_to(root).as_posix(), files=carried)


def _read_with(model: ModelRef, controls: ControlSetRef) -> tuple[Path, ...]:
    """The files beside that of ``controls`` that are read with it: the format of another program may have some."""
    path = set_file(controls.path)
    if path.suffix.lower() == ".safetensors":
        return ()
    try:
        card = generators.describe(model.path, model.family)
        with reading() as files:
            open_controls(path, card, dict(controls.settings))
    except ExplorerError:  # of a bookmark, or no longer there: that of a pane was opened before
        return ()
    return tuple(one for one in files.digests if one != path.absolute())


def _file(path: Path, root: Path, data: bytes, sha256: str) -> CarriedFile:
    return CarriedFile(name=path.relative_to(root).as_posix(), sha256=sha256, size=len(data), data=data)
