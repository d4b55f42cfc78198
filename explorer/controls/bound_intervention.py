"""do(x = v) on any generator: variables are attributes of the picture, or controls, and a point is sought whose picture
shows what the causal model says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.model import StructuralModel
from explorer.controls.base import Move, Moves
from explorer.controls.bindings import Bindings
from explorer.controls.bound import Bound
from explorer.controls.bound_start import Approach
from explorer.controls.intervening import Intervening
from explorer.controls.picture_values import PictureValues
from explorer.scene.cards import ControlCard, ControlLaws, Remark
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

MISSED = 0.05
"""Scales beside its aim from which on a variable counts as not reached."""
OUT_OF_REACH = "out of reach"


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

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """Besides what is not unique: what comes less near than was asked for, and what else does not become, or stay,
        what it should."""
        factual, after = self.outcome(latent, moves)
        (led,) = self.led(latent, moves, after)
        missed = self._missed(led.approach, after.values)
        moving = [
            _variable(move) for move in moves if bool((after.values[_variable(move)] != factual[_variable(move)]).any())
        ]
        graph = self.model.graph
        remarks: list[Remark | None] = []
        for move, remark in zip(moves, super().remarks(latent, moves), strict=True):
            own = _variable(move)
            # What nothing should move is told of with the first that moves.
            stays = set(graph.names) - graph.descendants(moving) if own in moving[:1] else set()
            names = [name for name in missed if name != own and name in graph.descendants([own]) | stays]
            if own not in moving or not (own in missed or names):
                remarks.append(remark)
                continue
            text = f"comes only to {missed[own]}" if own in missed else "comes where it should"
            text = f"{text}{', where pictures end' if led.approach.at_the_edge else ''}"
            if names:
                text = f"{text}, with {', '.join(f'{name} {missed[name]}' for name in names)}"
            about = " and ".join([*([own] if own in missed else []), *names])
            text = text if remark is None else f"{text}, and {remark.text}"
            remarks.append(Remark(OUT_OF_REACH, text, about))
        return tuple(remarks)

    def _missed(self, approach: Approach, aims: Values) -> dict[str, str]:
        """Variable → what is read of it and what was aimed at, such as ``0.71 of 1``, where these are not near."""
        told = {}
        for index, variable in enumerate(self.bindings.variables):
            aim, missed = float(aims[variable.name][0]), float(approach.missed[index])
            scale = float(self.bindings.scales[index])
            if variable.levels and missed == missed:
                told[variable.name] = f"{_level(variable, missed)} in place of {_level(variable, aim)}"
            elif not variable.levels and missed != missed:
                told[variable.name] = f"nothing in place of {_number(variable, aim)}"
            elif not variable.levels and abs(missed) > MISSED * scale:
                told[variable.name] = f"{aim + missed:.3g} in place of {_number(variable, aim)}"
        return told

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        variable, model = cls.restored_model(tensors, parameters)
        return cls(card, variable, model, cls.read_bindings(model.graph.variables, tensors, parameters))

    def _laws(self) -> ControlLaws:
        # A search from where another has led is another search.
        return ControlLaws(composes=False, commutes=False, negative="own")


def _variable(move: Move) -> str:
    return cast(Intervening, move.control).variable


def _level(variable: Variable, value: float) -> str:
    return variable.labels[int(value)] if variable.labels else f"{value:g}"


def _number(variable: Variable, value: float) -> str:
    return f"{value:.3g}{variable.unit and ' '}{variable.unit}"


KIND = BoundInterventionControl
