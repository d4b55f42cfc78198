"""do(x = v) on any generator: variables are attributes of the picture, or controls, and a point is sought whose picture
shows what the causal model says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from explorer.causal.model import StructuralModel
from explorer.controls.bindings import Bindings
from explorer.controls.bound import Bound
from explorer.controls.intervening import Intervening
from explorer.controls.picture_values import PictureValues
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class BoundInterventionControl(Bound, Intervening):
    """Sets ``variable`` of ``model``, whose variables are attributes that are read from pictures, or controls. What is
    a control is moved; then the point is moved until its picture reads what the model says: the variable its new value,
    its effects what follows of the noise of this picture, all others what they were; or as near as that comes."""

    kind: ClassVar[str] = "bound_intervention"
    card: ControlCard
    variable: str
    model: StructuralModel
    bindings: Bindings
    pictures: PictureValues | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a variable that the model has not, and for bindings that are not of its variables."""
        if self.variable not in self.model.graph.names or self.bindings.variables != self.model.graph.variables:
            raise ValueError(f"'{self.variable}' among {', '.join(self.bindings.names)}")
        super().__post_init__()

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        variable, model = cls.restored_model(tensors, parameters)
        return cls(card, variable, model, cls.read_bindings(model.graph.variables, tensors, parameters))

    def _laws(self) -> ControlLaws:
        # A search from where another has led is another search.
        return ControlLaws(composes=False, commutes=False, negative="own")


KIND = BoundInterventionControl
