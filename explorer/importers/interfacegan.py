"""InterFaceGAN (Shen et al., CVPR 2020): the boundary of an attribute, a ``.npy`` whose name says the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from explorer.importers.base import Drawn, Importer, Sketch, living, numbers, unit_rows
from explorer.importers.files import ForeignFile
from explorer.scene.model import Scalar


class _Name(NamedTuple):
    """What ``<model>_<attribute>[_c_<condition>_…][_w]_boundary`` says; ``space`` is empty where nothing does."""

    model: str
    attribute: str
    conditions: tuple[str, ...]
    space: str


class InterFaceGAN(Importer):
    """One row (1, d): the unit normal of the boundary. An amount is a distance along it.

    The authors' program takes amounts from the boundary on; here, as for every control, they count from the picture.
    """

    name = "interfacegan"
    title = "InterFaceGAN"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        if file.kind != "npy" or not file.path.stem.endswith("boundary"):
            return False
        shape = file.content.shape
        return len(shape) == 1 or (len(shape) == 2 and shape[0] == 1)

    def sketch(self, file: ForeignFile) -> Sketch:
        rows = unit_rows(numbers(file, "its boundary", file.content, (1, 2)).reshape(1, -1))
        said = _read_name(file.path.stem)
        name = said.attribute or "boundary"
        details = (f"of {said.model}",) if said.model else ()
        if said.conditions:
            name = f"{name} | {', '.join(said.conditions)}"
            details = (*details, f"orthogonal to {', '.join(said.conditions)}")
        found = living(file, [Drawn(name, rows[0], "distance", details=details)])
        settings: dict[str, Scalar] = {"attribute": said.attribute} if said.attribute else {}
        return replace(
            found,
            space=said.space,
            settings=settings,
            note="Amounts are distances from the picture along the boundary's normal, not from the boundary.",
        )


def _read_name(stem: str) -> _Name:
    body, mark, _ = stem.rpartition("_boundary")
    if not mark:  # "boundary.npy", what the program writes before anybody names it
        return _Name("", "", (), "")
    space = "w" if body.endswith("_w") else "z"
    body = body.removesuffix("_w")
    head, _, tail = body.partition("_c_")
    model, _, attribute = head.rpartition("_")
    return _Name(model, attribute, tuple(part for part in tail.split("_") if part not in ("", "c")), space)


IMPORTER = InterFaceGAN()
