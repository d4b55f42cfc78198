"""do(x = v): one variable of a structural causal model is set, and what it causes follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Axis, Coding
from explorer.causal.model import StructuralModel
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Moves
from explorer.controls.intervening import Intervening
from explorer.scene.cards import ControlCard
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class InterventionControl(Intervening):
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

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.coding.width,)

    def values(self, latent: Tensor) -> Values:
        return self.coding.values(latent)

    def moved_to(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> Tensor:
        return self.coding.written(latent, factual, after.values)

    def parameters(self) -> dict[str, Scalar]:
        axes = {name: [axis.index, axis.mean, axis.deviation, *axis.ends] for name, axis in self.coding.axes.items()}
        return {**super().parameters(), "axes": json.dumps(axes), "width": self.coding.width}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        variable, model = cls.restored_model(tensors, parameters)
        axes, width = parameters["axes"], parameters["width"]
        if not isinstance(axes, str) or type(width) is not int:
            raise ValueError(f"axes that are no text, or a width of {width!r}")
        try:
            places = {name: _axis(*place) for name, place in json.loads(axes).items()}
        except (TypeError, AttributeError, RecursionError, json.JSONDecodeError) as error:
            raise ValueError(str(error)) from error
        return cls(card, variable, model, Coding(places, width))


def _axis(index: int, mean: float = 0.0, deviation: float = 1.0, *ends: float) -> Axis:
    return Axis(index, mean, deviation, ends)


KIND = InterventionControl
