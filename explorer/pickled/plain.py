"""The plain values of a pickle: containers, numbers, texts, and the arrays that NumPy's records stand for."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.pickled.records import Name, Payload, Record
from explorer.reading import UNPACKED_BYTES, check_unpacked

_NUMBERS = re.compile(r"[<>|=]?(?:f[248]|c(?:8|16)|[iu][1248]|b1)")
_CORES = ("numpy.core", "numpy._core")  # NumPy 2 renamed its inner package; files of both are in use
_MADE = {
    **{f"{core}.multiarray._reconstruct": "array" for core in _CORES},
    **{f"{core}.multiarray.scalar": "scalar" for core in _CORES},
    **{f"{core}.numeric._frombuffer": "buffer" for core in _CORES},
    "numpy.dtype": "type",
}
ARRAY_NAMES = frozenset({*_MADE, "numpy.ndarray"})
"""The names by which NumPy's arrays are written within pickles."""
_DEEPEST = 64
_MOST_AGAIN = 4  # times the length of a file: so much may be named once more


def native(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the byte order of this machine, the only one that torch takes."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


class Plain:
    """Values of a pickle as plain ones; ``data``: the bytes in which it lies, ``size``: of the whole file, which bounds
    what all arrays together may hold. Raises ValueError for what is none of these."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size, self._unpacked, self._again = data, size, 0, 0
        self._known: dict[int, Any] = {}  # a value that a file names a thousand times is made once

    def value(self, raw: Any, depth: int = 0) -> Any:
        """What ``raw`` stands for."""
        if not isinstance(raw, dict | list | tuple | set | Record | Payload | Name):
            return raw
        if depth > _DEEPEST:
            raise ValueError("values nested too deep")
        if id(raw) not in self._known:
            self._known[id(raw)] = self._made(raw, depth + 1)
        else:
            # Whoever computes with what is named often makes it as often.
            self._again += getattr(self._known[id(raw)], "nbytes", 0)
            if self._again > _MOST_AGAIN * self._size + UNPACKED_BYTES:
                raise ValueError("numbers that are named very often")
        return self._known[id(raw)]

    def key(self, raw: Any) -> Any:
        """A key, or a member of a set, which are plain in any case: no array is one."""
        if isinstance(raw, Record | Name | Payload):
            raise ValueError("an object for a key")
        return raw

    def charge(self, unpacked: int) -> None:
        """Count so many bytes of numbers before they are made. Raises ValueError beyond the budget."""
        self._unpacked += unpacked
        check_unpacked(self._unpacked, self._size)

    def _made(self, raw: Any, depth: int) -> Any:
        if isinstance(raw, dict):
            return {self.key(key): self.value(entry, depth) for key, entry in raw.items()}
        if isinstance(raw, set):
            return {self.key(member) for member in raw}
        if isinstance(raw, list | tuple):
            return type(raw)(self.value(entry, depth) for entry in raw)
        if isinstance(raw, Payload):
            self.charge(raw.length)
            return self._data[raw.start : raw.start + raw.length]
        if isinstance(raw, Record):
            return self._of_record(raw, depth)
        raise ValueError("a name in place of a value")

    def _of_record(self, record: Record, depth: int) -> Any:
        """What an object stands for; ``depth``: of what is in it."""
        made = _MADE.get(record.name)
        if made == "array":
            _, shape, kind, fortran, numbers = record.state
            return self._array(shape, kind, bool(fortran), numbers)
        if made == "buffer":
            numbers, kind, shape, order = record.arguments[:4]
            return self._array(shape, kind, order == "F", numbers)
        if made == "scalar":
            return np.frombuffer(self._bytes(record.arguments[1]), self._type(record.arguments[0]))[0].item()
        raise ValueError("a value that is neither a number nor an array")

    def _array(self, shape: tuple[int, ...], kind: Any, fortran: bool, numbers: Any) -> NDArray[Any]:
        flat = np.frombuffer(self._bytes(numbers), self._type(kind))
        self.charge(flat.nbytes)
        return native(flat.reshape(shape, order="F" if fortran else "C").copy())

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
