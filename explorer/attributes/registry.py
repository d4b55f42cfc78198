"""The attribute readers there are: every module of this package with a ``SOURCE``; several are read as one."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

import explorer.attributes as package
from explorer.attributes.base import Attribute, AttributeReader, Source, Values
from explorer.attributes.pictures import without_pictures
from explorer.controls.reading import open_with
from explorer.errors import ExplorerError
from explorer.files import expanded
from explorer.generators.base import Generator
from explorer.plugins import declared
from explorer.scene.cards import ModelCard
from explorer.worlds.registry import all_worlds
from explorer.worlds.trained_on import trained_on

_ADVICE = "name the attributes to read: a classifier (.onnx), labels (.json), or one of the worlds"


@cache
def sources() -> tuple[Source, ...]:
    """Every source, in the order of the modules' names."""
    return tuple(source for _, source in declared(package, "SOURCE"))


@dataclass(frozen=True)
class JoinedReader:
    """Several readers side by side. An attribute whose name two of them have is followed by its reader's name."""

    readers: tuple[AttributeReader, ...]

    @cached_property
    def name(self) -> str:
        return " + ".join(reader.name for reader in self.readers)

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        names = [one.name for reader in self.readers for one in reader.attributes]
        return tuple(
            replace(one, name=f"{one.name} ({reader.name})") if names.count(one.name) > 1 else one
            for reader in self.readers
            for one in reader.attributes
        )

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(" ".join(reader.digest for reader in self.readers).encode()).hexdigest()

    def read(self, pictures: Tensor) -> Values:
        """(B, A) the columns of all readers in their order."""
        return np.concatenate([reader.read(pictures) for reader in self.readers], axis=1)


def open_reader(text: str, model: ModelCard | None = None, generator: Generator | None = None) -> AttributeReader:
    """The reader that ``text`` names: a world, a path to a classifier or to labels, or several with ``+`` or a comma
    between them. Empty: the world that the model was trained on. ``generator`` is needed for labels, whose pictures are
    drawn again.

    Raises :class:`ExplorerError` with one sentence.
    """
    model = model or (None if generator is None else generator.card)
    if model is not None and (refusal := without_pictures(model)):
        raise ExplorerError(refusal)
    text = text.strip()
    if not text:
        if model is None:
            raise ExplorerError(f"No attributes are named; {_ADVICE}: {', '.join(all_worlds())}.")
        # A family whose pictures only one source reads has that source's name.
        own = next((one.name for one in sources() if one.name == model.family), "")
        text = own or trained_on(model, _ADVICE)
    parts = _parts(text)
    if len(set(parts)) < len(parts):
        raise ExplorerError(f"'{text}' names the same attributes twice; name each source once.")
    found = []
    for part in parts:
        if (source := _source(part)) is None:
            close = difflib.get_close_matches(part, all_worlds(), 1)
            hint = f"did you mean '{close[0]}'?" if close else f"the worlds are {', '.join(all_worlds())}."
            titles = ", nor ".join(one.title for one in sources())
            raise ExplorerError(f"'{part}' is not {titles}; {hint}")
        found.append(source.open(part, model, generator))
    if len(found) == 1:
        return found[0]
    joined = JoinedReader(tuple(found))
    names = [one.name for one in joined.attributes]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ExplorerError(f"Two of '{text}' read '{twice}' under the same name; rename one of the files.")
    return joined


def _for_controls(text: str, generator: Generator) -> AttributeReader:
    return open_reader(text, generator.card, generator)


open_with(_for_controls)


def default_reader(generator: Generator) -> AttributeReader:
    """The reader of the world that ``generator`` was trained on. Raises :class:`ExplorerError` where it does not say,
    or where the world has no attribute predictor.
    """
    return open_reader("", generator.card, generator)


def files_of(text: str) -> tuple[Path, ...]:
    """The user's files and folders that decide what :func:`open_reader` of ``text`` reads, in the order of the sources;
    some need not exist. Whatever no source claims has none.
    """
    return tuple(path for part, source in named_sources(text) for path in source.files(part))


def named_sources(text: str) -> tuple[tuple[str, Source], ...]:
    """What each source is asked for in ``text``, and the source. Whatever none claims is left out."""
    parts = [part for part in _parts(text.strip()) if part]
    return tuple((part, source) for part in parts if (source := _source(part)) is not None)


def _parts(text: str) -> list[str]:
    """What each source is asked for. A path may itself hold a comma or a plus."""
    return [text] if _source(text) else [part.strip() for part in re.split(r"[+,]", text)]


def _source(text: str) -> Source | None:
    """The source that claims ``text``. A list of several is claimed by none, although it may end with a suffix."""
    if re.search(r"[+,]", text) and not expanded(text).exists():
        return None
    return next((source for source in sources() if source.claims(text)), None)
