"""The vector field: what a curved path follows. Kinds of fields are one file each in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self

from torch import Tensor

from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar


class VectorField(Protocol):
    """A velocity at every point of a space of vectors, and at every time where it depends on time.

    Values and derivatives are closed forms: the engine draws in inference mode, where nothing can be differentiated.
    They are computed in the dtype and on the device of the point, where the tensors of the field must be as well. A
    kind is one file in this folder, found by its module-level ``FIELD``, the class (:mod:`explorer.fields.registry`);
    :class:`explorer.controls.field.FieldControl` follows it.
    """

    kind: ClassVar[str]
    """The kind's name in files, for ever."""

    @property
    def smooth(self) -> bool:
        """Whether it is continuous: where its direction jumps, paths may run along the crease, and do not lead back."""

    @property
    def width(self) -> int:
        """d, of the points."""

    @property
    def nature(self) -> FieldNature:
        """``gradient``: of a potential, so no path closes; ``rotation``: its divergence is 0 exactly, so volumes stay;
        ``both``: a sum of such, or any other field."""

    @property
    def times(self) -> tuple[float, float] | None:
        """The model times that it was made for, ends included; None where it does not depend on time."""

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d) at the points ``z`` (B, d) and times (B,); differentiable. Not finite where there is none."""

    def potential(self, z: Tensor, time: Tensor) -> Tensor | None:
        """(B,) the potential whose gradient the field is, or its gradient part; None where there is none."""

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps of it: the tensors."""

    def parameters(self) -> dict[str, Scalar]:
        """What a file keeps of it, besides the tensors: plain values."""

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The field that :meth:`tensors` and :meth:`parameters` describe.

        Raises KeyError for what is missing, ValueError for what is wrong.
        """
