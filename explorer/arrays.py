"""Reading arrays that others wrote (``.npy``, ``.npz``, pickles of arrays): nothing in them is executed, and
numbers come in the byte order of this machine.

All functions raise :class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from explorer.checkpoint import check_memory, check_readable
from explorer.errors import ModelError
from explorer.pickled.instructions import values_of
from explorer.pickled.plain import ARRAY_NAMES, Plain, native
from explorer.pickled.records import ForeignNameError, admitted
from explorer.pickled.source import Source
from explorer.reading import HashedFile, archive_in, foreign, read_file, whole

MOST_ARRAYS = 4096
"""Of one archive; each has a header of its own to be understood."""
_ADMITS = admitted(ARRAY_NAMES)


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file; one of Python objects is refused."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "an array of numbers (.npy)"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers that Python 2 wrote, which are read all the same
        return native(read_file(path, _npy))


def _npy(file: HashedFile) -> NDArray[Any]:
    """Read into the memory that the array keeps, once it is known that there is so much in the file."""
    version = np.lib.format.read_magic(cast(BinaryIO, file))
    read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
    shape, is_fortran, dtype = read_header(cast(BinaryIO, file))
    count = math.prod(shape)
    if dtype.hasobject or not dtype.itemsize or not 0 <= count * dtype.itemsize <= file.size:
        raise ValueError(f"an array of {count} of the type {dtype} in {file.size} bytes")
    raw = np.empty(count * dtype.itemsize, np.uint8)
    if file.read_into(raw) < len(raw):
        raise ValueError("it ends within its numbers")
    return raw.view(dtype).reshape(shape, order="F" if is_fortran else "C")


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a ``.npz`` file by name; those of Python objects are refused."""
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "an archive of arrays (.npz)"):
        data = read_file(path, whole)
        with archive_in(io.BytesIO(data), len(data)) as archive:
            inside = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(inside) > MOST_ARRAYS:
                raise ValueError(f"{len(inside)} arrays")
            check_memory(sum(entry.file_size for entry in inside), path)
            return {entry.filename.removesuffix(".npy"): _member(archive, entry) for entry in inside}


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return native(_npy(HashedFile(cast(BinaryIO, file), entry.file_size)))


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle of plain values and arrays of numbers, the arrays being its direct values.

    Whatever else the pickle names is refused by name and not imported, let alone called.
    """
    check_readable(path)
    check_memory(path.stat().st_size, path)
    with foreign(path, "a pickle of arrays"):
        data = read_file(path, whole)
        try:
            content = Plain(data, len(data)).value(values_of(Source.of_bytes(data), _ADMITS))
        except ForeignNameError as error:
            raise ModelError(
                f"'{path.name}' asks for '{error}', which is neither a number nor an array, and was not opened: it may "
                "carry Python code; ask its author for plain arrays."
            ) from error
        if isinstance(content, dict) and all(isinstance(key, str) for key in content):
            return content
    raise ModelError(f"'{path.name}' holds a {type(content).__name__} instead of named values; export it again.")
