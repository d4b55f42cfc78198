"""What potentials of flows are trained with, besides being told apart: an equation along their paths, a start at rest,
and a picture that changes. Corrected, and as the authors' programs have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.fields.potential_bank import PotentialBank
from explorer.numerics import flow_equations
from explorer.numerics.potential_network import PotentialNetwork

EQUATIONS = ("wave", "heat", "hamilton_jacobi")
SLOWEST, QUICKEST = 0.5, 2.0
"""Between which the wave speed and the diffusivity are learned: a speed that may fall to 0 would fulfil its equation
by itself."""
PROBES = 1
"""Of a Laplacian that is estimated, a point."""


@dataclass(frozen=True)
class Rollout:
    """Paths of ``networks`` (n of them), in whole steps of time from 0: ``points`` (n, B, d) at the times 0 to H,
    ``velocities`` at 0 to H - 1. What lies between is a sum of these: steps are Euler's, as in the publication."""

    networks: PotentialNetwork
    points: list[Tensor]
    velocities: list[Tensor]


def rollout(networks: PotentialNetwork, start: Tensor, steps: int) -> Rollout:
    """From ``start`` (n, B, d), ``steps`` units of time long."""
    points, velocities = [start], []
    for number in range(steps):
        velocities.append(networks.velocity(points[-1], _at(number, start[..., :1, :])))  # one time for all points
        points.append(points[-1] + velocities[-1])
    return Rollout(networks, points, velocities)


class Equation(nn.Module):
    """One of :data:`EQUATIONS` for k potentials, with what it learns itself: a speed a potential, or a force.

    ``released``: what the authors' programs compute (:func:`explorer.numerics.flow_equations.released_wave`), with a
    speed that is free. Raises ValueError for the released heat equation: there is none.
    """

    def __init__(self, name: str, released: bool, k: int, width: int, seed: int) -> None:
        super().__init__()
        if released and name == "heat":
            raise ValueError("the authors' programs have no heat equation")
        self.name, self.released = name, released
        self.force = PotentialBank(k, width, True, True, seed, 4) if name == "hamilton_jacobi" else None
        # A speed of 1 to begin with, either way.
        begin = 1.0 if released else torch.logit(torch.tensor((1 - SLOWEST) / (QUICKEST - SLOWEST))).item()
        self.raw_speed = nn.Parameter(torch.full((k,), begin)) if self.force is None else None

    def speed(self) -> Tensor:
        """(k,): wave speeds or diffusivities."""
        assert self.raw_speed is not None
        return self.raw_speed if self.released else SLOWEST + (QUICKEST - SLOWEST) * torch.sigmoid(self.raw_speed)

    def residual(self, which: Tensor, way: Rollout, source: torch.Generator) -> Tensor:
        """The mean square of the residual along the paths of the potentials ``which`` (n,).

        Corrected: at a time of its own within every step, so that the times between whole ones are trained as well.
        """
        return self._released(which, way) if self.released else self._corrected(which, way, source)

    def at_rest(self, which: Tensor, way: Rollout) -> Tensor:
        """The mean square of the velocity, and of the force, at the start."""
        rest = way.velocities[0].square().mean()
        if self.force is None:
            return rest
        start = way.points[0]
        return rest + self.force.networks(which).potential(start, _at(0, start)).square().mean()

    def _corrected(self, which: Tensor, way: Rollout, source: torch.Generator) -> Tensor:
        points, velocities = torch.cat(way.points[:-1], 1), torch.cat(way.velocities, 1)  # (n, H B, d)
        later = torch.rand(points.shape[:2], generator=source).to(points)
        steps, rows = len(way.velocities), way.points[0].shape[1]
        time = torch.arange(steps).to(points).repeat_interleave(rows) + later
        points = points + later[..., None] * velocities
        if self.force is not None:
            force = self.force.networks(which).potential(points, time)
            return flow_equations.hamilton_jacobi(way.networks, points, time, force).square().mean()
        probes = flow_equations.rademacher(points, PROBES, source)
        speed = self.speed()[which][:, None].expand_as(time)
        equation = flow_equations.wave if self.name == "wave" else flow_equations.heat
        return equation(way.networks, points, time, speed, probes).square().mean()

    def _released(self, which: Tensor, way: Rollout) -> Tensor:
        found = []
        for number, points in enumerate(way.points[:-1]):
            time = _at(number, points)
            if self.force is None:
                left = flow_equations.released_wave(way.networks, points, time, self.speed()[which])
            else:
                force = self.force.networks(which).potential(points, time)
                left = flow_equations.released_hamilton_jacobi(way.networks, points, time, force)
            found.append(left.square().mean())
        return torch.stack(found).mean()


def change_gained(changes: Tensor, usual: float | None) -> Tensor:
    """What is lost where pictures do not change: of their derivatives along the flow, ``changes`` (B, *shape).

    None: minus the mean square, as in the publication, which has no limit where the potential has none. ``usual``: the
    mean square for a step of one typical deviation in any direction; minus the mean of q / (1 + q) with q = the mean
    square of a picture over the usual one, which lies between 0 and -1.
    """
    squares = changes.flatten(1).square().mean(1)
    if usual is None:
        return -squares.mean()
    return -(squares / (squares + usual).clamp_min(torch.finfo(squares.dtype).tiny)).mean()  # nothing ever changes: 0


def _at(number: int, points: Tensor) -> Tensor:
    return torch.full(points.shape[:-1], float(number)).to(points)
