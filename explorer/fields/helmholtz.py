"""The field that is the sum of a gradient and a rotation, each of which can be followed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal, Self, get_args

from torch import Tensor

from explorer.fields.ridges import RidgeField, Ridges, named
from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar

Part = Literal["both", "gradient", "rotation"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, eq=False)
class HelmholtzField(RidgeField):
    """v = ∇u + r, of which ``part`` is followed; r has divergence 0 exactly. Of "Sparse Transformation Analysis"
    (2410.05564), where r is a network that is only pushed towards that.

    Helmholtz's split is unique up to what is both: a gradient without divergence. Here a constant and the symmetric
    part of the linear map belong to u; the rest of that turns round the centre.
    """

    kind: ClassVar[str] = "helmholtz"

    part: Part = "both"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.part not in PARTS:
            raise ValueError(f"part {self.part!r}")

    @property
    def nature(self) -> FieldNature:
        """What is followed."""
        return self.part

    def of(self, part: Part) -> Self:
        """The same field, of which ``part`` is followed."""
        return replace(self, part=part)

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d) at the points ``z`` (B, d)."""
        return self._followed.velocity(z)

    def potential(self, z: Tensor, time: Tensor) -> Tensor | None:
        """(B,): u; None where the rotation alone is followed."""
        return None if self.part == "rotation" else self.ridges.potential(z)

    def parameters(self) -> dict[str, Scalar]:
        """The part."""
        return {"part": self.part}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The field of ``tensors``. Raises KeyError for what is missing, ValueError for what is wrong."""
        return cls(named(tensors), parameters["part"])  # type: ignore[arg-type]  # checked

    @cached_property
    def _followed(self) -> Ridges:
        return {"both": lambda: self.ridges, "gradient": self.ridges.gradient, "rotation": self.ridges.rotation}[
            self.part
        ]()


FIELD = HelmholtzField
