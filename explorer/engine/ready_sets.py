"""Control sets that come with a model: the files in the folder ``controls`` of its own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from explorer.controls import control_set
from explorer.errors import ControlError
from explorer.files import SETS, shipped_set
from explorer.generators import registry as generators
from explorer.reading import reading
from explorer.scene.cards import ModelCard, ReadySet
from explorer.scene.model import ControlSetRef

SUFFIX = ".safetensors"


def with_sets(model: ModelCard) -> ModelCard:
    """``model`` with the control sets that come with it, in the order of their files' names. One that cannot be used on
    it says why. Those of a shipped model are named by the model, so that scenes with them open on every machine."""
    folder = generators.resolve(model.path)
    files = sorted((folder / SETS).glob(f"*{SUFFIX}"))
    if not files:
        return model
    return msgspec.structs.replace(model, ready=tuple(_ready(path, model) for path in files))


def _ready(path: Path, model: ModelCard) -> ReadySet:
    """The set in the file ``path`` of ``model``."""
    text = shipped_set(str(path)) or str(path.absolute())
    try:
        state = path.stat()
        file = _read(path, state.st_size, state.st_mtime_ns)
        if file.fingerprint != model.fingerprint:
            control_set.load(path).check(model)
    except (OSError, ControlError) as error:
        return ReadySet(name=path.stem, title=path.stem, controls=ControlSetRef(path=text), problem=str(error))
    return ReadySet(
        name=path.stem,
        title=file.title,
        controls=ControlSetRef(path=text, digest=file.sha256),
        note=file.note,
    )


class _File(NamedTuple):
    title: str
    fingerprint: str
    note: str
    sha256: str


@lru_cache(maxsize=64)
def _read(path: Path, size: int, modified: int) -> _File:
    """What the file says that had this size and time, read once."""
    with reading() as files:  # the digest is of the very bytes that were read
        found = control_set.load(path)
        return _File(found.title, found.fingerprint, found.note, files.sha256(path))
