"""A control's path and the field that it follows, on a plane: what the landscape shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.controls.base import WEIGHTS, Control, Move, Moves, StartBound
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldAtOnce, FieldControl
from explorer.controls.scaled import unscaled
from explorer.errors import ControlError
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import advanced_for, edited, placed, rows_of
from explorer.scene.cards import Remark
from explorer.scene.landscape import FieldOnPlane, Landscape, Plane
from explorer.scene.model import Edit

POINTS = 81
"""Of a path, over the slider."""
SIZE = 48
"""Points a side at which the field is computed."""
MARGIN = 0.3
"""Of the path's extent, that is shown around it."""
STRAIGHT = 1e-5
"""A path that leaves its first axis by less than this share of its length is a straight line."""


@dataclass(frozen=True)
class _Cut:
    """A plane through ``start`` (d,), spanned by the orthonormal rows ``axes`` (2, d)."""

    start: Tensor
    axes: Tensor
    horizontal: str
    vertical: str

    def points(self, rows: Tensor) -> Tensor:
        """(T, 2) where the points ``rows`` (T, d) lie, seen straight from above."""
        seen: Tensor = (rows - self.start) @ self.axes.T
        return seen

    def off(self, rows: Tensor) -> Tensor:
        """(T,) how far the points lie from it."""
        distances: Tensor = (rows - self.start - self.points(rows) @ self.axes).norm(dim=1)
        return distances


def landscape(
    generator: Generator,
    controls: ControlSet,
    start: Latent,
    edits: Sequence[Edit],
    control: str,
    plane: Plane,
    time: float | None = None,
) -> Landscape:
    """The path of ``control`` from ``start`` (batch 1), all other ``edits`` made; the field that it follows, where it
    follows one, at ``time`` (None: when the path begins).

    Raises :class:`ControlError` for a control that moves no point, or names that are not in the set, and
    :class:`ExplorerError` for a start behind the control's space.
    """
    chosen = controls.control(control)
    space = chosen.card.space
    if space == WEIGHTS:
        raise ControlError(
            f"'{control}' changes weights and moves no point, so it has no path; choose another control."
        )
    if chosen.card.cases is not None:
        raise ControlError(f"The numbers of '{control}' are those of cases, so it has no path; choose another control.")
    if chosen.card.shows == "value":
        raise ControlError(f"The slider '{control}' shows values, and a path goes by amounts; choose another one.")
    if math.prod(generator.card.spaces[space].shape) < 2:
        raise ControlError(f"The space '{space}' of '{control}' has one axis, and a landscape needs two.")
    others = [edit for edit in edits if edit.control != control]
    amounts = torch.linspace(chosen.card.low, chosen.card.high, POINTS, dtype=torch.float64)

    def moves(amount: float) -> Moves:
        return controls.moves([*others, Edit(control, amount)])

    def reached(amount: float) -> Tensor:
        latent = placed(generator, start, moves(amount))
        return advanced_for(chosen, generator, latent).tensors[space].flatten().double().cpu()

    rows = _at_once(generator, start, moves(1.0), chosen, amounts)
    if rows is None:
        rows = torch.stack([reached(float(amount)) for amount in amounts])
    begin = reached(0.0)
    spread, components = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)[1:]
    if plane.kind == "controls":
        cut = _between(chosen, controls.control(plane.other), begin, generator)
    else:
        cut = _along(begin, rows[-1] - rows[0], spread, components)
    seen = cut.points(rows)
    first, second, unbent = _derivatives(amounts, rows)
    lengths = rows.diff(dim=0).norm(dim=1)
    away = float((rows - begin).square().sum())
    whole = float(lengths.sum())
    unbent = unbent | (spread[1] <= STRAIGHT * spread[0])  # what is left is rounding
    extent = _extent(seen)
    return Landscape(
        control=control,
        space=space,
        unit=chosen.card.unit,
        horizontal=cut.horizontal,
        vertical=cut.vertical,
        extent=extent,
        amounts=tuple(amounts.tolist()),
        path=tuple((float(x), float(y)) for x, y in seen),
        beside=tuple(cut.off(rows).tolist()),
        inside=float(seen.square().sum()) / away if away > 0 else 1.0,
        straight=_fitted(seen),
        bend=1 - float((rows[-1] - rows[0]).norm()) / whole if whole > 0 else 0.0,
        speed=tuple(first.norm(dim=1).tolist()),
        curvature=tuple(_curvature(first, second, unbent).tolist()),
        log_prior=_log_prior(generator, space, rows),
        ends=_ends(generator, chosen, start, moves),
        field=_field(chosen, generator, cut, extent, time),
    )


