"""do(x = v) on any generator: variables are attributes of the picture, and a point is sought whose picture shows what
the causal model says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self, cast

import msgspec
import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.interventions import Hard
from explorer.causal.model import StructuralModel
from explorer.causal.posterior import Counterfactual, counterfactual
from explorer.controls.attribute_map import AttributeMap, shorter
from explorer.controls.base import Control, Move, Moves
from explorer.controls.bound_start import Aims, Approach, BoundStart
from explorer.controls.causal_group import DRAWS, of_part
from explorer.controls.curves import knot
from explorer.controls.intervening import Intervening
from explorer.controls.picture_values import PictureValues, Source
from explorer.scene.cards import ControlCard, ControlLaws, Remark
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Scalar

MISSED = 0.05
"""Scales beside its aim from which on a variable counts as not reached."""
OUT_OF_REACH = "out of reach"
_MAP = "map."


@dataclass(frozen=True, eq=False)
class BoundInterventionControl(Intervening):
    """Sets ``variable`` of ``model``, whose variables are attributes that ``read_by`` reads from pictures. The point is
    moved until its picture reads what the model says: the variable its new value, its effects what follows of the noise
    of this picture, all others what they were; or as near as that comes.

    ``attributes`` says where the search begins. Without a picture to read, which is before it is prepared for a start,
    the control moves by that alone.
    """

    kind: ClassVar[str] = "bound_intervention"
    card: ControlCard
    variable: str
    model: StructuralModel
    attributes: AttributeMap
    read_by: Source
    space_shape: tuple[int, ...]
    pictures: PictureValues | None = None
    """Of the points that it is prepared for."""

    def __post_init__(self) -> None:
        """Raises ValueError for a variable that the model has not, and for attributes that are not its variables."""
        names = self.model.graph.names
        if self.variable not in names or self.attributes.variables != self.model.graph.variables:
            raise ValueError(f"'{self.variable}' among {', '.join(self.attributes.names)}")
        if set(self.read_by.attributes) != set(names):
            raise ValueError(f"attributes of {', '.join(self.read_by.attributes)}")
        for variable in self.model.graph.variables:
            if len(self.read_by.levels.get(variable.name, ())) != variable.levels:
                raise ValueError(f"{variable.levels} levels of '{variable.name}'")
        if math.prod(self.space_shape) != len(self.attributes.mean):
            raise ValueError(f"points of shape {self.space_shape} for width {len(self.attributes.mean)}")
        super().__post_init__()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.space_shape

    def prepare(self, generator: Any, latent: Any) -> Control:
        """As :class:`explorer.controls.base.StartBound`. Raises :class:`CausalError` where the source is not there any
        more, or a picture does not show a variable."""
        space = self.card.space
        pictures = PictureValues(self.group, self.attributes, self.read_by, space, self.shape, generator, latent)
        return cast(Control, replace(self, pictures=pictures))

    def values(self, latent: Tensor) -> Values:
        """Those of the pictures that it is prepared for, wherever ``latent`` has come by others; else what the map
        tells of."""
        if self.pictures is not None:
            rows = torch.stack([start.values for start in self.pictures.starts])
        else:
            rows = self.attributes.told(self.attributes.coordinates(latent.detach().cpu().flatten(1)))
        return dict(zip(self.attributes.names, rows.to(latent.device).unbind(dim=1), strict=True))

    def moved_to(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> Tensor:
        shifts = torch.stack([approach.shift for approach in self.approaches(latent, moves, factual, after)])
        by = (shifts @ self.attributes.axes).reshape(len(shifts), *self.shape)
        moved = (latent.double() + by.to(latent.device)).to(latent.dtype)
        stays = (shifts.detach() == 0).all(dim=1).reshape(-1, *[1] * (latent.dim() - 1)).to(latent.device)
        # Its bits, with the slope of what leads on.
        return torch.where(stays, latent + (moved - moved.detach()) if moved.requires_grad else latent, moved)

    def approaches(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> list[Approach]:
        """Where ``moves`` lead, one a row of ``latent``."""
        points = latent.detach().cpu().flatten(1).double()
        found = []
        for row, point in enumerate(points):
            if self.pictures is not None:
                start, read = self.pictures.starts[row], partial(self.pictures.read, row)
            else:
                start = self._told_start(point)
                read = partial(_told, start)
            targets = {_variable(move): _setting(move).target(latent, factual[_variable(move)], move) for move in moves}
            given = (_row(values, row) for values in (targets, factual, after.values))
            found.append(start.approach(read, *self.aimed(moves, *given)))
        return found

    def aimed(self, moves: Moves, targets: Values, factual: Values, after: Values) -> tuple[Tensor, Tensor, Aims]:
        """Of one row (all values (1,)): how far the numbers that ``moves`` set to ``targets`` are moved, (V,) what that
        aims at, and what other amounts do."""
        graph = self.model.graph
        before = {name: value.detach() for name, value in factual.items()}
        numbers = [name for name in targets if not graph.variable(name).levels]
        acts = {name: Hard(value.detach()) for name, value in targets.items()}

        def values(amounts: Sequence[float]) -> Tensor:
            by = dict(zip(graph.names, amounts, strict=True))
            sent = {name: Hard(_moved(graph.variable(name), before[name], by[name])) for name in numbers}
            told = of_part(moves, before, counterfactual(self.model, before, {**acts, **sent}, DRAWS)).values
            return torch.cat([told[name] for name in graph.names])

        nowhere = torch.zeros(1, dtype=torch.float64)
        amounts = torch.cat(
            [
                shorter(graph.variable(name), targets[name] - factual[name]) if name in targets else nowhere
                for name in graph.names
            ]
        )
        aim = torch.cat([after[name].detach() for name in graph.names])
        key = (frozenset(targets), moves[0].part)
        return amounts, aim, Aims(key, tuple(map(graph.names.index, numbers)), values)

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """Besides what is not unique: what comes less near than was asked for, and what else does not become, or stay,
        what it should."""
        factual, after = self.outcome(latent, moves)
        (approach,) = self.approaches(latent, moves, factual, after)
        missed = self._missed(approach, after.values)
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
            text = f"{text}{', where pictures end' if approach.at_the_edge else ''}"
            if names:
                text = f"{text}, with {', '.join(f'{name} {missed[name]}' for name in names)}"
            about = " and ".join([*([own] if own in missed else []), *names])
            text = text if remark is None else f"{text}, and {remark.text}"
            remarks.append(Remark(OUT_OF_REACH, text, about))
        return tuple(remarks)

    def _missed(self, approach: Approach, aims: Values) -> dict[str, str]:
        """Variable → what is read of it and what was aimed at, such as ``0.71 of 1``, where these are not near."""
        told = {}
        for index, variable in enumerate(self.attributes.variables):
            aim, missed = float(aims[variable.name][0]), float(approach.missed[index])
            scale = float(self.attributes.scales[index])
            if variable.levels and missed == missed:
                told[variable.name] = f"{_level(variable, missed)} in place of {_level(variable, aim)}"
            elif not variable.levels and abs(missed) > MISSED * scale:
                told[variable.name] = f"{aim + missed:.3g} in place of {aim:.3g}{variable.unit and ' '}{variable.unit}"
        return told

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {f"{_MAP}{name}": tensor for name, tensor in self.attributes.tensors().items()}

    def parameters(self) -> dict[str, Scalar]:
        return {
            **super().parameters(),
            "source": msgspec.json.encode(self.read_by).decode(),
            "shape": ",".join(map(str, self.space_shape)),
        }

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        variable, model = cls.restored_model(tensors, parameters)
        told, shape = parameters["source"], parameters["shape"]
        if not isinstance(told, str) or not isinstance(shape, str):
            raise ValueError("a source or a shape that is no text")
        own = {key.removeprefix(_MAP): tensor for key, tensor in tensors.items() if key.startswith(_MAP)}
        attributes = AttributeMap.restore(model.graph.variables, own)
        try:
            source = msgspec.json.decode(told, type=Source)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error
        return cls(card, variable, model, attributes, source, tuple(map(int, shape.split(","))))

    def _told_start(self, row: Tensor) -> BoundStart:
        """The start ``row`` (d,) as the map tells of it."""

        def first() -> BoundStart:
            start = self.attributes.coordinates(row[None])
            return BoundStart(self.attributes, start[0], self.attributes.told(start)[0])

        return knot(self, row.numpy().tobytes(), 0, first, lambda last: last)

    def _laws(self) -> ControlLaws:
        # A search from where another has led is another search.
        return ControlLaws(composes=False, commutes=False, negative="own")


def _told(start: BoundStart, shifts: Tensor) -> Tensor:
    return start.attributes.told(start.start + shifts)


def _moved(variable: Variable, factual: Tensor, amount: float) -> Tensor:
    """(1,) ``factual`` and ``amount`` more, within the range; the factual value itself where the amount is 0."""
    if amount == 0:
        return factual
    value = factual + amount
    if variable.period:
        low = float(variable.low or 0.0)
        return (value - low).remainder(variable.period) + low
    return value


def _setting(move: Move) -> Intervening:
    return cast(Intervening, move.control)


def _variable(move: Move) -> str:
    return _setting(move).variable


def _row(values: Values, row: int) -> Values:
    return {name: value[row : row + 1].cpu() for name, value in values.items()}


def _level(variable: Variable, value: float) -> str:
    return variable.labels[int(value)] if variable.labels else f"{value:g}"


KIND = BoundInterventionControl
