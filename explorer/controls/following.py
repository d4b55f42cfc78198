"""One point on its way along one or several fields, step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from explorer.controls.curves import knot
from explorer.fields.base import VectorField
from explorer.numerics.integrators import Integrator, Length, step

Negative = Literal["reverse", "anti-field"]

FOLDED = 0.5
"""A step at unit speed that ends nearer than this share of its length runs to and fro: there is an extremum, or a
crease, and no direction that leads on."""
SHORT = 0.05
"""A piece of a step that is less than this share of it is not judged: rounding may be as long."""
WHOLE = 1e-6
"""An amount that lacks less than this share of a step ends on a knot."""


@dataclass(frozen=True)
class Flow:
    """How a field v is followed: dz/da = ``scale`` v(z, ``start`` + ``rate`` a), a the amount.

    ``rate``: model time that an amount of 1 takes; 0 for fields that do not depend on time. ``step``: of the
    ``integrator``, in amounts. ``negative``: what amounts below 0 are: ``reverse``, time runs back from its start;
    ``anti-field``, along the field turned round, in its own time, dz/da = ``scale`` v(z, ``start`` + ``rate`` |a|).
    Where time does not matter both are the way back. ``unit_speed``: only the direction of v is followed, v / ‖v‖.
    ``sphere``: points stay as far from 0 as they are, and v is taken along the sphere.
    """

    scale: float
    rate: float = 0.0
    start: float = 0.0
    step: float = 0.125
    integrator: Integrator = "rk4"
    negative: Negative = "reverse"
    unit_speed: bool = False
    sphere: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if not all(map(math.isfinite, (self.scale, self.rate, self.start, self.step))):
            raise ValueError(f"a flow of {self}")
        if self.rate < 0 or self.step <= 0:
            raise ValueError(f"a rate of {self.rate} and a step of {self.step}")
        if self.integrator not in get_args(Integrator) or self.negative not in get_args(Negative):
            raise ValueError(f"integrator {self.integrator!r} and negative {self.negative!r}")


@dataclass(frozen=True)
class Part:
    """One field of a path: ``owner`` names it (by identity), ``amount`` () is how far it is followed. ``layers``: those
    of the point that it moves, by what it is at the first of them; None: the whole point."""

    owner: object
    field: VectorField
    flow: Flow
    amount: Length
    layers: tuple[int, int] | None

    def velocity(self, point: Tensor, amount: Length, share: Length = 1.0) -> Tensor:
        """What an amount of 1 adds to ``point`` (*shape) where the path has come by ``amount``, times ``share``."""
        return self.velocities(point[None], amount, share)[0]

    def velocities(self, points: Tensor, amounts: Length, shares: Length) -> Tensor:
        """As :meth:`velocity` at ``points`` (B, *shape), each at an amount and with a share of its own (B,), or all
        with one."""
        flow = self.flow
        by: Length = _size(amounts) if flow.negative == "anti-field" else amounts
        time = torch.as_tensor(flow.start + flow.rate * by, dtype=points.dtype, device=points.device).reshape(-1)
        z = points.flatten(1) if self.layers is None else points[:, self.layers[0]]
        v = self.field.velocity(z, time)
        if flow.sphere:
            v = v - z * ((v * z).sum(1, keepdim=True) / z.square().sum(1, keepdim=True))
        if flow.unit_speed:
            v = v / v.detach().abs().amax(1, keepdim=True)  # the square of a speed may vanish where the speed does not
            v = v / v.norm(dim=1, keepdim=True)
        factor = flow.scale * shares
        v = v * (factor[:, None].to(v.dtype) if isinstance(factor, Tensor) and factor.dim() else factor)
        if self.layers is None:
            return v.reshape(points.shape)
        first, last = self.layers
        number = torch.arange(points.shape[1], device=points.device)[:, None]
        return v[:, None] * ((number >= first) & (number <= last))


@dataclass(frozen=True)
class Path:
    """Where a path has led, and whether it stopped on the way because a field was not finite there."""

    point: Tensor
    stopped: bool = False


@dataclass(frozen=True)
class _Knot:
    number: int
    point: Tensor
    stopped: bool = False


def followed(start: Tensor, parts: Sequence[Part], most: int, keep: bool) -> Path:
    """Where ``parts``, in this order, lead from ``start`` (*shape): dz/ds = Σ r_k scale_k v_k(z, …), s from 0 to the
    largest |amount|, r_k the amounts over it. Steps of one length, at most ``most`` of them, and a shorter last one.

    ``keep``: the knots are kept with the owner of the first part; else everything is computed, and differentiable.
    """
    moving = [part for part in parts if _number(part.amount) != 0]
    if not moving:
        for part in parts:
            start = start + 0 * part.amount  # so that a slope by the amount is 0, and not unknown
        return Path(start)
    largest = max(moving, key=lambda part: abs(_number(part.amount)))
    length = _size(largest.amount)
    shares = [part.amount / length for part in moving]
    by = min(part.flow.step / abs(_number(share)) for part, share in zip(moving, shares, strict=True))
    whole = min(int(_number(length) / by + WHOLE), most)
    radius = start.norm() if any(part.flow.sphere for part in moving) else None
    method = min((part.flow.integrator for part in moving), key=("rk4", "heun", "euler").index)

    def velocity(point: Tensor, s: Length) -> Tensor:
        ways = [part.velocity(point, share * s, share) for part, share in zip(moving, shares, strict=True)]
        return ways[0] if len(ways) == 1 else torch.stack(ways).sum(0)

    def onward(point: Tensor, s: Length, length: Length) -> Tensor:
        point = step(method, velocity, point, s, length)
        return point if radius is None else point * (radius / point.norm())

    alone = moving[0].flow if len(moving) == 1 and moving[0].flow.unit_speed and moving[0].layers is None else None

    def leads_on(before: Tensor, after: Tensor, length: Length) -> bool:
        if not bool(after.isfinite().all()):
            return False
        if alone is None or _number(length) < SHORT * by:
            return True
        reach = abs(alone.scale) * _number(_size(length))
        return float((after - before).detach().norm()) >= FOLDED * reach

    def following(last: _Knot) -> _Knot:
        if last.stopped:
            return last
        point = onward(last.point, last.number * by, by)
        if not leads_on(last.point, point, by):
            return _Knot(last.number, last.point, stopped=True)
        return _Knot(last.number + 1, point)

    def ended(reached: _Knot) -> Path:
        left = length - whole * by
        if reached.stopped or (keep and _number(left) <= WHOLE * by):
            return Path(reached.point, reached.stopped)
        left = min(left, by)
        point = onward(reached.point, whole * by, left)
        if not leads_on(reached.point, point, left):
            return Path(reached.point, stopped=True)
        return Path(point)

    if not keep:
        reached = _Knot(0, start)
        for _ in range(whole):
            reached = following(reached)
        return ended(reached)
    # Kept knots must be ordinary tensors: the engine draws in inference mode, others differentiate.
    with torch.inference_mode(False), torch.no_grad():
        first = _Knot(0, start.clone())
        # With the first of the parts, which does not keep itself; each of the others comes after it in every mixture.
        others = tuple(part.owner for part in moving[1:])
        key = (start.cpu().numpy().tobytes(), start.shape, start.dtype, start.device, others, tuple(shares))
        return ended(knot(moving[0].owner, key, whole, lambda: first, following))


def followed_at_once(starts: Tensor, parts: Sequence[Part], most: int) -> list[Path]:
    """Where ``parts``, whose amounts are (B,), lead from ``starts`` (B, *shape), all rows in the same number of steps
    of the method of order 4, which are as short as the row that needs most of them wants, ``most`` at most.

    For what is drawn of a path: many times as fast as :func:`followed` row by row, and not the same in the last bits.
    """
    amounts = [torch.as_tensor(part.amount).to(starts.device) for part in parts]
    pairs = list(zip(parts, amounts, strict=True))
    longest = max(float(amount.abs().max()) / part.flow.step for part, amount in pairs)
    steps = min(max(1, math.ceil(longest - WHOLE)), most)
    length = 1 / steps
    radius = _norms(starts) if any(part.flow.sphere for part in parts) else None
    alone = parts[0].flow if len(parts) == 1 and parts[0].flow.unit_speed and parts[0].layers is None else None

    def velocity(points: Tensor, s: Length) -> Tensor:
        return torch.stack([part.velocities(points, amount * s, amount) for part, amount in pairs]).sum(0)

    points = starts
    stopped = torch.zeros(len(starts), dtype=torch.bool, device=starts.device)
    for number in range(steps):
        after = step("rk4", velocity, points, number * length, length)
        if radius is not None:
            after = after * (radius / _norms(after))
        stopped = stopped | ~after.flatten(1).isfinite().all(1)
        if alone is not None:
            stopped = stopped | (
                (after - points).flatten(1).norm(dim=1) < FOLDED * abs(alone.scale) * amounts[0].abs() * length
            )
        points = torch.where(stopped.reshape(-1, *[1] * (starts.dim() - 1)), points, after)
    return [Path(point, bool(stop)) for point, stop in zip(points, stopped, strict=True)]


def _norms(points: Tensor) -> Tensor:
    """(B, 1, …) of ``points`` (B, *shape)."""
    norms: Tensor = points.flatten(1).norm(dim=1)
    return norms.reshape(-1, *[1] * (points.dim() - 1))


def _number(length: Length) -> float:
    return float(length.detach()) if isinstance(length, Tensor) else length


def _size(amount: Length) -> Length:
    return amount.abs() if isinstance(amount, Tensor) else abs(amount)
