"""Jobs and their outcomes as bytes: msgpack of structs and data classes, arrays as their numbers. Nothing is executed
when they are read."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np

T = TypeVar("T")


def packed(value: object) -> bytes:
    """``value`` (a struct or data class, in which there may be arrays) as msgpack."""
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def unpacked(data: bytes, kind: type[T]) -> T:
    """What :func:`packed` made these bytes of, bit for bit. Raises :class:`msgspec.DecodeError` for other bytes."""
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_array)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": np.ascontiguousarray(value).tobytes()}
    raise NotImplementedError(f"{type(value).__name__} cannot be packed")


def _array(kind: type, value: Any) -> object:
    # An object array would be pointers; dtype strings of numbers and flags alone are read.
    if value["dtype"][1:2] not in ("f", "i", "u", "b"):
        raise ValueError(f"an array of '{value['dtype']}' is not of numbers")
    return np.frombuffer(value["data"], value["dtype"]).reshape(value["shape"]).copy()
