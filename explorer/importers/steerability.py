"""Steerability (Jahanian et al., ICLR 2020): one offset a layer of w_plus, a ``.npy``."""

from __future__ import annotations

from dataclasses import replace

from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch, living, numbers, written
from explorer.importers.files import ForeignFile
from explorer.importers.interfacegan import IMPORTER as BOUNDARY
from explorer.importers.lowrankgan import has_unit_rows
from explorer.scene.cards import ModelCard


class Steerability(Importer):
    """(layers, d), rows of any length: one walk, which moves every layer by its own row."""

    name = "steerability"
    title = "Steerability"
    spaces = ("w_plus",)

    def claims(self, file: ForeignFile) -> bool:
        if file.kind != "npy" or file.content.ndim != 2 or BOUNDARY.claims(file):
            return False
        return not has_unit_rows(file.content)

    def sketch(self, file: ForeignFile) -> Sketch:
        offsets = numbers(file, "its array", file.content, (2,))[None]
        drawn = Drawn(file.path.stem, offsets[0], "walks", details=(f"1 walk = {float(offsets.norm()):.3g} in w_plus",))
        return replace(living(file, [drawn]), space="w_plus", firm=True)

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """Says what the array would have to be: a list of codes has the same form."""
        has = model.spaces["w_plus"].shape if "w_plus" in model.spaces else ()
        if sketch.shape != has:
            theirs = f"w_plus of {written(has)}" if has else f"no w_plus but {', '.join(model.spaces)}"
            raise ControlError(
                f"'{file.name}' holds {written(sketch.shape)} numbers in rows that are not of length 1, so it is one "
                f"offset a layer or no directions at all, but '{model.name}' has {theirs}; open the model on which it "
                "was found."
            )
        return sketch


IMPORTER = Steerability()
