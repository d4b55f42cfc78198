"""Where interventions lead from one start whose values are read from its picture: found knot by knot, and kept.

Knots lie on a grid of amounts from the start on, the same whatever was asked before; between them points are mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from threading import RLock

import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.controls.approach import Read, Stand, approached, begun
from explorer.controls.attribute_map import AttributeMap, shorter
from explorer.controls.bindings import Bindings

SPACING = 0.125
"""Of knots, in scales of a variable."""
FARTHEST = 128
"""The last knot of each side: amounts beyond it lead no further."""
BOUND = 8
"""Knots of one variable from one to the next that is sought from it."""
MOST_KNOTS = 500

Grid = tuple[int, ...]
"""Of every variable the number of a knot; 0 where it is not set, has levels, or stays."""
Levels = tuple[int, ...]
"""Of every variable the level that is aimed at; -1 of numbers."""
ReadPoints = Callable[[Tensor], Tensor]
"""Points (n, *shape), float64 → (n, A) values of the attributes among the variables, NaN where one is not shown."""


@dataclass(frozen=True)
class Aims:
    """What interventions aim at. ``moving``: the places of the numbers that are set; ``values``: amounts (V,) of these,
    in their own units, 0 of all else → (V,) the values that all variables are to have. ``key`` tells it from all others
    of one start, as far as they may differ where amounts and levels are the same; ``is_elsewhere``: where nothing is
    set it aims at other values than the start has."""

    key: Hashable
    moving: tuple[int, ...]
    values: Callable[[Sequence[float]], Tensor]
    is_elsewhere: bool = False


@dataclass(frozen=True)
class Approach:
    """Where it leads: ``shift`` (r,) from where the controls that variables are bound to have led; ``missed`` (V,): by
    how much the values there lie beside those aimed at, in the variables' units, of one with levels the level that is
    read, or NaN where it is the right one; ``at_the_edge``: further on there are no points."""

    shift: Tensor
    missed: Tensor
    at_the_edge: bool


class BoundStart:
    """A start at ``point`` (*shape), float64, whose variables have ``values`` (V,). Safe to use from several
    threads."""

    def __init__(self, bindings: Bindings, point: Tensor, values: Tensor) -> None:
        self.bindings, self.point, self.values = bindings, point, values
        self._start = bindings.attributes.coordinates(point.reshape(1, -1))[0]
        self._knots: dict[tuple[Grid, Levels, Hashable], tuple[Stand, Tensor]] = {}
        self._origin: Stand | None = None
        self._lock = RLock()

    def by_name(self) -> Values:
        """Variable → its value (1,)."""
        return {name: self.values[index : index + 1] for index, name in enumerate(self.bindings.names)}

    def approach(self, read: ReadPoints, amounts: Tensor, aim: Tensor, aims: Aims) -> Approach:
        """Where amounts (V,), 0 of what is not set, lead, which aim at ``aim`` (V,)."""
        variables = self.bindings.variables
        levels = tuple(int(aim[index]) if variable.levels else -1 for index, variable in enumerate(variables))
        is_level = torch.tensor(levels) >= 0
        shift, missed, at_the_edge = torch.zeros_like(self._start), torch.zeros_like(self.values), False
        heaviest = 0.0
        places = torch.where(is_level, 0.0, amounts / (SPACING * self.bindings.scales)).clamp(-FARTHEST, FARTHEST)
        for grid, weight in _corners(places, aims.moving):
            # Ordinary tensors: the engine draws in inference mode, others differentiate what is kept.
            with self._lock, torch.inference_mode(False):
                stand, corner = self._knot(read, grid, levels, aims)
            shift = shift + weight * stand.shift
            at_the_edge = at_the_edge or stand.at_the_edge
            away, share = self._missed(stand.values, corner), float(weight.detach())
            missed = torch.where(is_level, away if share > heaviest else missed, missed + share * away)
            heaviest = max(heaviest, share)
        return Approach(shift, missed, at_the_edge)

    def _missed(self, read: Tensor, aim: Tensor) -> Tensor:
        """(V,) as :attr:`Approach.missed`, of what is ``read`` (A,); controls stand where they are moved."""
        missed = torch.zeros_like(aim)
        for place, value in zip(self.bindings.read, read, strict=True):
            variable = self.bindings.variables[place]
            away = shorter(variable, value - aim[place])
            missed[place] = torch.where(away == 0, torch.nan, value) if variable.levels else away
        return missed

    def _knot(self, read: ReadPoints, grid: Grid, levels: Levels, aims: Aims) -> tuple[Stand, Tensor]:
        """The knot, and what it aims at. It is sought from another that is nearer to the start, always the same."""
        own = tuple(
            int(value) if variable.levels else -1
            for variable, value in zip(self.bindings.variables, self.values.tolist(), strict=True)
        )
        if not any(grid) and levels == own and not aims.is_elsewhere:
            return self._begun(read), self.values
        kept = self._knots.get((grid, levels, aims.key))
        if kept is not None:
            return kept
        if any(grid):
            begin, _ = self._knot(read, _nearer(grid), levels, aims)
        else:
            begin = self._begun(read)
        scales = self.bindings.scales.tolist()
        aim = aims.values([number * SPACING * scale for number, scale in zip(grid, scales, strict=True)])
        aim = torch.where(torch.tensor(levels) >= 0, torch.tensor(levels, dtype=aim.dtype), aim)
        found = (self._sought(read, begin, aim), aim)
        if len(self._knots) >= MOST_KNOTS:
            self._knots.clear()
        self._knots[grid, levels, aims.key] = found
        return found

    def _begun(self, read: ReadPoints) -> Stand:
        if self._origin is None:
            attributes, values = self.bindings.attributes, self.values[list(self.bindings.read)]
            if attributes.variables:
                self._origin = begun(attributes, self._reading(read, self.point, attributes), values)
            else:
                self._origin = Stand(torch.zeros_like(self._start), values, attributes.slopes)
        return self._origin

    def _sought(self, read: ReadPoints, begin: Stand, aim: Tensor) -> Stand:
        """The nearest that comes to ``aim`` (V,), sought from ``begin``. Where variables are bound to controls, these
        are moved first, and the search goes in the ways only that are at right angles to where they have led: it never
        takes back what they do."""
        attributes, controls = self.bindings.attributes, self.bindings.controls
        if not attributes.variables:
            return begin
        goal = aim[list(self.bindings.read)]
        if not controls.controls:
            return approached(attributes, self._reading(read, self.point, attributes), self._start, begin, goal)
        by = {
            name: (aim - self.values)[index][None]
            for index, name in enumerate(self.bindings.names)
            if name in controls.controls
        }
        point = controls.moved(self.point[None], by)[0]
        start = attributes.coordinates(point.reshape(1, -1))[0]
        ways = controls.across(self.point[None], by, attributes.axes)
        inner = attributes.within(ways, start - (ways @ start) @ ways)
        reading = self._reading(read, point, inner)
        shift = ways @ begin.shift
        here = Stand(shift, reading(shift[None])[0], begin.jacobian @ ways.T, begin.pushes)
        if len(ways) and not bool(here.values.isnan().any()):
            here = approached(inner, reading, ways @ start, here, goal)
        return replace(here, shift=here.shift @ ways, jacobian=here.jacobian @ ways)

    def _reading(self, read: ReadPoints, point: Tensor, attributes: AttributeMap) -> Read:
        """What is read where shifts along the axes of ``attributes`` lead from ``point``."""

        def reading(shifts: Tensor) -> Tensor:
            return read(point + (shifts @ attributes.axes).reshape(-1, *self.bindings.shape))

        return reading


def _corners(places: Tensor, moving: Sequence[int]) -> list[tuple[Grid, Tensor]]:
    """The knots between which ``places`` (V,) lie, whole numbers but for those that are ``moving``, and their weights
    (), which add to 1: of the simplex of Kuhn's triangulation, so that a mixture of what is known at them has no jumps
    and takes one knot more than variables move."""
    parts = places - places.detach().floor()
    order = sorted(moving, key=lambda index: -float(parts[index].detach()))
    none = 0.0 * places.sum()  # so that a slope by the amount is 0, and not unknown
    weights = [1.0 + none, *(parts[index] for index in order), none]
    corners = []
    grid = [math.floor(place) for place in places.tolist()]
    for step in range(len(order) + 1):
        if step:
            grid[order[step - 1]] += 1
        weight = weights[step] - weights[step + 1]
        # One without weight has a slope.
        if float(weight.detach()) > 0 or weight.requires_grad:
            corners.append((tuple(grid), weight))
    return corners


def _nearer(grid: Grid) -> Grid:
    """The knot from which ``grid``, not all 0, is sought: without the lowest bit that is set in any of its numbers, or
    :data:`BOUND` nearer, so that a knot far out is reached in a few bounds, and its neighbours in one."""
    bits = [(min(abs(number) & -abs(number), BOUND), index) for index, number in enumerate(grid) if number]
    bit, index = min(bits)
    number = grid[index] - bit if grid[index] > 0 else grid[index] + bit
    return (*grid[:index], number, *grid[index + 1 :])
