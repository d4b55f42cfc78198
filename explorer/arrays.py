"""Reading arrays that others wrote (``.npy``, ``.npz``, pickles of arrays): nothing in them is executed, and
numbers come in the byte order of this machine.

All functions raise :class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import tokenize
import warnings
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from explorer.checkpoint import DAMAGE, check_memory, check_readable, unreadable
from explorer.errors import ModelError
from explorer.reading import HashedFile, read_file, whole

# What the readers of damaged headers and archives have been seen to raise, besides what other files make readers raise.
_DAMAGE = (
    *DAMAGE, MemoryError, SyntaxError, tokenize.TokenError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_NUMBERS = re.compile(r"[<>|=]?(?:f[248]|c(?:8|16)|[iu][1248]|b1)")


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file; one of Python objects is refused."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers that Python 2 wrote, which are read all the same
            return _native(read_file(path, _npy))
    except _DAMAGE as error:
        raise ModelError(unreadable(path, "an array of numbers (.npy)")) from error


def _npy(file: HashedFile) -> NDArray[Any]:
    data = whole(file)
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
    shape, _, dtype = read_header(stream)
    # Looked at first: a header that promises more than the file holds must not cost any memory.
    if math.prod(shape) * dtype.itemsize > len(data) - stream.tell():
        raise ValueError(f"an array of shape {shape} in {len(data)} bytes")
    stream.seek(0)
    return np.asarray(np.load(stream, allow_pickle=False))


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a ``.npz`` file by name; those of Python objects are refused."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    try:
        data = io.BytesIO(read_file(path, whole))
        with zipfile.ZipFile(data) as archive:
            check_memory(sum(entry.file_size for entry in archive.infolist()), path)
        data.seek(0)
        with warnings.catch_warnings(), np.load(data, allow_pickle=False) as arrays:
            warnings.simplefilter("ignore")
            return {name: _native(np.array(arrays[name])) for name in arrays.files}
    except _DAMAGE as error:
        raise ModelError(unreadable(path, "an archive of arrays (.npz)")) from error


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle of plain values and arrays of numbers, the arrays being its direct values.

    Whatever else the pickle names is refused by name and not imported, let alone called.
    """
    check_readable(path)
    check_memory(path.stat().st_size, path)
    try:
        file = io.BytesIO(read_file(path, whole))
        _check_memo(file)
        file.seek(0)
        content = _Restricted(file, encoding="latin1").load()
        if isinstance(content, dict) and all(isinstance(key, str) for key in content):
            return {key: value.array() if isinstance(value, _Record) else value for key, value in content.items()}
    except _ForeignGlobalError as error:
        raise ModelError(
            f"'{path.name}' asks for '{error}', which is neither a number nor an array, and was not opened: it may "
            "carry Python code; ask its author for plain arrays."
        ) from error
    except _DAMAGE as error:
        raise ModelError(unreadable(path, "a pickle of arrays")) from error
    raise ModelError(f"'{path.name}' holds a {type(content).__name__} instead of named values; export it again.")


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the byte order of this machine, the only one that torch takes."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_memo(file: BinaryIO) -> None:
    """Raises ValueError for a place in the memo beyond the number of values: the unpickler would allocate up to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in the texts
        for count, (code, place, _) in enumerate(pickletools.genops(file)):
            if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(place or 0) > count:
                raise ValueError(f"place {place} of {count}")


class _ForeignGlobalError(Exception):
    """A pickle names something that is not on the list."""


class _Record(ABC):
    """What stands for an array until the pickle has been read."""

    @abstractmethod
    def array(self) -> NDArray[Any]:
        """The array."""


class _Restricted(pickle.Unpickler):
    """Knows the few names with which NumPy writes arrays, and builds these itself."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._known = _known()  # made anew for every file: a pickle may set attributes of what it is given

    def find_class(self, module: str, name: str, /) -> Any:
        # NumPy 2 renamed its inner package; files of both are in use.
        found = self._known.get((module.replace("numpy._core", "numpy.core"), name))
        if found is None:
            raise _ForeignGlobalError(f"{module}.{name}")
        return found


def _known() -> dict[tuple[str, str], Any]:
    """(module, name) → what is used in its place."""

    class Dtype:
        """``numpy.dtype`` of numbers: its letter and size, and the byte order that the state adds."""

        def __init__(self, code: str, *_: object) -> None:
            if not _NUMBERS.fullmatch(code):
                raise ValueError(f"an array of {code!r}")
            self.code = code

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            order = state[1]
            if order not in ("<", ">", "|", "="):
                raise ValueError(f"byte order {order!r}")
            self.code = order + self.code.lstrip("<>|=")

    class Array(_Record):
        """``numpy.ndarray``: shape, type and bytes, turned into an array when all is read."""

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            _, self.shape, self.dtype, self.fortran, self.raw = state

        def array(self) -> NDArray[Any]:
            raw = self.raw.encode("latin1") if isinstance(self.raw, str) else self.raw
            flat = np.frombuffer(raw, np.dtype(self.dtype.code))
            return _native(flat.reshape(self.shape, order="F" if self.fortran else "C").copy())

    def reconstruct(*_: object) -> Array:
        return Array()

    def from_buffer(raw: bytes, dtype: Dtype, shape: tuple[int, ...], order: str, *_: object) -> Array:
        array = Array()
        array.__setstate__((1, shape, dtype, order == "F", raw))
        return array

    def scalar(dtype: Dtype, raw: bytes | str) -> Any:
        return np.frombuffer(raw.encode("latin1") if isinstance(raw, str) else raw, np.dtype(dtype.code))[0].item()

    def encode(text: str, encoding: str) -> bytes:  # how protocol 2 writes bytes
        if encoding != "latin1":
            raise ValueError(f"encoding {encoding!r}")
        return text.encode("latin1")

    def nothing() -> bytes:  # how protocol 2 writes no bytes; with a number it would fill the memory
        return b""

    return {
        ("numpy", "ndarray"): Array,
        ("numpy", "dtype"): Dtype,
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy.core.multiarray", "scalar"): scalar,
        ("numpy.core.numeric", "_frombuffer"): from_buffer,
        ("_codecs", "encode"): encode,
        ("__builtin__", "bytes"): nothing,
        ("collections", "OrderedDict"): dict,
    }
