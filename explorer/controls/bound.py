"""What controls of a causal model share whose variables are attributes of pictures, or controls of points."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Self

import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.interventions import Hard
from explorer.causal.posterior import Counterfactual
from explorer.controls.attribute_map import shorter
from explorer.controls.base import Moves
from explorer.controls.bindings import Bindings
from explorer.controls.bound_start import Aims, Approach, BoundStart, ReadPoints
from explorer.controls.causal_group import CausalControl, Plan, causal, moves_of_rows, of_part
from explorer.controls.curves import knot
from explorer.controls.intervening import digest_of
from explorer.controls.picture_values import PictureValues
from explorer.scene.causal_graph import Variable
from explorer.scene.choices import case_of
from explorer.scene.model import Scalar


@dataclass(frozen=True)
class Led:
    """Of one row: where it starts, what it is to become, and where the search for that has led."""

    start: BoundStart
    approach: Approach


class Bound(CausalControl):
    """The variables of ``model`` are bound as ``bindings`` say; ``pictures``: of the points that it is prepared for.
    All kinds of one model and bindings are one group.

    Variables that are controls are moved to what the model says, and from there a point is sought whose picture reads
    what it says of the attributes. Without pictures to read, which is before it is prepared for a start, that goes by
    what the map tells of these alone."""

    bindings: Bindings
    pictures: PictureValues | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.bindings.shape

    @cached_property
    def group(self) -> Hashable:
        """The contents of the model and the bindings, so that sets read from two files are one group."""
        shared = {**CausalControl.parameters(self), **self.bindings.parameters()}
        tensors = self.model_tensors() | self.bindings.tensors()
        return ("bound", digest_of(tensors), json.dumps(shared, sort_keys=True))

    def prepare(self, generator: Any, latent: Any) -> Self:
        """As :class:`explorer.controls.base.StartBound`. Raises :class:`CausalError` where the source is not there any
        more, or a picture does not show a variable."""
        pictures = PictureValues(self.group, self.bindings, self.card.space, generator, latent)
        prepared: Self = replace(self, pictures=pictures)  # type: ignore[type-var]  # every kind is a dataclass
        return prepared

    def of_rows(self, rows: Sequence[int]) -> Self:
        if self.pictures is None or list(rows) == list(range(self.pictures.latent.batch)):
            return self
        narrowed: Self = replace(self, pictures=self.pictures.of_rows(rows))  # type: ignore[type-var]
        return narrowed

    def values(self, latent: Tensor) -> Values:
        """Those of the pictures that it is prepared for, wherever ``latent`` has come by others; else what the map
        tells of."""
        if self.pictures is not None:
            rows = torch.stack([start.values for start in self.pictures.starts])
        else:
            points = latent.detach().cpu().double()
            rows = self.bindings.joined(_told(self.bindings, points), points)
        return dict(zip(self.bindings.names, rows.to(latent.device).unbind(dim=1), strict=True))

    def moved_to(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> Tensor:
        led = self.led(latent, moves, after)
        bindings = self.bindings
        point = latent.double()
        own = torch.stack([each.start.values for each in led]).to(latent.device)
        by = {
            name: after.values[name] - own[:, index]
            for index, name in enumerate(bindings.names)
            if name in bindings.controls.controls
        }
        if by:
            point = bindings.controls.moved(point, by)
        shifts = torch.stack([each.approach.shift for each in led])
        shift = (shifts @ bindings.attributes.axes).reshape(len(shifts), *self.shape)
        moved = (point + shift.to(latent.device)).to(latent.dtype)
        stays = (shifts.detach() == 0).all(dim=1).to(latent.device)
        for amount in by.values():
            stays = stays & (amount.detach() == 0)
        stays = stays.reshape(-1, *[1] * (latent.dim() - 1))
        # Its bits, with the slope of what leads on.
        return torch.where(stays, latent + (moved - moved.detach()) if moved.requires_grad else latent, moved)

    def led(self, latent: Tensor, moves: Moves, after: Counterfactual) -> list[Led]:
        """Where ``moves``, which make ``after`` of the rows of ``latent``, lead each of them."""
        rows = []
        for row, point in enumerate(latent.detach().cpu().double()):
            start, read = self._start(row, point)
            own = moves_of_rows(moves, [row]) if len(latent) > 1 else moves
            plan = self.of_rows([row]).plan(latent[row : row + 1], own)
            aim = {name: value[row : row + 1].cpu() for name, value in after.values.items()}
            rows.append(Led(start, start.approach(read, *self._aimed(start, own, plan, aim))))
        return rows

    def _start(self, row: int, point: Tensor) -> tuple[BoundStart, ReadPoints]:
        """Where ``row`` starts, and what reads near there."""
        if self.pictures is not None:
            return self.pictures.starts[row], partial(self.pictures.read, row)

        def first() -> BoundStart:
            values = self.bindings.joined(_told(self.bindings, point[None]), point[None])[0]
            return BoundStart(self.bindings, point, values)

        start = knot(self, point.numpy().tobytes(), 0, first, lambda last: last)
        return start, partial(_told, self.bindings)

    def _aimed(self, start: BoundStart, moves: Moves, plan: Plan, after: Values) -> tuple[Tensor, Tensor, Aims]:
        """Of one row (all values (1,)): how far from ``start`` the numbers are that ``moves`` set, (V,) what that aims
        at, and what other amounts do."""
        graph, names = self.model.graph, self.bindings.names
        before = {name: start.values[index : index + 1] for index, name in enumerate(names)}
        targets = {name: torch.as_tensor(act.value).detach().cpu().reshape(1) for name, act in plan.acts.items()}
        numbers = [name for name in targets if not graph.variable(name).levels]
        factual = {name: value.detach().cpu() for name, value in plan.factual.items()}
        still = replace(plan, factual=factual, acts={name: Hard(value) for name, value in targets.items()})

        def values(amounts: Sequence[float]) -> Tensor:
            by = dict(zip(names, amounts, strict=True))
            sent = {name: Hard(_moved(graph.variable(name), before[name], by[name])) for name in numbers}
            told = of_part(moves, factual, replace(still, acts={**still.acts, **sent}).answer(self.model)).values
            return torch.cat([told[name] for name in names])

        nowhere = torch.zeros(1, dtype=torch.float64)
        attached = {name: torch.as_tensor(act.value).cpu().reshape(1) for name, act in plan.acts.items()}
        amounts = torch.cat(
            [
                shorter(graph.variable(name), attached[name] - before[name]) if name in targets else nowhere
                for name in names
            ]
        )
        chosen = tuple(
            (causal(move).card.name, case_of(float(move.number[0]))) for move in moves if causal(move).chooses
        )
        key = (frozenset(targets), moves[0].part, chosen)
        aim = torch.cat([after[name].detach() for name in names])
        return amounts, aim, Aims(key, tuple(map(names.index, numbers)), values, any(case for _, case in chosen))

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | self.bindings.tensors()

    def parameters(self) -> dict[str, Scalar]:
        return {**super().parameters(), **self.bindings.parameters()}

    @classmethod
    def read_bindings(
        cls, variables: tuple[Variable, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]
    ) -> Bindings:
        """The bindings that :meth:`tensors` and :meth:`parameters` describe, of the graph's ``variables``. Raises as
        :meth:`explorer.controls.base.Control.restore`."""
        return Bindings.restore(variables, tensors, parameters)


def _told(bindings: Bindings, points: Tensor) -> Tensor:
    """(n, A) what the map tells of the attributes of points (n, *shape)."""
    attributes = bindings.attributes
    if not attributes.variables:
        return points.new_zeros(len(points), 0)
    return attributes.told(attributes.coordinates(points.flatten(1)))


def _moved(variable: Variable, factual: Tensor, amount: float) -> Tensor:
    """(1,) ``factual`` and ``amount`` more, within the range; the factual value itself where the amount is 0."""
    if amount == 0:
        return factual
    value = factual + amount
    if variable.period:
        low = float(variable.low or 0.0)
        return (value - low).remainder(variable.period) + low
    return value
