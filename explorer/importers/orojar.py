"""OroJaR (Wei et al., ICCV 2021), Hessian penalty (Peebles et al., ECCV 2020): a bare matrix of ``torch.save``."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch, living, named, numbers, with_notes
from explorer.importers.files import ForeignFile

TOLERANCE = 1e-3


class OroJaR(Importer):
    """(k, d) with orthonormal rows, each a direction. The authors' smaller ones are of a slice of BigGAN's z, and the
    file does not say which slice, so they are refused by their width."""

    name = "orojar"
    title = "OroJaR"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        return file.kind == "torch" and isinstance(file.content, Tensor)

    def sketch(self, file: ForeignFile) -> Sketch:
        rows = numbers(file, "its matrix", file.content, (2,))
        error = float((rows @ rows.T - torch.eye(len(rows), dtype=rows.dtype)).abs().max())
        if error > TOLERANCE:
            raise ControlError(
                f"'{file.name}' holds a bare matrix whose rows are not orthonormal (by {error:.2g}), so they are "
                "points or a path rather than directions; choose a file of directions."
            )
        names = named(file, len(rows), "direction")
        drawn = [Drawn(names[index], row) for index, row in enumerate(rows)]
        return with_notes(living(file, drawn), "A bare matrix of orthonormal rows, as OroJaR writes them.")


IMPORTER = OroJaR()
