"""A file or a folder that no family opens, looked at no further than it takes to say what it is. Nothing is executed,
and a file that is not what it seems to be answers with nothing, never with an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from explorer.checkpoint import read_json, safetensors_header
from explorer.errors import ModelError
from explorer.pickled.instructions import values_of
from explorer.pickled.records import Record
from explorer.pickled.source import Source
from explorer.reading import GlancedFile, archive_in, foreign, opened, unpacked
from explorer.tensor_file import Header
from explorer.torch_file import MOST_DIMENSIONS

Seen = TypeVar("Seen")

HEAD = 4096
MOST_ENTRIES = 20_000
"""Of a folder, or an archive, that are looked at."""
MAX_PICKLE_BYTES = 64 << 20
_TENSOR = "torch._utils._rebuild_tensor"


class Look:
    """What there is to be seen of ``path``; everything is looked at when it is first asked for, and once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suffix = path.suffix.lower()
        self.is_folder = path.is_dir()

    @cached_property
    def head(self) -> bytes:
        """The first bytes of a file."""
        return self._seen(lambda file, size: file.read(HEAD), b"")

    @cached_property
    def entries(self) -> frozenset[str]:
        """Names in a folder (with a slash after folders) or in a zip archive, hidden ones left out."""
        if self.is_folder:
            with suppress(OSError), os.scandir(self.path) as inside:
                first = islice((one for one in inside if not one.name.startswith(".")), MOST_ENTRIES)
                return frozenset(one.name + "/" * one.is_dir() for one in first)
        return self._table or frozenset()

    @property
    def is_archive(self) -> bool:
        """Whether it is a zip archive whose table of contents is worth reading."""
        return self._table is not None

    @cached_property
    def _table(self) -> frozenset[str] | None:
        return self._seen(_names_in, None) if self.head.startswith(b"PK\x03\x04") else None

    @cached_property
    def json(self) -> Mapping[str, Any]:
        """The object in a JSON file, or in the ``config.json`` of a folder; empty where there is none."""
        path = self.path / "config.json" if self.is_folder else self.path
        if path.suffix.lower() in (".json", ".ipynb") and path.is_file():
            with suppress(ModelError, OSError):
                return read_json(path)
        return {}

    @cached_property
    def pickled(self) -> Any:
        """What a pickle, or that in an archive of ``torch.save``, holds, as plain values; None where there is none."""
        if self.is_archive:
            return self._seen(_pickled_in_archive, None)
        return self._seen(_pickled_in, None) if self.head[:1] == b"\x80" else None

    def _seen(self, look: Callable[[BinaryIO, int], Seen], otherwise: Seen) -> Seen:
        """What ``look`` sees in the file of so many bytes; ``otherwise`` where that is not what it seems to be."""
        if self.is_folder:
            return otherwise
        with suppress(ModelError, OSError), foreign(self.path, "what it seems to be"), opened(self.path) as file:
            return look(file, os.fstat(file.fileno()).st_size)
        return otherwise

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name → shape of the tensors of a safetensors file, or of the first dictionary of tensors in a pickle."""
        return self._header.shapes or _shapes_in(self.pickled, 4)

    @cached_property
    def tensor(self) -> tuple[int, ...] | None:
        """The shape of the one tensor that a pickle holds, and nothing else; None where it holds anything else."""
        value = self.pickled
        if isinstance(value, Record) and value.name.startswith(_TENSOR) and _is_shaped(value):
            shape: tuple[int, ...] = value.arguments[2]
            return shape
        return None

    @property
    def metadata(self) -> Mapping[str, str]:
        """Of a safetensors file; empty where it has none."""
        return self._header.metadata

    @cached_property
    def _header(self) -> Header:
        if self.suffix == ".safetensors":
            with suppress(ModelError, OSError):
                return safetensors_header(self.path)
        return Header({}, {})


def _names_in(file: BinaryIO, size: int) -> frozenset[str] | None:
    with archive_in(file, size) as archive:
        return frozenset(archive.namelist())


def _pickled_in_archive(file: BinaryIO, size: int) -> Any:
    with archive_in(file, size) as archive:
        (inside,) = (entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl"))
        if inside.file_size > MAX_PICKLE_BYTES:
            return None
        return values_of(Source.of_bytes(unpacked(archive, inside)), _anything, persistent=True)


def _pickled_in(file: BinaryIO, size: int) -> Any:
    source = Source(GlancedFile(file, size), 0, size)
    first = values_of(source, _anything, persistent=True)
    if type(first) is not int:
        return first
    values_of(source, _anything), values_of(source, _anything)  # magic number, protocol, system
    return values_of(source, _anything, persistent=True)


def _anything(name: str) -> bool:
    """Names are looked at, and nothing more: none is imported."""
    return True


def _shapes_in(content: Any, depth: int) -> dict[str, tuple[int, ...]]:
    if not isinstance(content, Mapping):
        return {}
    shapes = {
        key: value.arguments[2]
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, Record) and value.name.startswith(_TENSOR) and _is_shaped(value)
    }
    inner = content.values() if depth > 0 and not shapes else ()
    return shapes or next((inside for value in inner if (inside := _shapes_in(value, depth - 1))), {})


def _is_shaped(tensor: Record) -> bool:
    shape = tensor.arguments[2] if len(tensor.arguments) > 2 else None
    return isinstance(shape, tuple) and len(shape) <= MOST_DIMENSIONS and all(type(size) is int for size in shape)
