"""LowRankGAN (Zhu et al., NeurIPS 2021): directions as the unit rows of one array, a ``.npy``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, living, named, numbers, with_notes
from explorer.importers.files import ForeignFile
from explorer.importers.interfacegan import IMPORTER as BOUNDARY

RANGE = 4.0
TOLERANCE = 1e-3


class LowRankGAN(Importer):
    """(k, d), rows of length 1. Many programs write directions so; the file names none of them."""

    name = "lowrankgan"
    title = "LowRankGAN"

    def claims(self, file: ForeignFile) -> bool:
        return (
            file.kind == "npy" and file.content.ndim == 2 and has_unit_rows(file.content) and not BOUNDARY.claims(file)
        )

    def sketch(self, file: ForeignFile) -> Sketch:
        rows = numbers(file, "its array", file.content, (2,))
        names = named(file, len(rows), file.path.stem)
        drawn = [Drawn(names[index], row, LENGTH, -RANGE, RANGE) for index, row in enumerate(rows)]
        return with_notes(living(file, drawn), "An array of unit rows, as LowRankGAN writes them.")


def has_unit_rows(array: NDArray[np.generic]) -> bool:
    """Whether every row of (k, d) is 1 long."""
    if array.dtype.kind != "f" or not array.size:
        return False
    return bool((np.abs(np.linalg.norm(array.astype(np.float64), axis=1) - 1) <= TOLERANCE).all())


IMPORTER = LowRankGAN()
