"""The files of ``torch.save``, read into plain values and tensors that own their memory.

Such a file is a pickle and the numbers of its storages: since 1.6 a zip archive of both, before that one after the
other. PyTorch's own reader builds what the pickle says and asks questions later: tensors of any kind, records that are
unpacked whatever they become, keys that are hashed for hours. Here the pickle is followed by :mod:`explorer.pickled`,
every storage is compared with what there is of it before anything is allocated, and only strided tensors of numbers are
taken.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from explorer.pickled.instructions import values_of
from explorer.pickled.plain import ARRAY_NAMES, Plain
from explorer.pickled.records import PERSISTENT, Name, Record, admitted
from explorer.pickled.source import Source
from explorer.pickled.unfolded import containers_in
from explorer.reading import HashedFile, archive_in, unpacked, whole
from explorer.tensor_file import NARROW

STORAGES = {
    "torch.FloatStorage": torch.float32, "torch.DoubleStorage": torch.float64, "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16, "torch.LongStorage": torch.int64, "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16, "torch.CharStorage": torch.int8, "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool, "torch.ComplexFloatStorage": torch.complex64,
    "torch.ComplexDoubleStorage": torch.complex128,
}  # fmt: skip
MAGIC = 0x1950A86A20F9469CFC6C  # what torch.save began its files with before they were zip archives
MOST_DIMENSIONS = 8
_UNTYPED = "torch.storage.UntypedStorage"  # of bytes; the tensor says what they are
_TYPES = {
    f"torch.{name}": getattr(torch, name)
    for name in (
        "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
        "complex128", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64",
    )
}  # fmt: skip
_TENSORS = {
    "torch._utils._rebuild_tensor": 4,
    "torch._utils._rebuild_tensor_v2": 6,
    "torch._utils._rebuild_tensor_v3": 7,
}
"""Name → how many arguments come before what is said beside."""
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_SUBCLASS = "torch._tensor._rebuild_from_type_v2"
_ORDINARY = ("torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter")
_MAPPINGS = ("collections.defaultdict", "collections.Counter")
_COMPLEX = ("builtins.complex", "__builtin__.complex")
_OPTIONS = "argparse.Namespace"
_UNREAD = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_sparse_csr_tensor": "a sparse tensor",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without numbers (of the device 'meta')",
    "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of another device",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of another device",
    "torch._utils._rebuild_wrapper_subclass": "a tensor of a class of its own",
}
_ADMITS = admitted(
    {
        *STORAGES, *_TYPES, *_TENSORS, *_PARAMETERS, *_ORDINARY, *_MAPPINGS, *_UNREAD, *ARRAY_NAMES,
        _UNTYPED, _SUBCLASS, _OPTIONS, "torch.Size", "torch.device", "torch.serialization._get_layout",
        "builtins.list", "builtins.int", "builtins.float", "__builtin__.list", "__builtin__.int", "__builtin__.float",
        *_COMPLEX,
    },
    ("torch.QInt", "torch.QUInt", "torch.qint", "torch.quint", "torch.per_"),
)  # fmt: skip


class UnreadTensorError(ValueError):
    """A tensor that is none of a strided array of numbers; its text says what it is."""


def value_of(file: HashedFile) -> Any:
    """What the file holds: None, numbers, texts, lists, tuples, sets, dictionaries, arrays, and tensors on the CPU.

    Options of a program (``argparse.Namespace``) are a dictionary, numbers of 8 bits with a point are of 16, which hold
    them exactly. Raises ValueError, of that :class:`explorer.pickled.records.ForeignNameError` for what is none of
    these and :class:`UnreadTensorError`, and what :mod:`zipfile` raises.
    """
    data = whole(file)
    return _archived(data) if data.startswith(b"PK") else _in_sequence(data)


def check_strided(shape: Any, stride: Any, offset: Any, count: int) -> None:
    """Raises ValueError unless a tensor of ``shape`` with ``stride``, from number ``offset`` on, lies within ``count``
    numbers."""
    if not all(isinstance(sizes, tuple) and len(sizes) <= MOST_DIMENSIONS for sizes in (shape, stride)):
        raise ValueError("a tensor without a shape")
    numbers = (offset, *shape, *stride)
    if len(shape) != len(stride) or not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("a tensor of an impossible shape")
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if 0 not in shape and last >= count:
        raise ValueError("a tensor larger than what is stored of it")


def _archived(data: bytes) -> Any:
    with archive_in(io.BytesIO(data), len(data)) as archive:
        names = archive.namelist()
        (root,) = {
            name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl") and name.count("/") == 1
        }
        if f"{root}byteorder" in names and unpacked(archive, archive.getinfo(f"{root}byteorder")) != b"little":
            raise ValueError("numbers in another order of bytes")
        pickled = unpacked(archive, archive.getinfo(f"{root}data.pkl"))
        content = values_of(Source.of_bytes(pickled), _ADMITS, persistent=True)
        return _InArchive(pickled, len(data), archive, root).value(content)


def _in_sequence(data: bytes) -> Any:
    """Five pickles (of the magic number, the protocol, the machine, the content, the keys of the storages), and the
    storages: of each the count of its numbers, and these."""
    source = Source.of_bytes(data)
    magic, _, system, content, keys = (values_of(source, _ADMITS, persistent=True) for _ in range(5))
    if magic != MAGIC or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("no file of torch.save, or numbers in another order of bytes")
    if not isinstance(keys, list):
        raise ValueError("storages without keys")
    return _InSequence(data, source.place, keys, content).value(content)


class _Tensors(Plain, ABC):
    """Plain values with the tensors that a file of ``torch.save`` holds."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data, size)
        self._storages: dict[str, Tensor] = {}
        self._views: dict[Any, Tensor] = {}

    @abstractmethod
    def numbers(self, key: str, length: int) -> Tensor:
        """The ``length`` bytes of the storage ``key``. Raises ValueError where there are not so many."""

    def _made(self, raw: Any, depth: int) -> Any:
        return raw.text if isinstance(raw, Name) else super()._made(raw, depth)  # a type, which nobody reads

    def _of_record(self, record: Record, depth: int) -> Any:
        name, arguments = record.name, record.arguments
        if name in _UNREAD:
            raise UnreadTensorError(_UNREAD[name])
        if name in _TENSORS:
            return self._tensor(name, arguments)
        if name in _PARAMETERS:
            return self.value(arguments[0], depth)
        if name == _SUBCLASS:
            function, kind, inner = arguments[:3]
            if not isinstance(kind, Name) or kind.text not in _ORDINARY or not isinstance(function, Name):
                raise UnreadTensorError("a tensor of a class of its own")
            return self._of_record(Record(function.text, inner), depth)
        if name in _MAPPINGS:
            pairs = [pair for start in arguments if isinstance(start, dict) for pair in start.items()]
            return {key: self.value(entry, depth) for key, entry in (*pairs, *record.items)}
        if name == _OPTIONS:
            return self.value(record.state, depth) if isinstance(record.state, dict) else {}
        if name in ("torch.Size", "torch.device"):
            return self.value(arguments[0], depth)
        if name in _COMPLEX:
            return complex(*(float(part) for part in arguments))
        return super()._of_record(record, depth)

    def _tensor(self, name: str, arguments: tuple[Any, ...]) -> Tensor:
        storage, offset, shape, stride = arguments[:4]
        beside = arguments[_TENSORS[name] :]
        if any(isinstance(said, Mapping) and said for said in beside):
            raise UnreadTensorError("a tensor that is read through a rule")  # conjugated or negated
        if isinstance(shape, Record) and shape.name == "torch.Size":
            (shape,) = shape.arguments
        dtype, key, count, start, length = self._described(storage)
        if dtype is None:  # bytes, of which the tensor says what they are
            dtype = _TYPES[arguments[6].text]
            count //= dtype.itemsize
        check_strided(shape, stride, offset, count)
        view = (key, start, dtype, offset, shape, stride)
        if view not in self._views:
            wide = torch.float16 if dtype in NARROW else dtype
            # What is more than is stored of it is made as soon as somebody computes with it.
            self.charge(math.prod(shape) * wide.itemsize)
            if key not in self._storages:
                self._storages[key] = self.numbers(key, length)
            held = self._storages[key]
            if len(held) != length:
                raise ValueError("a storage of two sizes")
            raw = held[start * dtype.itemsize : (start + count) * dtype.itemsize]
            self._views[view] = raw.view(dtype).as_strided(shape, stride, offset).to(wide)
        return self._views[view]

    def _described(self, storage: Any) -> tuple[torch.dtype | None, str, int, int, int]:
        """(type, key, count of numbers, the first of them, bytes of the whole storage); no type: numbers are bytes."""
        if not isinstance(storage, Record) or storage.name != PERSISTENT:
            raise ValueError("a tensor without numbers")
        (said,) = storage.arguments
        kind, type_name, key, _, count = said[:5]
        if kind != "storage" or not isinstance(type_name, Name) or not isinstance(key, str) or type(count) is not int:
            raise ValueError("numbers without a description")
        dtype = None if type_name.text == _UNTYPED else STORAGES[type_name.text]
        if not 0 <= count < 1 << 62:
            raise ValueError("a count that is none")
        length = count * (dtype.itemsize if dtype is not None else 1)
        if len(said) > 5 and said[5] is not None:  # in old files, a part of a storage
            _, start, size = said[5]
            if not 0 <= start <= start + size <= count:
                raise ValueError("a part of a storage that lies beyond it")
            return dtype, key, size, start, length
        return dtype, key, count, 0, length


