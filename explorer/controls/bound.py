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
from explorer.scene.cards import Remark
from explorer.scene.causal_graph import Variable
from explorer.scene.choices import case_of
from explorer.scene.model import Scalar

MISSED = 0.05
"""Scales beside its aim from which on a variable counts as not reached."""
OUT_OF_REACH = "out of reach"


@dataclass(frozen=True)
class Led:
    """Of one row: where it starts, where the search for what it is to become has led, and whether that is another
    picture than the row's own."""

    start: BoundStart
    approach: Approach
    is_elsewhere: bool


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
        if any(each.is_elsewhere for each in led):
            rows = [
                each.start.point.to(row) if each.is_elsewhere else row for row, each in zip(latent, led, strict=True)
            ]
            latent = torch.stack(rows)
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
            own = moves_of_rows(moves, [row]) if len(latent) > 1 else moves
            plan = self.of_rows([row]).plan(latent[row : row + 1], own)
            start, read = self._start(row, point, own, plan)
            aim = {name: value[row : row + 1].cpu() for name, value in after.values.items()}
            approach = start.approach(read, *self._aimed(start, own, plan, aim))
            rows.append(Led(start, approach, self.pictures is not None and start is not self.pictures.starts[row]))
        return rows

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """Besides what is not unique: what comes less near than was asked for, and what else does not become, or stay,
        what it should."""
        _, after = self.outcome(latent, moves)
        (led,) = self.led(latent, moves, after)
        plain = super().remarks(latent, moves)
        missed = missing(self.bindings, led.approach, after.values)
        if not missed:
            return plain
        start = dict(zip(self.bindings.names, led.start.values.tolist(), strict=True))
        moving = [name for move in moves if (name := causal(move).sets) and float(after.values[name]) != start[name]]
        choosing = [causal(move).card.name for move in moves if causal(move).chooses and case_of(float(move.number[0]))]
        graph, remarks = self.model.graph, list[Remark | None]()
        for move, remark in zip(moves, plain, strict=True):
            own, name = causal(move).sets, causal(move).card.name
            # What nothing should move is told of with the first that moves, or that asks for another picture.
            stays = set(graph.names) - graph.descendants(moving)
            first = own in moving[:1] if moving else name in choosing[:1]
            effects = graph.descendants([own]) if own in moving else set[str]()
            others = [each for each in missed if each != own and each in effects | (stays if first else set())]
            is_missed = own in missed and own in moving
            remarks.append(
                out_of_reach(remark, own if is_missed else "", others, missed, led.approach.at_the_edge)
                if is_missed or others
                else remark
            )
        return tuple(remarks)

    def elsewhere(self, case: int, plan: Plan) -> BoundStart | None:
        """The start that takes the place of the picture's own where this control has chosen ``case``, not 0; None where
        it leaves it. Of one row, of which ``plan`` is."""
        return None

    def _start(self, row: int, point: Tensor, moves: Moves, plan: Plan) -> tuple[BoundStart, ReadPoints]:
        """Where ``row``, to which ``moves`` are made, starts, and what reads near there."""
        if self.pictures is not None:
            start = self.pictures.starts[row]
            for move in sorted(moves, key=lambda move: causal(move).overrules):
                control = move.control
                assert isinstance(control, Bound)
                case = case_of(float(move.number[0])) if control.chooses else 0
                start = (control.elsewhere(case, plan) if case else None) or start
            return start, partial(self.pictures.read, row)

        def first() -> BoundStart:
            values = self.bindings.joined(_told(self.bindings, point[None]), point[None])[0]
            return BoundStart(self.bindings, point, values)

        start = knot(self, point.numpy().tobytes(), 0, first, lambda last: last)
        return start, partial(_told, self.bindings)

    def _aimed(self, start: BoundStart, moves: Moves, plan: Plan, after: Values) -> tuple[Tensor, Tensor, Aims]:
        """Of one row (all values (1,)): how far from ``start`` the numbers are that ``moves`` set, (V,) what that aims
        at, and what other amounts do."""
        graph, names = self.model.graph, self.bindings.names
        before = start.by_name()
        targets = {name: torch.as_tensor(act.value).detach().cpu().reshape(1) for name, act in plan.acts.items()}
        numbers = [name for name in targets if not graph.variable(name).levels]
        factual = {name: value.detach().cpu() for name, value in plan.factual.items()}
        still = replace(plan, factual=factual, acts={name: Hard(value) for name, value in targets.items()})
        if plan.others is not None:  # who was chosen for these values stays, whatever others are asked about
            still.others = partial(_always, plan.others({name: float(value) for name, value in targets.items()}))

        cases = {causal(move).card.name: case_of(float(move.number[0])) for move in moves if causal(move).chooses}
        is_elsewhere, held = any(cases.values()), factual
        if is_elsewhere and moves[0].part != "all":  # what is held is what it is before anything is set
            held = replace(still, acts={}).answer(self.model).values

        def values(amounts: Sequence[float]) -> Tensor:
            by = dict(zip(names, amounts, strict=True))
            sent = {name: Hard(_moved(graph.variable(name), before[name], by[name])) for name in numbers}
            told = of_part(moves, held, replace(still, acts={**still.acts, **sent}).answer(self.model)).values
            return torch.cat([told[name] for name in names])

        nowhere = torch.zeros(1, dtype=torch.float64)
        attached = {name: torch.as_tensor(act.value).cpu().reshape(1) for name, act in plan.acts.items()}
        amounts = torch.cat(
            [
                shorter(graph.variable(name), attached[name] - before[name]) if name in targets else nowhere
                for name in names
            ]
        )
        # What was abducted of this picture may have to be drawn from where another starts.
        own = tuple(float(value) for value in factual.values())
        key = (frozenset(targets), moves[0].part, tuple(cases.items()), own if is_elsewhere else ())
        aim = torch.cat([after[name].detach() for name in names])
        return amounts, aim, Aims(key, tuple(map(names.index, numbers)), values, is_elsewhere)

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


