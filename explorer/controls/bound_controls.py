"""Controls that variables are bound to: where points stand along them, and where other values of these lead."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import msgspec
import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.controls.base import Control, Joint, Move
from explorer.controls.scaled import unscaled
from explorer.scene.cards import ControlCard
from explorer.scene.model import Scalar

PARALLEL = 1e-3
"""The least singular value of unit directions that do not lead the same way."""
_PREFIX = "control."


class _Entry(msgspec.Struct, frozen=True):
    """What a file says of the control that ``variable`` is bound to, besides its tensors."""

    variable: str
    kind: str
    card: ControlCard
    parameters: dict[str, Scalar]


@dataclass(frozen=True, eq=False)
class BoundControls:
    """``controls``: variable → the control that it is bound to, all of one space of ``shape``; ``centre`` (d,): the
    mean of points there; ``scales`` (variables,): standard deviations of the values.

    Values are amounts, in the control's own unit. Along *straight* controls, which add the same everywhere, a point
    stands where its coordinates say that it has, away from the centre, along all straight ones at once: a move along
    one is then no move along another, and of directions at right angles each is the projection. A control that knows
    values of its own says them. Along any other the picture itself stands at 0.
    """

    controls: Mapping[str, Control]
    shape: tuple[int, ...]
    centre: Tensor
    scales: Tensor

    def __post_init__(self) -> None:
        """Raises ValueError for straight controls that lead the same way, and for shapes that do not fit."""
        if self.scales.shape != (len(self.controls),) or not bool((self.scales > 0).all()):
            raise ValueError(f"scales of shape {tuple(self.scales.shape)} for {len(self.controls)} controls")
        if self.controls and len({control.card.space for control in self.controls.values()}) > 1:
            raise ValueError("controls of several spaces")
        if self.straight and alike(self._directions):
            raise ValueError(f"{', '.join(self.straight)}, of which some lead the same way")

    @cached_property
    def straight(self) -> tuple[str, ...]:
        """Those that add the same everywhere."""
        return tuple(name for name, control in self.controls.items() if control.offset is not None)

    @cached_property
    def relative(self) -> tuple[str, ...]:
        """Those along which every picture stands at 0."""
        return tuple(
            name for name, control in self.controls.items() if control.offset is None and control.place is None
        )

    def values(self, points: Tensor) -> Values:
        """The values (B,), float64, of the points (B, *shape)."""
        away = points.double().flatten(1) - self.centre.to(points.device)
        values: Values = {}
        for name, control in self.controls.items():
            if name in self.straight:
                # Row by row, not as a product of matrices, whose last bit depends on how many rows there are.
                values[name] = (away * self._duals[name].to(away)).sum(dim=1)
            else:
                values[name] = control.place.value(points) if control.place is not None else 0.0 * away[:, 0]
        return values

    def moved(self, points: Tensor, by: Values) -> Tensor:
        """``points`` (B, *shape) of which the values are ``by`` (B,) more; bit-identical where all are 0."""
        groups: dict[Hashable, list[Move]] = {}
        for name, control in self.controls.items():
            amount = by[name]
            if name not in self.straight and control.place is not None:
                amount = control.place.amount_to(points, control.place.value(points) + amount)
            move = unscaled(Move(control, amount))
            key = move.control.group if isinstance(move.control, Joint) else name
            groups.setdefault(key, []).append(move)
        for group in groups.values():
            first = group[0].control
            if isinstance(first, Joint):
                points = first.move_together(points, group)
            else:
                points = first.move(points, group[0].number)
        return points

    def across(self, point: Tensor, by: Values, axes: Tensor) -> Tensor:
        """(r', r) orthonormal rows: the ways within ``axes`` (r, d) that are at right angles to where the controls lead
        from ``point`` (1, *shape), moved by ``by`` (1,)."""
        ways = []
        for name, control in self.controls.items():
            amount = by[name].detach()
            alone = {each: amount if each == name else 0.0 * amount for each in self.controls}
            is_moved = name not in self.straight and bool(amount != 0)
            way = (self.moved(point, alone) - point if is_moved else control.velocity(point)).detach()
            ways.append(way.double().flatten())
        barred = torch.stack(ways) @ axes.T
        lengths = barred.norm(dim=1, keepdim=True)
        barred = (barred / lengths)[lengths[:, 0] > 1e-9]
        if len(barred) >= len(axes):
            return axes.new_zeros(0, len(axes))
        basis: Tensor = torch.linalg.qr(barred.T, mode="complete")[0]
        return basis[:, len(barred) :].T

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of them."""
        own = {"centre": self.centre.float(), "scales": self.scales.float()} if self.controls else {}
        for index, control in enumerate(self.controls.values()):
            own |= {f"{_PREFIX}{index}.{name}": tensor for name, tensor in control.tensors().items()}
        return own

    def described(self) -> str:
        """The rest of what a file holds of them."""
        entries = [
            _Entry(name, control.kind, control.card, control.parameters()) for name, control in self.controls.items()
        ]
        return msgspec.json.encode(entries).decode()

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], described: str, shape: tuple[int, ...]) -> Self:
        """What :meth:`tensors` and :meth:`described` gave. Raises KeyError for what is missing, ValueError for what is
        wrong."""
        # Not at the head: the registry imports what imports this module.
        from explorer.controls.registry import kinds

        try:
            entries = msgspec.json.decode(described, type=list[_Entry])
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error
        if not entries:
            return cls.none(shape)
        controls = {}
        for index, entry in enumerate(entries):
            if entry.kind not in kinds():
                raise ValueError(f"a bound control of unknown kind {entry.kind!r}")
            prefix = f"{_PREFIX}{index}."
            own = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
            controls[entry.variable] = kinds()[entry.kind].restore(entry.card, own, entry.parameters)
        centre, scales = (tensors[name].float().double() for name in ("centre", "scales"))
        return cls(controls, shape, centre, scales)

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Self:
        """No variable is bound to a control."""
        return cls({}, shape, torch.zeros((), dtype=torch.float64), torch.ones(0, dtype=torch.float64))

    @cached_property
    def _directions(self) -> Tensor:
        """(straight, d) what 1 adds along each."""
        start = torch.zeros(1, *self.shape, dtype=torch.float64)
        return torch.cat([self.controls[name].velocity(start).detach().cpu().flatten(1) for name in self.straight])

    @cached_property
    def _duals(self) -> dict[str, Tensor]:
        """(d,) each: what tells of a point how far it lies along one of them, and along no other."""
        duals: Tensor = torch.linalg.pinv(self._directions).T
        return dict(zip(self.straight, duals, strict=True))


def alike(directions: Tensor) -> bool:
    """Whether some of ``directions`` (m, d) lead the same way as others together, or nowhere."""
    lengths = directions.norm(dim=1, keepdim=True)
    if not bool((lengths > 0).all()) or len(directions) > directions.shape[1]:
        return True
    return float(torch.linalg.svdvals(directions / lengths).min()) < PARALLEL
