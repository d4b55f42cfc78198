"""Fields that a method has found, as controls: in which unit they are followed, how far, and what is said of it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.discovery.request import Request
from explorer.errors import ControlError
from explorer.fields.base import VectorField
from explorer.numerics.integrators import Integrator
from explorer.scene.cards import ControlCard

REACH = 3.0
"""Units that a slider spans each way, as those of straight directions do."""
STEPS = 24
"""Of the path from the start to the end of a slider."""


def field_control(
    asked: Request,
    name: str,
    field: VectorField,
    deviation: float,
    *,
    speed: float = 1.0,
    figure: str = "",
    details: tuple[str, ...] = (),
    unit_speed: bool = False,
    integrator: Integrator = "rk4",
    negative: Literal["reverse", "anti-field"] = "reverse",
    turn: float = 1.0,
) -> FieldControl:
    """The control called ``name`` that follows ``field`` in the space where ``asked`` looks.

    A field that does not depend on time has a slider in σ, of :data:`REACH` units each way: one unit is a path about
    ``deviation`` long, the typical deviation of the space, where the field has its usual ``speed`` (:func:`speed_of`);
    with ``unit_speed`` it is exactly as long everywhere. One that does has a slider in units of its own time, which
    ends where the time ends: dz/dt = v(z, t). ``turn`` -1 turns the field round. Lines of the tip are ``details`` and
    what the unit is.
    """
    sphere = asked.model.spaces[asked.space].sphere
    times = field.times
    if times is None:
        scale = deviation if unit_speed else deviation / speed if speed > 0 else 0.0
        flow = Flow(
            turn * scale,
            step=REACH / STEPS,
            integrator=integrator,
            negative=negative,
            unit_speed=unit_speed,
            sphere=sphere,
        )
        reach, unit, told = REACH, "σ", f"1 σ = {deviation:.3g} along the path in {asked.space}"
    else:
        reach, unit = times[1] - times[0], "t"
        flow = Flow(
            turn * (deviation if unit_speed else 1.0),
            rate=1.0,
            start=times[0],
            step=1.0 if integrator == "euler" else reach / (2 * STEPS),
            integrator=integrator,
            negative=negative,
            unit_speed=unit_speed,
            sphere=sphere,
        )
        told = f"1 t = one unit of the time {times[0]:g} to {times[1]:g} that it was trained for"
    low = 0.0 if times is not None and negative == "reverse" else -reach
    card = ControlCard(
        name=name,
        space=asked.moved,
        unit=unit,
        low=low,
        high=reach,
        figure=figure,
        details=(*details, told),
        layers=asked.layers,
    )
    return FieldControl(card, field, flow)


@torch.no_grad()
def speed_of(field: VectorField, points: Tensor) -> float:
    """The mean length of ``field`` at ``points`` (B, d), in the middle of its time where it has one.

    Raises :class:`ControlError` where it is not finite.
    """
    time = torch.full((len(points),), 0.0 if field.times is None else sum(field.times) / 2).to(points)
    speed = float(field.velocity(points, time).norm(dim=1).mean())
    if not speed < float("inf"):
        raise ControlError("A field that was found is not finite; choose a smaller learning rate, or another seed.")
    return speed
