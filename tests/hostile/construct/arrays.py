"""Single arrays of NumPy."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from tests.hostile.construct.archives import HEADERS, npy
from tests.hostile.construct.base import Construct, Made


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is an array."""
    return head.startswith(b"\x93NUMPY")


def _header(header: str) -> Construct:
    return lambda made: made.write(npy(header))


def _saved(change) -> Construct:
    def construct(made: Made) -> None:
        written = io.BytesIO()
        with np.errstate(all="ignore"):
            np.save(written, change(np.load(made.file)), allow_pickle=True)
        made.write(written.getvalue())

    return construct


def _length(made: Made) -> None:
    made.write(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + made.data[10:])


CONSTRUCTIONS: dict[str, Construct] = {
    **{f"a header, {number}": _header(header) for number, header in enumerate(HEADERS)},
    "NaN": _saved(lambda array: array * np.nan),
    "infinity": _saved(lambda array: array * np.inf),
    "zeros": _saved(np.zeros_like),
    "far too large": _saved(lambda array: np.full(array.shape, 3e38)),
    "doubles too large": _saved(lambda array: np.full(array.shape, 1e300)),
    "complex": _saved(lambda array: array.astype(complex)),
    "texts": _saved(lambda array: array.astype(str)),
    "objects": _saved(lambda array: array.astype(object)),
    "many rows": _saved(lambda array: np.tile(array.reshape(-1, array.shape[-1])[:1], (200_000, 1))),
    "60 dimensions": _saved(lambda array: array.reshape(-1)[:1].reshape([1] * 30)),
    "none": _saved(lambda array: array[:0]),
    "a scalar": _saved(lambda array: np.float64(1)),
    "a length": _length,
}
