"""Reading arrays that others wrote (``.npy``, ``.npz``, pickles of arrays): nothing in them is executed, and
numbers come in the byte order of this machine.

All functions raise :class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from explorer.checkpoint import check_memory, check_readable
from explorer.errors import ModelError
from explorer.pickled.instructions import values_of
from explorer.pickled.records import ForeignNameError, Name, Payload, Record, admitted
from explorer.pickled.source import Source
from explorer.reading import HashedFile, archive_in, foreign, read_file, whole

_NUMBERS = re.compile(r"[<>|=]?(?:f[248]|c(?:8|16)|[iu][1248]|b1)")


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file; one of Python objects is refused."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "an array of numbers (.npy)"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers that Python 2 wrote, which are read all the same
        return _native(read_file(path, _npy))


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
    with foreign(path, "an archive of arrays (.npz)"):
        data = read_file(path, whole)
        with archive_in(io.BytesIO(data), len(data)) as archive:
            inside = [entry for entry in archive.infolist() if not entry.is_dir()]
            check_memory(sum(entry.file_size for entry in inside), path)
            return {entry.filename.removesuffix(".npy"): _member(archive, entry) for entry in inside}


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _native(_npy(HashedFile(cast(BinaryIO, file), entry.file_size)))


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle of plain values and arrays of numbers, the arrays being its direct values.

    Whatever else the pickle names is refused by name and not imported, let alone called.
    """
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "a pickle of arrays"):
        data = read_file(path, whole)
        try:
            content = _Plain(data).value(values_of(Source.of_bytes(data), _ADMITS))
        except ForeignNameError as error:
            raise ModelError(
                f"'{path.name}' asks for '{error}', which is neither a number nor an array, and was not opened: it may "
                "carry Python code; ask its author for plain arrays."
            ) from error
        if isinstance(content, dict) and all(isinstance(key, str) for key in content):
            return content
    raise ModelError(f"'{path.name}' holds a {type(content).__name__} instead of named values; export it again.")


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the byte order of this machine, the only one that torch takes."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


_CORES = ("numpy.core", "numpy._core")  # NumPy 2 renamed its inner package; files of both are in use
_MADE = {
    **{f"{core}.multiarray._reconstruct": "array" for core in _CORES},
    **{f"{core}.multiarray.scalar": "scalar" for core in _CORES},
    **{f"{core}.numeric._frombuffer": "buffer" for core in _CORES},
    "numpy.dtype": "type",
}
_ADMITS = admitted({*_MADE, "numpy.ndarray"})
_DEEPEST = 64


class _Plain:
    """Values of a pickle with the arrays and numbers that NumPy's records stand for; ``data``: the bytes of the file.
    Raises ValueError for what is none of these."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[int, Any] = {}  # a value that a file names a thousand times is made once

    def value(self, raw: Any, depth: int = 0) -> Any:
        """What ``raw`` stands for."""
        if not isinstance(raw, dict | list | tuple | Record | Payload | Name):
            return raw
        if depth > _DEEPEST:
            raise ValueError("values nested too deep")
        if id(raw) not in self._known:
            self._known[id(raw)] = self._made(raw, depth + 1)
        return self._known[id(raw)]

    def _made(self, raw: Any, depth: int) -> Any:
        if isinstance(raw, dict):
            return {key: self.value(entry, depth) for key, entry in raw.items()}
        if isinstance(raw, list | tuple):
            return type(raw)(self.value(entry, depth) for entry in raw)
        if isinstance(raw, Payload):
            return self._data[raw.start : raw.start + raw.length]
        made = _MADE.get(raw.name) if isinstance(raw, Record) else None
        if made == "array":
            _, shape, kind, fortran, numbers = raw.state
            return self._array(shape, kind, bool(fortran), numbers)
        if made == "buffer":
            numbers, kind, shape, order = raw.arguments[:4]
            return self._array(shape, kind, order == "F", numbers)
        if made == "scalar":
            return np.frombuffer(self._bytes(raw.arguments[1]), self._type(raw.arguments[0]))[0].item()
        raise ValueError("a value that is neither a number nor an array")

    def _array(self, shape: tuple[int, ...], kind: Any, fortran: bool, numbers: Any) -> NDArray[Any]:
        flat = np.frombuffer(self._bytes(numbers), self._type(kind))
        return _native(flat.reshape(shape, order="F" if fortran else "C").copy())

    def _bytes(self, raw: Any) -> bytes:
        numbers = self.value(raw)
        return numbers.encode("latin1") if isinstance(numbers, str) else bytes(memoryview(numbers))

    @staticmethod
    def _type(raw: Any) -> np.dtype[Any]:
        """The type of numbers: its letter and size, and the byte order that the state adds."""
        if not isinstance(raw, Record) or _MADE.get(raw.name) != "type":
            raise ValueError("an array without a type")
        code = raw.arguments[0]
        if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
            raise ValueError("an array of other things than numbers")
        if raw.state is None:
            return np.dtype(code)
        if raw.state[1] not in ("<", ">", "|", "="):
            raise ValueError("an unknown order of bytes")
        ordered: np.dtype[Any] = np.dtype(raw.state[1] + code.lstrip("<>|="))
        return ordered
