"""The search for a point near another whose picture has other attributes, as these are read from pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from explorer.controls.attribute_map import AttributeMap
from explorer.numerics.secants import idle, least_step, spanning, with_secants

CLOSE = 0.01
"""Scales from which no nearer is gone."""
DETOUR = 0.2
"""How far a point may lie from the start in ways that change nothing: less is not worth a picture."""
STRAY = 1e-3
"""What the square of such a detour counts, in squared scales."""
ROUNDS = 16
FIRST_STEP, LONGEST_STEP, STUCK, SHORTEST_STEP = 1.0, 2.0, 0.1, 1e-3
"""Of one round, in standard deviations of points."""
PROBE = 0.25
"""The length of the steps that tell what changes what at a start."""
PROBES = 16
"""As many at least, and two for every variable, as far as there are directions."""
PUSH = 0.25
"""By how much more a level is to stand out where another is read."""
WRONG = 4.0
"""What a level that is not the one aimed at counts, in squared scales."""

Read = Callable[[Tensor], Tensor]
"""Shifts (n, r) from a start, in standard deviations of points → (n, V) values of variables, as they are read; NaN
where a picture does not show one."""


@dataclass(frozen=True)
class Stand:
    """Where a search has come: ``shift`` (r,), the ``values`` (V,) that are read there, and what is known of how they
    change, ``jacobian`` (V, r) over their scales. ``pushes``: (variable, level aimed at, level that it must stand out
    against) → by how much, of variables whose level was once another than the one aimed at. ``at_the_edge``: it falls
    short of its aim, which would lead on to where no points are.
    """

    shift: Tensor
    values: Tensor
    jacobian: Tensor
    pushes: dict[tuple[int, int, int], float] = field(default_factory=dict)
    at_the_edge: bool = False


def begun(attributes: AttributeMap, read: Read, values: Tensor) -> Stand:
    """The start itself, whose picture has ``values`` (V,)."""
    jacobian = attributes.jacobian(values)
    return _probed(attributes, read, Stand(torch.zeros_like(jacobian[0]), values, jacobian))


def _probed(attributes: AttributeMap, read: Read, here: Stand) -> Stand:
    """``here`` with what steps from there are seen to change."""
    steps = PROBE * spanning(here.jacobian, max(PROBES, 2 * len(here.values)))
    changes = attributes.differences(read(here.shift + steps), here.values)
    shown = ~changes.isnan().any(dim=1)
    if not bool(shown.any()):
        return here
    learned = with_secants(here.jacobian, steps[shown], changes[shown])
    return replace(here, jacobian=_of_numbers(attributes, learned))


def approached(attributes: AttributeMap, read: Read, start: Tensor, begin: Stand, aim: Tensor) -> Stand:
    """The nearest that comes to ``aim`` (V,), sought from ``begin``, of a start whose coordinates are ``start`` (r,):
    where points are, and among those that come as near the one that is least away from the start, so that it does not
    depend on the way. What is read decides, what is known of changes only says where to look; where that leads nowhere,
    it is asked for again, once."""
    here = best = begin
    reach = FIRST_STEP
    cost = least = _cost(attributes, here, aim)
    is_outside, is_probed = False, False
    for _ in range(ROUNDS):
        if _is_there(attributes, here.values, aim) and float(idle(here.jacobian, here.shift).norm()) <= DETOUR:
            break
        if reach < STUCK:
            if is_probed:
                break
            here, reach, is_probed = _probed(attributes, read, here), FIRST_STEP / 2, True
        here = _pushed(attributes, start, here, aim)
        shift, was_outside = _within(attributes, start, here.shift + _step(attributes, start, here, aim, reach))
        is_outside = is_outside or was_outside
        step = shift - here.shift
        length = float(step.norm())
        if length < SHORTEST_STEP:
            reach = 0.0
            continue
        values = read(shift[None])[0]
        if bool(values.isnan().any()):
            reach = length / 4
            continue
        jacobian = _learned(attributes, here, values, step)
        there = Stand(shift, values, jacobian, here.pushes)
        new = _cost(attributes, there, aim)
        # While a level is wrong, what else changes is put right afterwards.
        if new < cost or _wrong(attributes, here.values, aim):
            here, cost = there, new
            reach = min(2 * reach, LONGEST_STEP)
        else:
            here, reach = replace(here, jacobian=jacobian), length / 2
        if cost < least:
            best, least = here, cost
    return replace(best, at_the_edge=is_outside and not _is_there(attributes, best.values, aim))


def _of_numbers(attributes: AttributeMap, jacobian: Tensor) -> Tensor:
    """``jacobian`` without what was seen of levels, which jump."""
    levels = torch.tensor([bool(variable.levels) for variable in attributes.variables])
    return torch.where(levels[:, None], 0.0, jacobian)


def _missing(attributes: AttributeMap, values: Tensor, aim: Tensor) -> Tensor:
    """(V,) over scales, 0 of variables with levels."""
    missing = attributes.differences(aim, values)
    levels = torch.tensor([bool(variable.levels) for variable in attributes.variables])
    return torch.where(levels, 0.0, missing)


def _wrong(attributes: AttributeMap, values: Tensor, aim: Tensor) -> list[int]:
    """The variables whose level is not the one aimed at."""
    return [
        index
        for index, variable in enumerate(attributes.variables)
        if variable.levels and bool(values[index] != aim[index])
    ]


def _cost(attributes: AttributeMap, here: Stand, aim: Tensor) -> float:
    missing = _missing(attributes, here.values, aim).abs()
    # What cannot be reached at all must not draw everything else along (Huber 1964).
    away = float(torch.where(missing <= 1, missing.square(), 2 * missing - 1).sum())
    detour = float(idle(here.jacobian, here.shift).square().sum())
    return max(away, CLOSE**2) + WRONG * len(_wrong(attributes, here.values, aim)) + STRAY * detour


def _is_there(attributes: AttributeMap, values: Tensor, aim: Tensor) -> bool:
    close = float(_missing(attributes, values, aim).abs().max()) <= CLOSE
    return close and not _wrong(attributes, values, aim)


def _pushed(attributes: AttributeMap, start: Tensor, here: Stand, aim: Tensor) -> Stand:
    """``here`` with levels that are wrong to stand out more than they do."""
    pushes = {key: by for key, by in here.pushes.items() if key[1] == int(aim[key[0]])}
    for index in _wrong(attributes, here.values, aim):
        level, read = int(aim[index]), int(here.values[index])
        scores = attributes.scores(index, start + here.shift)
        pushes[index, level, read] = float(scores[level] - scores[read]) + PUSH
    return replace(here, pushes=pushes)


def _step(attributes: AttributeMap, start: Tensor, here: Stand, aim: Tensor, reach: float) -> Tensor:
    rows, missing = [here.jacobian], [_missing(attributes, here.values, aim).clamp(-1.0, 1.0)]
    for (index, level, other), by in here.pushes.items():
        scores, slopes = attributes.scores(index, start + here.shift), attributes.score_slopes(index)
        rows.append((slopes[level] - slopes[other])[None])
        missing.append((by - (scores[level] - scores[other]))[None])
    jacobian = torch.cat(rows)
    step, detour = least_step(jacobian, torch.cat(missing), reach), idle(jacobian, here.shift)
    room = max(0.0, reach - float(step.norm()))
    return step - detour * min(1.0, room / float(detour.norm().clamp_min(1e-30)))


def _within(attributes: AttributeMap, start: Tensor, shift: Tensor) -> tuple[Tensor, bool]:
    """``shift`` as far as points are, or no farther out than the start is; and whether it led beyond."""
    reach = max(attributes.radius, float(start.norm()))
    there = start + shift
    away = float(there.norm())
    return (there * (reach / away) - start, True) if away > reach else (shift, False)


def _learned(attributes: AttributeMap, here: Stand, values: Tensor, step: Tensor) -> Tensor:
    """What is known of changes after ``step``, which has led to ``values``: that of a cyclic variable turns with it."""
    turned = here.jacobian + attributes.jacobian(values) - attributes.jacobian(here.values)
    changes = attributes.differences(values, here.values)
    return _of_numbers(attributes, with_secants(turned, step[None], changes[None]))
