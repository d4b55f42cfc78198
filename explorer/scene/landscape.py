"""What is seen of a control's path on a plane: the path, the field that it follows, the potential. Plain values."""

from __future__ import annotations

from typing import Literal

import msgspec

PlaneKind = Literal["path", "controls"]
"""``path``: the plane in which the path bends most (its first two principal components); ``controls``: that of the
control and of another one, as they set out."""


class Plane(msgspec.Struct, frozen=True, kw_only=True):
    """A plane through the start. ``other``: the second control of ``controls``."""

    kind: PlaneKind = "path"
    other: str = ""


class FieldOnPlane(msgspec.Struct, frozen=True, kw_only=True):
    """The field that a control follows, on a plane, as it is at ``time`` (None: it has none).

    ``size``: points a side, from the lower left on, row by row, as little-endian float32: ``potential`` (empty where
    there is none), ``across`` and ``up``, what an amount of 1 adds there along both axes of the plane, which is the
    slope of the potential where the field ``is_gradient``, and ``curl``, by how many radians the field turns in an
    amount of 1, times two. At ``unit_speed``, where only the direction of the field is followed, they are those of the
    field itself. ``hidden``: the share of the velocity that leads out of the plane, 0..1, on average.
    """

    size: int
    time: float | None
    potential: bytes
    across: bytes
    up: bytes
    curl: bytes
    hidden: float
    unit_speed: bool = False
    is_gradient: bool = True  # or the potential, if there is one, is that of its gradient part


class Landscape(msgspec.Struct, frozen=True, kw_only=True):
    """A control's path from a start, in a plane of the control's space, in the units of that space; the start is 0.

    ``extent``: left, right, bottom, top. ``amounts`` (T) ascend over the slider; ``path`` (T) are points of the plane,
    ``beside`` (T) how far the path itself lies from it; ``inside``: the share of the path's spread that lies in the
    plane, 0..1. ``straight``: the two ends of the straight line that fits the path best; ``bend``: 1 less the distance
    of the path's ends over its length, 0 for a straight line. ``speed`` (T): how far an amount of 1 leads from there;
    ``curvature`` (T): 1 over the radius of the circle that fits there; ``log_prior`` (T): the log-density of the
    space's prior there, in nats, empty where it has none. ``ends``: amount → why the path stops there, for ends within
    the slider. ``unit``: of the amounts.
    """

    control: str
    space: str
    unit: str
    horizontal: str
    vertical: str
    extent: tuple[float, float, float, float]
    amounts: tuple[float, ...]
    path: tuple[tuple[float, float], ...]
    beside: tuple[float, ...]
    inside: float
    straight: tuple[tuple[float, float], tuple[float, float]]
    bend: float
    speed: tuple[float, ...]
    curvature: tuple[float, ...]
    log_prior: tuple[float, ...]
    ends: dict[str, str]
    field: FieldOnPlane | None = None
