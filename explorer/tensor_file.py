"""The safetensors format, read into tensors that own their memory.

The format is 8 bytes with the length n of the header, little-endian; n bytes of JSON: name → type, shape and where the
numbers begin and end; and the numbers without gaps. The library of that name maps files, and what is mapped changes
with the file; it also reads a file apart from its digest.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
import torch
from torch import Tensor

from explorer.reading import HashedFile, check_json

LONGEST_HEADER = 100_000_000  # bytes; as in the library
MOST_TENSORS = 50_000  # published networks have some thousand
_METADATA = "__metadata__"
_TYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8, "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
    "I8": torch.int8, "I16": torch.int16, "I32": torch.int32, "I64": torch.int64,
    "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64, "C64": torch.complex64,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
_Size = Annotated[int, msgspec.Meta(ge=0)]


NARROW = (torch.float8_e4m3fn, torch.float8_e5m2)
"""Types that nothing computes with; half precision holds their numbers exactly."""


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[_Size, ...]
    data_offsets: tuple[_Size, _Size]

    @property
    def length(self) -> int:
        """Bytes. Raises KeyError for a type that is not known."""
        return math.prod(self.shape) * _TYPES[self.dtype].itemsize


@dataclass(frozen=True)
class Header:
    """What a file says before its numbers."""

    metadata: dict[str, str]
    entries: dict[str, _Entry]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape."""
        return {name: entry.shape for name, entry in self.entries.items()}


def header_of(file: HashedFile) -> Header:
    """The header of ``file``, whose next bytes are the numbers. Raises ValueError for one that does not fit the format,
    or the length of the file."""
    start = file.read(8)
    if len(start) < 8:
        raise ValueError("it ends in its first bytes")
    (length,) = struct.unpack("<Q", start)
    if length > min(LONGEST_HEADER, file.size - 8):
        raise ValueError(f"a header of {length} bytes in a file of {file.size}")
    try:
        described = check_json(file.read(length))
        if described.count(b'"data_offsets"') > MOST_TENSORS:
            raise ValueError("more tensors than any network has")
        fields = msgspec.json.decode(described, type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(fields.pop(_METADATA, b"null"), type=dict[str, str] | None)
        entries = {name: msgspec.json.decode(raw, type=_Entry) for name, raw in fields.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"a damaged header ({error})") from error
    place = 0
    for name, entry in sorted(entries.items(), key=lambda one: one[1].data_offsets):
        if entry.dtype not in _TYPES:
            raise ValueError(f"numbers of the unknown type {entry.dtype!r}")
        if entry.data_offsets != (place, place + entry.length):
            raise ValueError(f"numbers of '{name}' at {entry.data_offsets} where {place, place + entry.length} belongs")
        place += entry.length
    if place != file.size - 8 - length:
        raise ValueError(f"{file.size - 8 - length} bytes of numbers where {place} belong")
    return Header(metadata or {}, entries)


def tensors_of(file: HashedFile) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of ``file``, on the CPU, each with its own memory; numbers of 8 bits with a point as
    such of 16. Raises as :func:`header_of`."""
    header = header_of(file)
    found: dict[str, Tensor] = {}
    for name, entry in sorted(header.entries.items(), key=lambda one: one[1].data_offsets):
        raw = torch.empty(entry.length, dtype=torch.uint8)
        if file.read_into(raw.numpy()) < entry.length:
            raise ValueError(f"it ends within '{name}'")
        tensor = raw.view(_TYPES[entry.dtype]).reshape(entry.shape)
        found[name] = tensor.half() if tensor.dtype in NARROW else tensor
    return header.metadata, {name: found[name] for name in header.entries}


def by_prefix(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """What stands before the first point of their names → the tensors by what stands behind it."""
    grouped: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, own = name.partition(".")
        grouped.setdefault(prefix, {})[own] = tensor
    return grouped
