"""do(x = v): one variable of a structural causal model is set, and what it causes follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from explorer.causal.coding import Coding
from explorer.causal.model import StructuralModel
from explorer.controls.coded import Coded
from explorer.controls.intervening import Intervening
from explorer.scene.cards import ControlCard
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class InterventionControl(Coded, Intervening):
    """Sets ``variable`` of ``model``, whose values lie in a vector as ``coding`` says. What is no effect of the
    variable keeps its bits, and so does all where the value is the one that stands there."""

    kind: ClassVar[str] = "intervention"
    card: ControlCard
    variable: str
    model: StructuralModel
    coding: Coding

    def __post_init__(self) -> None:
        """Raises ValueError for a variable that the model has not, and for one without a place in the vector."""
        if self.variable not in self.model.graph.names or set(self.coding.axes) != set(self.model.graph.names):
            raise ValueError(f"'{self.variable}' among {', '.join(self.coding.axes)}")
        super().__post_init__()

    def parameters(self) -> dict[str, Scalar]:
        return {**super().parameters(), **self.coding_parameters()}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        variable, model = cls.restored_model(tensors, parameters)
        return cls(card, variable, model, cls.read_coding(parameters))


KIND = InterventionControl