def _at_once(generator: Generator, start: Latent, moves: Moves, chosen: Control, amounts: Tensor) -> Tensor | None:
    """(T, d) where ``chosen`` leads by ``amounts`` (T,), the other ``moves`` as they are: all points in one batch. None
    where they cannot be, or not as exactly: steps of other methods than ``rk4`` are part of the path."""
    if not isinstance(unscaled(Move(chosen, torch.ones(1))).control, FieldControl):
        return None
    many = []
    for move in moves:
        inner = unscaled(move)
        control = inner.control
        number = inner.number.expand(len(amounts)) * (amounts if move.control is chosen else 1.0)
        if isinstance(control, StartBound):  # looks at one start
            return None
        if isinstance(control, FieldControl):
            if control.flow.integrator != "rk4":
                return None
            control = FieldAtOnce(control.card, control.field, control.flow)
        many.append(inner._replace(control=control, number=number))
    latent = placed(generator, rows_of(start, [0] * len(amounts)), many)
    space = chosen.card.space
    return advanced_for(chosen, generator, latent).tensors[space].flatten(1).double().cpu()


def _between(chosen: Control, other: Control, begin: Tensor, generator: Generator) -> _Cut:
    """The plane of ``chosen`` and ``other`` as they set out; where both do so alike, the second axis is any other one.
    Raises :class:`ControlError` for two of different spaces."""
    name, card = chosen.card.name, other.card
    if card.space != chosen.card.space:
        raise ControlError(
            f"'{card.name}' moves points of {card.space}, and '{name}' of {chosen.card.space}; choose two controls of "
            "one space."
        )
    here = begin.reshape(1, *generator.card.spaces[card.space].shape)
    axes, is_free = _orthonormal(torch.stack([one.velocity(here).flatten().cpu() for one in (chosen, other)]))
    across = "any way across" if is_free else f"as {card.name} sets out, across {name}"
    return _Cut(begin, axes, f"as {name} sets out", across)


def _along(begin: Tensor, way: Tensor, spread: Tensor, components: Tensor) -> _Cut:
    """The plane of the first two principal ``components`` (m, d) of a path, along which it has the singular values
    ``spread`` (m,), turned so that the path, which leads ``way`` (d,), goes to the right; where it is straight, the
    second axis is any other one."""
    ways = components[:2] * spread[:2, None]
    axes, is_free = _orthonormal(ways * torch.where(ways @ way < 0, -1.0, 1.0)[:, None])
    shares = spread.square() / spread.square().sum().clamp_min(1e-300)
    across = "any way across: the path is straight" if is_free else f"2nd component, {float(shares[1]):.0%}"
    return _Cut(begin, axes, f"1st component of the path, {float(shares[0]):.0%} of it", across)


def _orthonormal(ways: Tensor) -> tuple[Tensor, bool]:
    """(2, d) orthonormal rows along ``ways`` (2, d), and whether the second had to be any other one."""
    width = ways.shape[1]
    first = ways[0] / ways[0].norm() if float(ways[0].norm()) > 0 else torch.eye(width, dtype=ways.dtype)[0]
    rest = ways[1] - (ways[1] @ first) * first
    is_free = float(rest.norm()) <= STRAIGHT * max(float(ways[0].norm()), float(ways[1].norm()))
    if is_free:
        axis = torch.eye(width, dtype=ways.dtype)[int(first.abs().argmin())]
        rest = axis - (axis @ first) * first
    return torch.stack([first, rest / rest.norm()]), is_free


def _extent(seen: Tensor) -> tuple[float, float, float, float]:
    """A square around the path (T, 2), and a margin."""
    low, high = seen.min(0).values, seen.max(0).values
    middle = (low + high) / 2
    half = max(float((high - low).max()) / 2 * (1 + MARGIN), 1e-6)
    x, y = middle.tolist()
    return x - half, x + half, y - half, y + half


