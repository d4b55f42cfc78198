"""SeFa's directions as the ``factor.pt`` of rosinality's StyleGAN2 in PyTorch, which many forks write."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, living, named, numbers
from explorer.importers.files import ForeignFile

RANGE = 5.0
"""The step that the program takes to both sides unless told otherwise."""


class Rosinality(Importer):
    """``{"ckpt": …, "eigvec": (d, d)}``: direction k is column k of ``eigvec``, in w.

    The vectors are those of all modulation weights stacked, columns not normalised and without the layers to colours,
    so they differ from SeFa's own.
    """

    name = "sefa"
    title = "SeFa, rosinality's variant"
    spaces = ("w",)

    def claims(self, file: ForeignFile) -> bool:
        return isinstance(file.state().get("eigvec"), Tensor)

    def sketch(self, file: ForeignFile) -> Sketch:
        rows = numbers(file, "eigvec", file.content["eigvec"], (2,)).T
        names = named(file, len(rows), "eigenvector")
        drawn = [Drawn(names[index], row, LENGTH, -RANGE, RANGE) for index, row in enumerate(rows)]
        found = replace(living(file, drawn), space="w", firm=True, settings={"normalisation": "none"})
        checkpoint = file.content.get("ckpt")
        if isinstance(checkpoint, str):
            found.settings["checkpoint"] = checkpoint.replace("\\", "/").rsplit("/", 1)[-1]
        return found


IMPORTER = Rosinality()
