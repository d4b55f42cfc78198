"""What a scene names outside itself, and how it travels with an export. No torch here: the window opens exports.

Small files (labels, classifiers, control sets) are carried whole, and used where those that the scene names are not
there. Models, and what is too large, are named with their digest; the export says so, and so does a replay without
them.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from explorer.errors import ExportError, SceneError
from explorer.files import atomic_write, scratch_folder, set_file, shipped_set, state_folder
from explorer.reading import sha256_of
from explorer.scene.model import ControlSetRef, ModelRef, Scene, Timeline

MOST_CARRIED = 4 << 20
"""Bytes of files in one export; more would make a picture a heavy one."""

LONGEST_CARRIED = 1000
"""Letters of the name of a carried file, with the folders that it lies in."""

ShippedName = Callable[[str, str], str]
"""Path and fingerprint → the name of the shipped model that is meant, or nothing."""


class CarriedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a scene needs. ``name``: below the folder that all files of its reference lie in, with ``/``;
    ``data``: its bytes, or None where only its digest travels."""

    name: str
    sha256: str
    size: int
    data: bytes | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a scene names by a path. ``noun``: what it is; ``text``: the path as the scene has it; ``entry``:
    what it leads to, below the folder that all ``files`` lie in. A model has no files here, but a ``fingerprint``."""

    noun: str
    text: str
    entry: str = ""
    fingerprint: str = ""
    files: tuple[CarriedFile, ...] = ()

    @property
    def is_carried(self) -> bool:
        """Whether all of it travels."""
        return bool(self.files) and all(file.data is not None for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """What tells it from all others: of a model its fingerprint, of files one digest over theirs."""
        told = "\n".join(f"{file.name} {file.sha256}" for file in self.files)
        return self.fingerprint or hashlib.sha256(f"{self.entry}\n{told}".encode()).hexdigest()

    @property
    def title(self) -> str:
        """``the model '/models/a' (fingerprint 12ab…)``."""
        said = f"fingerprint {self.fingerprint[:12]}" if self.fingerprint or not self.files else ""
        said = said or f"SHA-256 {self._main.sha256[:12]}"
        return f"the {self.noun} '{self.text}' ({said}…)"

    @property
    def _main(self) -> CarriedFile:
        return next((file for file in self.files if file.name == self.entry), self.files[0])

    def is_here(self) -> bool:
        """Whether what it names lies where the scene says, with the same content; of a model, whether anything does."""
        place = set_file(self.text)
        if not self.files:
            return place.exists()
        return all(_holds(folder_of(place, self.entry) / file.name, file.sha256) for file in self.files)


def folder_of(place: Path, entry: str) -> Path:
    """The folder in which ``entry`` leads to ``place``."""
    for _ in PurePosixPath(entry).parts:
        place = place.parent
    return place


def bounded(references: Sequence[Reference]) -> tuple[Reference, ...]:
    """``references`` in their order, without the bytes of those for which there is no room."""
    room, carried = MOST_CARRIED, set()
    for reference in sorted(references, key=lambda one: one.size):
        if reference.size <= room:
            room -= reference.size
            carried.add(reference.text)
    return tuple(one if one.text in carried else bare(one) for one in references)


def bare(reference: Reference) -> Reference:
    """``reference`` without the bytes of its files."""
    files = tuple(msgspec.structs.replace(file, data=None) for file in reference.files)
    return msgspec.structs.replace(reference, files=files)


def references_in(entry: object, where: str) -> tuple[Reference, ...]:
    """The references that a scene file has beside its scene. Raises :class:`SceneError` naming ``where``."""
    try:
        return msgspec.convert(entry, tuple[Reference, ...])
    except msgspec.ValidationError as error:
        raise SceneError(f"What '{where}' carries beside its scene is damaged ({error}).") from error


def unaccompanied(references: Sequence[Reference]) -> str:
    """One sentence that says what an export does not carry; empty where it carries all that it needs."""
    left = [reference.title for reference in references if not reference.is_carried]
    return f"The file does not carry {_listed(left)}; a replay needs {_pronoun(left)}." if left else ""


def restored(
    scene: Scene, references: Sequence[Reference], shipped_name: ShippedName
) -> tuple[Scene, tuple[Reference, ...]]:
    """``scene`` with shipped models by their names, and the paths of carried files where those that it names are not
    there; and what is missing: neither there nor carried. References that the scene does not have (any more) do not
    matter.

    Raises :class:`SceneError` for a file that is not what its digest says, :class:`ExportError` where none can be
    written.
    """
    for name in (name for one in references for name in (one.entry, *(file.name for file in one.files)) if one.files):
        _check_inside(name)
    scene = by_name(scene, shipped_name, references)
    named = texts_in(scene)
    away = [one for one in references if one.text in named and not one.is_here()]
    moved = {one.text: str(_unpacked(one)) for one in away if one.is_carried}
    return (_renamed(scene, moved) if moved else scene), tuple(one for one in away if not one.is_carried)


def _check_inside(name: str) -> None:
    """Raises :class:`SceneError` unless ``name`` lies below the folder that it is named in, on any system: before it is
    looked whether it is there."""
    path = PurePosixPath(name)
    leads_elsewhere = path.is_absolute() or not path.parts or ".." in path.parts or bool(set("\\:\0") & set(name))
    if leads_elsewhere or len(name) > LONGEST_CARRIED:
        raise SceneError(f"A file that is carried is called '{name}', which leads elsewhere; it was not written.")


def needed(missing: Sequence[Reference], where: str) -> str:
    """One sentence that says what the export ``where`` lacks here."""
    titles = [reference.title for reference in missing]
    verb = "is" if len(titles) == 1 else "are"
    changed = " as it was" if any(set_file(one.text).exists() for one in missing) else ""
    return (
        f"'{where}' needs {_listed(titles)}, which it does not carry and which {verb} not here{changed}; put "
        f"{_pronoun(titles)} back."
    )


def _listed(titles: Sequence[str]) -> str:
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def _pronoun(titles: Sequence[str]) -> str:
    return "it" if len(titles) == 1 else "them"


def _holds(path: Path, sha256: str) -> bool:
    try:
        return path.is_file() and sha256_of(path) == sha256
    except OSError:  # a file that cannot be read is none that is here
        return False


def _unpacked(reference: Reference) -> Path:
    """Where the carried files of ``reference`` lie now, by their content: equal ones are written once."""
    try:
        return _unpacked_below(state_folder() / "carried", reference)
    except ExportError:  # a home that cannot be written
        return _unpacked_below(_fleeting(), reference)


def _unpacked_below(home: Path, reference: Reference) -> Path:
    folder = home / reference.digest[:32]
    for file in reference.files:
        _unpack(file, folder)
    return folder / reference.entry


def _unpack(file: CarriedFile, folder: Path) -> None:
    name = PurePosixPath(file.name)
    if hashlib.sha256(file.data or b"").hexdigest() != file.sha256:
        raise SceneError(f"The file '{file.name}' that is carried is damaged; export again, or ask for another copy.")
    if not _holds(folder / name, file.sha256):
        atomic_write(folder / name, file.data or b"")


@cache
def _fleeting() -> Path:
    """For a home that cannot be written: a folder that lasts as long as the program runs."""
    lasting = contextlib.ExitStack()
    atexit.register(lasting.close)
    return lasting.enter_context(scratch_folder())


# --- paths in scenes -------------------------------------------------------------------------------------------------


def texts_in(scene: Scene) -> set[str]:
    """All that could be paths in ``scene``, and the parts of those that name several things."""
    found: set[str] = set()

    def collect(value: str) -> str:
        found.update((value, *(part.strip() for part in re.split("[+,]", value))))
        return value

    _walked(scene, collect)
    return found


def by_name(scene: Scene, shipped_name: ShippedName, references: Sequence[Reference] = ()) -> Scene:
    """``scene`` with the names of shipped models, and of sets that come with them, for the paths that lead there, so
    that it opens on every machine and says nothing of the one on which it was made; ``references`` may know
    fingerprints that it does not have."""
    fingerprints = {one.text: one.fingerprint for one in references if not one.files}
    panes = (*scene.panes, *(pane for bookmark in scene.bookmarks for pane in bookmark.panes))
    models = (scene.model, *(one.model for one in scene.bookmarks), *(pane.model for pane in panes if pane.model))
    fingerprints |= {model.path: model.fingerprint for model in models if model.fingerprint}
    names = {text: shipped_name(text, fingerprints.get(text, "")) or shipped_set(text) for text in texts_in(scene)}
    moved = {text: name for text, name in names.items() if name and name != text}
    return _renamed(scene, moved) if moved else scene


def _renamed(scene: Scene, moved: Mapping[str, str]) -> Scene:
    """``scene`` with other paths to models, to control sets and in settings; several may stand in one of these."""

    def rename(value: str) -> str:
        if value in moved:
            return moved[value]
        return "".join(_in_place(part, moved) for part in re.split(r"([+,])", value))

    renamed: Scene = _walked(scene, rename)
    return renamed


def _in_place(part: str, moved: Mapping[str, str]) -> str:
    """What ``part`` has moved to, with the spaces that stand around it."""
    name = part.strip()
    if name not in moved:
        return part
    before, _, after = part.partition(name)
    return f"{before}{moved[name]}{after}"


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with every path and text setting of a control set, and every path of a model, given to ``change``."""
    if isinstance(value, tuple):
        return tuple(_walked(one, change) for one in value)
    if not isinstance(value, msgspec.Struct) or isinstance(value, Timeline):  # which names nothing, and may be long
        return value
    changed = {field: _walked(getattr(value, field), change) for field in value.__struct_fields__}
    if isinstance(value, ControlSetRef):
        changed["settings"] = tuple(
            (name, change(one) if isinstance(one, str) else one) for name, one in value.settings
        )
    if isinstance(value, ControlSetRef | ModelRef) and value.path:
        changed["path"] = change(value.path)
    return msgspec.structs.replace(value, **changed)