def _derivatives(amounts: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first and the second derivative (T, d) of the path by the amount, by central differences, and where there is
    a corner or an end (T,): there the path has no curvature."""
    step = float(amounts[1] - amounts[0])
    first = torch.gradient(rows, spacing=step, dim=0, edge_order=2)[0]
    second = torch.zeros_like(rows)
    second[1:-1] = (rows[2:] - 2 * rows[1:-1] + rows[:-2]) / step**2
    second[0], second[-1] = second[1], second[-2]
    lengths = rows.diff(dim=0).norm(dim=1)
    before, after = torch.cat([lengths[:1], lengths]), torch.cat([lengths, lengths[-1:]])
    still = torch.minimum(before, after) < 0.2 * torch.maximum(before, after)
    return first, second, still


def _curvature(first: Tensor, second: Tensor, unbent: Tensor) -> Tensor:
    """(T,) |v × a| / |v|³; 0 where it is ``unbent`` (T,) and where nothing moves."""
    speed = first.square().sum(1)
    across = (speed * second.square().sum(1) - (first * second).sum(1).square()).clamp_min(0).sqrt()
    found = torch.where(unbent | (speed <= 1e-20), 0.0, across / speed.clamp_min(1e-300) ** 1.5)
    found[0], found[-1] = found[1], found[-2]  # at the ends the first derivative is less exact
    return found


def _fitted(seen: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """The straight line through the points (T, 2) with the least sum of squared distances, as long as they spread."""
    middle = seen.mean(0)
    way = torch.linalg.svd(seen - middle, full_matrices=False).Vh[0]
    along = (seen - middle) @ way
    ends = [middle + float(end) * way for end in (along.min(), along.max())]
    (a, b), (c, d) = (end.tolist() for end in ends)
    return (a, b), (c, d)


def _log_prior(generator: Generator, space: str, rows: Tensor) -> tuple[float, ...]:
    """Of a standard normal prior; of none, and of a sphere, where lengths do not count, nothing."""
    card = generator.card.spaces[space]
    if card.prior != "normal" or card.sphere:
        return ()
    found = -rows.square().sum(1) / 2 - rows.shape[1] / 2 * math.log(2 * math.pi)
    return tuple(found.tolist())


def _ends(generator: Generator, chosen: Control, start: Latent, moves: Callable[[float], Moves]) -> dict[str, str]:
    """Amount, as a text → why the path stops there or before."""
    found: dict[str, str] = {}
    inner = unscaled(Move(chosen, torch.ones(1))).control
    if not isinstance(inner, FieldControl):
        return found
    for amount in (chosen.card.low, chosen.card.high):
        remarks: dict[str, Remark] = {}
        edited(generator, start, moves(amount), remarks=remarks)
        if remark := remarks.get(inner.card.name):
            found[f"{amount:g}"] = remark.text
    return found


def _field(
    chosen: Control,
    generator: Generator,
    cut: _Cut,
    extent: tuple[float, float, float, float],
    time: float | None,
) -> FieldOnPlane | None:
    """The field of ``chosen`` on ``cut``; None where it follows none, or moves some layers of its space only."""
    move = unscaled(Move(chosen, torch.ones(1)))
    control, factor = move.control, float(move.number)
    if not isinstance(control, FieldControl) or control.field.width != len(cut.start):
        return None
    left, right, bottom, top = extent
    x = torch.linspace(left, right, SIZE, dtype=torch.float64)
    y = torch.linspace(bottom, top, SIZE, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2).flip(1)  # (x, y), from the lower left
    points = cut.start + grid @ cut.axes
    times = control.field.times
    moment = control.flow.start if time is None else time
    if times is not None:
        moment = min(max(moment, times[0]), times[1])
    field = control.at(points)
    at = torch.full((len(points),), moment, dtype=torch.float64)
    gain = factor * control.flow.scale
    if control.flow.unit_speed:
        gain = math.copysign(1.0, gain)
    velocity = field.velocity(points, at).nan_to_num(0.0, 0.0, 0.0) * gain
    inside = velocity @ cut.axes.T
    across, up = (part.reshape(SIZE, SIZE) for part in inside.T)
    curl = (
        torch.gradient(up, spacing=float(x[1] - x[0]), dim=1)[0]
        - torch.gradient(across, spacing=float(y[1] - y[0]), dim=0)[0]
    )
    potential = field.potential(points, at)
    length = velocity.norm(dim=1).sum()
    return FieldOnPlane(
        size=SIZE,
        time=moment if times is not None else None,
        potential=b"" if potential is None else _bytes(potential * gain),
        across=_bytes(across),
        up=_bytes(up),
        curl=_bytes(curl),
        hidden=1 - float(inside.norm(dim=1).sum() / length) if float(length) > 0 else 0.0,
        unit_speed=control.flow.unit_speed,
        is_gradient=field.nature == "gradient",
    )


def _bytes(numbers: Tensor) -> bytes:
    return numbers.detach().cpu().numpy().astype("<f4").tobytes()
