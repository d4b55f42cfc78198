"""A file or a folder that no family opens, looked at no further than it takes to say what it is. Nothing is executed,
and a file that is not what it seems to be answers with nothing, never with an error."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from explorer.checkpoint import MAX_JSON_BYTES, safetensors_header
from explorer.errors import ModelError
from explorer.pickled.instructions import values_of
from explorer.pickled.records import Record
from explorer.pickled.source import Source
from explorer.reading import GlancedFile
from explorer.tensor_file import Header

HEAD = 4096
MOST_ENTRIES = 20_000
"""Of a folder, or an archive, that are looked at."""
MAX_PICKLE_BYTES = 64 << 20
_DAMAGE = (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError)
_TENSOR = "torch._utils._rebuild_tensor"
_END_OF_ARCHIVE = b"PK\x05\x06"


class Look:
    """What there is to be seen of ``path``; everything is looked at when it is first asked for, and once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suffix = path.suffix.lower()
        self.is_folder = path.is_dir()

    @cached_property
    def head(self) -> bytes:
        """The first bytes of a file."""
        try:
            with self.path.open("rb") as file:
                return file.read(HEAD)
        except OSError:
            return b""

    @cached_property
    def entries(self) -> frozenset[str]:
        """Names in a folder (with a slash after folders) or in a zip archive, hidden ones left out."""
        try:
            if self.is_folder:
                inside = sorted(self.path.iterdir())[:MOST_ENTRIES]
                return frozenset(one.name + "/" * one.is_dir() for one in inside if not one.name.startswith("."))
            if self.is_archive:
                with zipfile.ZipFile(self.path) as archive:
                    return frozenset(archive.namelist())
        except _DAMAGE:
            pass
        return frozenset()

    @cached_property
    def is_archive(self) -> bool:
        """Whether it is a zip archive whose table of contents is of a size that is worth reading."""
        if not self.head.startswith(b"PK\x03\x04"):
            return False
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - 65_557))  # the end and the longest comment
                end = file.read()
        except OSError:
            return False
        place = end.rfind(_END_OF_ARCHIVE)
        return place >= 0 and int.from_bytes(end[place + 10 : place + 12], "little") <= MOST_ENTRIES

    @cached_property
    def json(self) -> Mapping[str, Any]:
        """The object in a JSON file, or in the ``config.json`` of a folder; empty where there is none."""
        path = self.path / "config.json" if self.is_folder else self.path
        try:
            if path.suffix.lower() not in (".json", ".ipynb") or path.stat().st_size > MAX_JSON_BYTES:
                return {}
            content = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    @cached_property
    def pickled(self) -> Any:
        """What a pickle, or that in an archive of ``torch.save``, holds, as plain values; None where there is none."""
        try:
            if self.is_archive:
                with zipfile.ZipFile(self.path) as archive:
                    inside = [entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl")]
                    if len(inside) != 1 or inside[0].file_size > MAX_PICKLE_BYTES:
                        return None
                    with archive.open(inside[0]) as file:
                        content = file.read(MAX_PICKLE_BYTES)
                return values_of(Source.of_bytes(content), _anything, persistent=True)
            if self.head[:1] == b"\x80" and not self.is_folder:
                with self.path.open("rb", buffering=0) as raw:
                    size = self.path.stat().st_size
                    source = Source(GlancedFile(raw, size), 0, size)
                    first = values_of(source, _anything, persistent=True)
                    if type(first) is not int:
                        return first
                    values_of(source, _anything), values_of(source, _anything)  # magic number, protocol, system
                    return values_of(source, _anything, persistent=True)
        except _DAMAGE:
            pass
        return None

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
        try:
            if self.suffix == ".safetensors":
                return safetensors_header(self.path)
        except ModelError:
            pass
        return Header({}, {})


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
    return len(tensor.arguments) > 2 and isinstance(tensor.arguments[2], tuple)
