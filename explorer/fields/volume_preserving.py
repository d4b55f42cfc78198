"""The field whose divergence is 0 exactly, wherever it is and however it was trained: its flow keeps every volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from torch import Tensor

from explorer.fields.ridges import RidgeField, Solenoidal, named, solenoidal
from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class VolumePreservingField(RidgeField):
    """v = c + B x + Σ_w m_w (1 - tanh²(V_w·x + b_w)), of which B loses its trace and every m what is along its wave V.

    What rounding has left of either in the tensors is taken out in the dtype of the point, so that the divergence is 0
    to the rounding of that dtype: about 1e-16 for a field that was kept in float32 and is computed in float64.
    """

    kind: ClassVar[str] = "volume_preserving"
    nature: ClassVar[FieldNature] = "rotation"

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d) at the points ``z`` (B, d)."""
        return self._solenoidal.velocity(z)

    def potential(self, z: Tensor, time: Tensor) -> None:
        """None: it is no gradient."""

    def parameters(self) -> dict[str, Scalar]:
        """None."""
        return {}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The field of ``tensors``. Raises KeyError for what is missing, ValueError for what is wrong."""
        return cls(named(tensors))

    @cached_property
    def _solenoidal(self) -> Solenoidal:
        return solenoidal(self.ridges)


FIELD = VolumePreservingField