class _InArchive(_Tensors):
    def __init__(self, pickled: bytes, size: int, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(pickled, size)
        self._archive, self._root = archive, root

    def numbers(self, key: str, length: int) -> Tensor:
        entry = self._archive.getinfo(f"{self._root}data/{key}")
        if entry.file_size != length:
            raise ValueError(f"a storage of {length} bytes, of which {entry.file_size} are there")
        raw = torch.empty(length, dtype=torch.uint8)
        with self._archive.open(entry) as file:
            if HashedFile(cast(BinaryIO, file), length).read_into(raw.numpy()) < length:
                raise ValueError("it ends within its numbers")
        return raw


class _InSequence(_Tensors):
    """``place``: where the storages begin; ``keys``: theirs, in order; ``content``: the raw content, which alone says
    how long each number of a storage is."""

    def __init__(self, data: bytes, place: int, keys: Sequence[Any], content: Any) -> None:
        super().__init__(data, len(data))
        lengths: dict[str, int] = {}
        for part in containers_in(content):
            if isinstance(part, Record) and part.name == PERSISTENT:
                _, key, _, _, length = self._described(part)
                lengths[key] = length
        self._places: dict[str, int] = {}
        for key in keys:
            (count,) = struct.unpack_from("<q", data, place)
            if count < 0 or lengths[key] % max(count, 1) or lengths[key] > len(data) - place - 8:
                raise ValueError("fewer numbers than described")
            self._places[key] = place + 8
            place += 8 + lengths[key]

    def numbers(self, key: str, length: int) -> Tensor:
        raw = torch.empty(length, dtype=torch.uint8)
        raw.numpy()[:] = np.frombuffer(self._data, np.uint8, length, self._places[key])
        return raw
