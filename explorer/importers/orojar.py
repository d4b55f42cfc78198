"""Hessian penalty (Peebles et al., ECCV 2020), OroJaR (Wei et al., ICCV 2021): a bare matrix of ``torch.save``."""

from __future__ import annotations

import re

from torch import Tensor
from torch.nn import functional

from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch, living, named, numbers, with_notes
from explorer.importers.files import ForeignFile
from explorer.numerics.linalg import gram_schmidt
from explorer.scene.cards import ModelCard

TOLERANCE = 1e-3
DEPENDENT = 1e-6
"""The part of a row that may be left beside the rows before it, when it is a combination of these."""

_CALLED = re.compile(r"A_\d+")  # how the trainers call what they save
_SLICES = {"coarse": 0, "mid": 40, "fine": 80}
"""Where in BigGAN's z the matrix of a search space lies, by the end of the file's name."""
_SLICE, _WHOLE = 40, 120


class OroJaR(Importer):
    """A (k, d), k ≤ d, as the optimiser left it: the authors' programs make its rows orthonormal by Gram-Schmidt, in
    their order, whenever they load it, and these are the directions. (A frame that is orthonormal stays as it is.)

    Square, or called ``A_000123.pt``, as their programs save it.
    """

    name = "orojar"
    title = "Hessian penalty, OroJaR"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        if file.kind != "torch" or not isinstance(file.content, Tensor) or file.content.ndim != 2:
            return False
        count, width = file.content.shape
        return 1 < count <= width and (count == width or bool(_CALLED.fullmatch(file.path.stem)))

    def sketch(self, file: ForeignFile) -> Sketch:
        rows = numbers(file, "its matrix", file.content, (2,))
        frame = gram_schmidt(rows.T).T
        beside = (frame * rows).sum(dim=1)  # how far each row reaches out of the span of those before it
        dependent = (beside <= DEPENDENT * rows.norm(dim=1)).nonzero().flatten().tolist()
        if dependent:
            raise ControlError(
                f"'{file.name}' holds a matrix whose row {dependent[0]} is a combination of the rows before it, so it "
                "has no orthonormal directions; choose a file of directions."
            )
        names = named(file, len(rows), "direction")
        sketch = living(file, [Drawn(names[index], row) for index, row in enumerate(frame)])
        if bool((frame - rows).abs().max() <= TOLERANCE):
            return with_notes(sketch, "A matrix of orthonormal rows, as OroJaR and the Hessian penalty find them.")
        return with_notes(
            sketch, "Its rows were made orthonormal in their order (Gram-Schmidt), as the programs that write them do."
        )

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """A matrix of a slice of BigGAN's z, filled up with zeros: the name of the authors' files says which slice."""
        end = file.path.stem.rpartition("_")[2].lower()
        has = model.spaces.get(space or "z")
        if end not in _SLICES or sketch.shape != (_SLICE,) or has is None or has.shape != (_WHOLE,):
            return sketch
        first = _SLICES[end]
        drawn = [
            Drawn(row.name, functional.pad(row.direction, (first, _WHOLE - _SLICE - first)))
            for row in sketch.drawn
            if row.direction is not None
        ]
        return with_notes(
            sketch, f"Its directions are of the numbers {first} to {first + _SLICE - 1} of z.",
            drawn=tuple(drawn), shape=(_WHOLE,),
        )  # fmt: skip


IMPORTER = OroJaR()
