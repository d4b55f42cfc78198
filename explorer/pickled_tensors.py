"""Pickles with PyTorch tensors in them, as training programs write whole networks, read as data
(:mod:`explorer.pickled`).

A file is read twice: once for what it says, while its numbers stay where they are, and once for the tensors that are
wanted; so of a file with three networks only one is ever in memory. All functions raise
:class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.checkpoint import check_memory, check_readable
from explorer.errors import ModelError
from explorer.pickled.instructions import values_of
from explorer.pickled.records import PERSISTENT, Admits, ForeignNameError, Name, Payload, Record, admitted
from explorer.pickled.source import Source
from explorer.reading import GlancedFile, HashedFile, foreign, is_reading, opened, read_file
from explorer.torch_file import MAGIC, STORAGES, check_strided

_LOAD, _PARAMETER = "torch.storage._load_from_bytes", "torch._utils._rebuild_parameter"
_TENSORS = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
TENSOR_NAMES = frozenset({*_TENSORS, _PARAMETER, _LOAD, *STORAGES})
"""The names by which tensors are written within pickles."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor whose numbers are still in the file: from byte ``start``, or in ``held``; ``stride`` and ``offset`` in
    numbers, of ``count`` that are stored."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    count: int
    start: int
    held: bytes | None

    def tensor(self, raw: Tensor) -> Tensor:
        """The tensor, contiguous, of the stored bytes ``raw``."""
        numbers = raw.view(self.dtype)
        return numbers.as_strided(self.shape, self.stride, self.offset).contiguous()


Parse = Callable[[HashedFile], Any]


def parser(admits: Admits) -> Parse:
    """Reads what a pickle says that names only what ``admits`` takes. Made once for a kind of file, so that a file
    that is being read is read for it once (:class:`explorer.reading.Reading`)."""
    return lambda file: values_of(Source(file, 0, file.size), admits)


def read_pickled(path: Path, parse: Parse, kind: str) -> Any:
    """What ``parse`` (:func:`parser`) finds in the pickle at ``path``; long runs of bytes stay in the file. ``kind``:
    what it should have been, for the sentence where it is none."""
    check_readable(path)
    with foreign(path, kind):
        try:
            if is_reading():
                return read_file(path, parse)
            with opened(path) as file:
                return parse(GlancedFile(file, path.stat().st_size))
        except ForeignNameError as error:
            raise ModelError(
                f"'{path.name}' asks for '{error}', which belongs to no network, and was not opened: it may carry "
                "Python code; ask its author for the weights alone."
            ) from error


def stored_tensor(value: Any) -> StoredTensor | None:
    """The tensor, or the parameter, that ``value`` stands for; None where it is neither. Raises ValueError for one that
    does not fit what is stored of it."""
    if isinstance(value, Record) and value.name == _PARAMETER:
        value = value.arguments[0] if value.arguments else None
    if not isinstance(value, Record) or value.name not in _TENSORS:
        return None
    storage, offset, shape, stride = (*value.arguments, None, None, None, None)[:4]
    if not isinstance(storage, Record) or storage.name != _LOAD or not storage.arguments:
        raise ValueError("a tensor without numbers")
    dtype, count, start, held = _storage(storage.arguments[0])
    check_strided(shape, stride, offset, count)
    if math.prod(shape) > count:
        raise ValueError("a tensor larger than what is stored of it")
    return StoredTensor(dtype, shape, stride, offset, count, start, held)


def _storage(raw: Any) -> tuple[torch.dtype, int, int, bytes | None]:
    """(type, count of numbers, byte of the file where they begin, or they themselves) of what :func:`torch.save` wrote
    of a storage before its files were archives: five pickles, the count, the numbers."""
    if not isinstance(raw, bytes | Payload):
        raise ValueError("numbers that are no bytes")
    head = raw if isinstance(raw, bytes) else raw.head
    source = Source.of_bytes(head)
    admits = admitted(STORAGES)
    magic, _, system, described, _ = (values_of(source, admits, persistent=True) for _ in range(5))
    if magic != MAGIC or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("numbers in an unknown order of bytes")
    if not isinstance(described, Record) or described.name != PERSISTENT:
        raise ValueError("numbers without a description")
    key = described.arguments[0]
    if not isinstance(key, tuple) or len(key) < 2 or not isinstance(key[1], Name) or key[1].text not in STORAGES:
        raise ValueError("numbers without a type")
    dtype, (count,) = STORAGES[key[1].text], struct.unpack("<q", source.read(8))
    begin, length = source.place, len(raw) if isinstance(raw, bytes) else raw.length
    if not 0 <= count * dtype.itemsize <= length - begin:
        raise ValueError("fewer numbers than described")
    if isinstance(raw, bytes):
        return dtype, count, 0, head[begin : begin + count * dtype.itemsize]
    return dtype, count, raw.start + begin, None


Change = Callable[[str, Tensor], Tensor]


def read_stored(path: Path, tensors: Mapping[str, StoredTensor], change: Change) -> dict[str, Tensor]:
    """Name → what ``change`` makes of the tensor of that name, on the CPU, each with its own memory."""
    check_memory(sum(one.count * one.dtype.itemsize for one in tensors.values()), path)
    with foreign(path, "a pickle of a network"):
        return dict(read_file(path, functools.partial(_numbers, tensors=tensors, change=change)))


def _numbers(file: HashedFile, tensors: Mapping[str, StoredTensor], change: Change) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    place = 0
    raw, begin = torch.empty(0, dtype=torch.uint8), -1
    for name, one in sorted(tensors.items(), key=lambda entry: entry[1].start):
        if one.held is not None:
            raw, begin = torch.frombuffer(bytearray(one.held) or bytearray(8), dtype=torch.uint8), -1
        elif one.start != begin:
            length = one.count * one.dtype.itemsize
            raw, begin = torch.empty(length, dtype=torch.uint8), one.start
            if file.skip(one.start - place) < one.start - place or file.read_into(raw.numpy()) < length:
                raise ValueError(f"it ends within '{name}'")
            place = one.start + length
        tensor = one.tensor(raw)
        shared = one.held is None and sum(other.start == one.start for other in tensors.values()) > 1
        found[name] = change(name, tensor.clone() if shared else tensor)
    return found