def missing(bindings: Bindings, approach: Approach, aims: Values) -> dict[str, str]:
    """Variable → what is read of it and what was aimed at, such as ``0.71 in place of 1``, where these are not near."""
    told = {}
    for index, variable in enumerate(bindings.variables):
        aim, missed = float(aims[variable.name][0]), float(approach.missed[index])
        scale = float(bindings.scales[index])
        if variable.levels and missed == missed:
            told[variable.name] = f"{_level(variable, missed)} in place of {_level(variable, aim)}"
        elif not variable.levels and missed != missed:
            told[variable.name] = f"nothing in place of {_number(variable, aim)}"
        elif not variable.levels and abs(missed) > MISSED * scale:
            told[variable.name] = f"{aim + missed:.3g} in place of {_number(variable, aim)}"
    return told


def out_of_reach(
    remark: Remark | None, own: str, others: Sequence[str], missed: Mapping[str, str], at_the_edge: bool
) -> Remark:
    """That the variable ``own`` (empty: it comes where it should) and ``others`` are ``missed``, beside ``remark``."""
    text = f"comes only to {missed[own]}" if own else "comes where it should"
    text = f"{text}{', where pictures end' if at_the_edge else ''}"
    if others:
        text = f"{text}, with {', '.join(f'{name} {missed[name]}' for name in others)}"
    text = text if remark is None else f"{text}, and {remark.text}"
    return Remark(OUT_OF_REACH, text, " and ".join([*filter(None, [own]), *others]))


def _level(variable: Variable, value: float) -> str:
    return variable.labels[int(value)] if variable.labels else f"{value:g}"


def _number(variable: Variable, value: float) -> str:
    return f"{value:.3g}{variable.unit and ' '}{variable.unit}"


def _always(values: Values, acts: Mapping[str, float]) -> Values:
    return values


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
