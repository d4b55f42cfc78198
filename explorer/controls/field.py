"""The field control: follows a vector field, alone or together with the other fields of its space."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Self
from weakref import WeakKeyDictionary

import msgspec
import torch
from torch import Tensor

from explorer.controls.base import Move, Moves, PointControl, written
from explorer.controls.following import Flow, Part, Path, followed, followed_at_once
from explorer.fields.base import VectorField
from explorer.fields.registry import fields
from explorer.scene.cards import ControlCard, ControlLaws, FieldCard, Remark, SpaceCard
from explorer.scene.model import Scalar

INNER = "field."
"""Begins the names of the parameters of the field itself."""
ENDED = "path ended"
"""What is remarked of a path that stops before its amount."""
MOST_STEPS = 4096
"""Of one path: an amount that takes more of them goes no further."""


@dataclass(frozen=True, eq=False)
class FieldControl(PointControl):
    """Moves a point along ``field``, as ``flow`` says. Song et al., "Latent Traversals in Generative Models as
    Potential Flows", ICML 2023, for fields that are gradients; any other is followed alike.

    Several that are moved at once are one flow, dz/dτ = Σ a_k scale_k v_k(z, start_k + rate_k a_k τ), τ from 0 to 1, so
    their order does not matter ("Sparse Transformation Analysis", 2410.05564). A path ends where its field is not
    finite, and where its time ends: further amounts lead to the same point, and :meth:`remarks` says why. Steps have a
    fixed length and begin at the start, so they are kept while a hand drags, and give the same bits on the way back.

    The field moves the whole space, or, where its width is that of a layer, the layers ``card.layers`` (None: all) of
    (layers, width), by what it is at the first of them.
    """

    kind: ClassVar[str] = "field"

    card: ControlCard
    field: VectorField
    flow: Flow

    def __post_init__(self) -> None:
        """Raises ValueError where layers of a sphere are to be moved: only whole points lie on one."""
        super().__post_init__()
        flow, field = self.flow, self.field
        if flow.sphere and self.card.layers is not None:
            raise ValueError(f"layers {self.card.layers} of a sphere")
        told = FieldCard(
            nature=field.nature,
            times=field.times,
            unit_speed=flow.unit_speed,
            integrator=flow.integrator,
            potential=_has_potential(field),
        )
        object.__setattr__(self, "card", msgspec.structs.replace(self.card, field=told))

    @property
    def group(self) -> Hashable:
        """All fields of a space flow together."""
        return self.kind

    @property
    def reach(self) -> tuple[float, float]:
        """The amounts between which the field has its time; infinite where it does not depend on time."""
        flow, times = self.flow, self.field.times
        if times is None or flow.rate == 0:
            return -math.inf, math.inf
        ahead, behind = max(0.0, times[1] - flow.start), max(0.0, flow.start - times[0])
        return -(ahead if flow.negative == "anti-field" else behind) / flow.rate, ahead / flow.rate

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return torch.stack([path.point for path in self._paths(latent, [Move(self, amount)])])

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        """As :class:`explorer.controls.base.Joint`: one flow of all the fields of ``moves``."""
        points = torch.stack([path.point for path in self._paths(latent, moves)]).to(latent.dtype)
        still = torch.stack([move.number.to(latent.device) == 0 for move in moves]).all(0)
        return torch.where(still.reshape(-1, *[1] * (latent.dim() - 1)), latent, points)

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """Where paths stop before their amounts."""
        (path,) = self._paths(latent, moves)
        remarks: list[Remark | None] = []
        for move in moves:
            control, amount = move.control, float(move.number)
            assert isinstance(control, FieldControl)
            low, high = control.reach
            if not low <= amount <= high and control.field.times is not None:
                first, last = control.field.times
                remarks.append(Remark(ENDED, f"was made for times {first:g} to {last:g} only"))
            else:
                remarks.append(Remark(ENDED, "has no direction from there") if path.stopped and amount != 0 else None)
        return tuple(remarks)

    def velocity(self, latent: Tensor) -> Tensor:
        """(B, *shape) float64: the field at ``latent``, at its first time; 0 where it has no direction."""
        points = latent.double()
        part = self._part(points, 1.0)
        with torch.no_grad():
            return torch.stack([part.velocity(row.clone(), 0.0) for row in points]).nan_to_num(0.0, 0.0, 0.0)

    def at(self, points: Tensor) -> VectorField:
        """The field with its tensors in the dtype and on the device of ``points``, to be asked there."""
        return _cast(self.field, points)

    def misfit(self, space: SpaceCard) -> str:
        """Why the field cannot move a point of ``space``, or an empty string."""
        width, shape = self.field.width, tuple(space.shape)
        if self.card.layers is not None:
            first, last = self.card.layers
            if len(shape) != 2 or not 0 <= first <= last < shape[0]:
                return f"moves layers {first} to {last}, but the space has {space.layers or 'no'} layers"
        elif math.prod(shape) == width:
            return ""
        if len(shape) != 2 or shape[1] != width:
            return f"has width {width}, but the space has width {written(shape)}"
        return ""

    def tensors(self) -> dict[str, Tensor]:
        return self.field.tensors()

    def parameters(self) -> dict[str, Scalar]:
        own: dict[str, Scalar] = {"field": self.field.kind, **asdict(self.flow)}
        return own | {f"{INNER}{name}": value for name, value in self.field.parameters().items()}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        kind = parameters["field"]
        if not isinstance(kind, str) or kind not in fields():
            raise ValueError(f"a field of unknown kind {kind!r}")
        if not all(tensor.is_floating_point() for tensor in tensors.values()):
            raise ValueError("tensors that are not numbers with a point")
        told = {name: parameters[name] for name in asdict(Flow(1.0))}
        for name, value in asdict(Flow(1.0)).items():
            if type(told[name]) is not type(value):
                raise ValueError(f"{name} {told[name]!r}")
        own = {name.removeprefix(INNER): value for name, value in parameters.items() if name.startswith(INNER)}
        return cls(card, fields()[kind].restore(tensors, own), Flow(**told))  # type: ignore[arg-type]

    def _laws(self) -> ControlLaws:
        timed = self.field.times is not None and self.flow.rate != 0
        if not timed and not self.field.smooth:
            return ControlLaws(composes=False, commutes=False, negative="anti-field")
        if not timed:
            return ControlLaws(composes=True, commutes=False)
        laws = ControlLaws(composes=False, commutes=False, timed=True, negative="anti-field")
        if self.flow.negative == "anti-field":
            return laws
        return msgspec.structs.replace(laws, negative="own" if self.reach[0] < 0 else "none")

    def _paths(self, latent: Tensor, moves: Moves) -> list[Path]:
        """One a row: what the amounts of ``moves`` make of ``latent`` (B, *shape), in float32 or better."""
        latent = latent.to(torch.promote_types(latent.dtype, torch.float32))
        parts = []
        for move in sorted(moves, key=lambda move: move.control.card.name):
            assert isinstance(move.control, FieldControl)
            parts.append((move.control, move.number.to(latent.device, torch.float64)))
        learning = torch.is_grad_enabled() and (latent.requires_grad or any(by.requires_grad for _, by in parts))
        rows = []
        for row, start in enumerate(latent):
            # Alone and on a copy: the last bit of a product of matrices depends on how many rows it has, and on where
            # in memory they begin.
            moving = [control._part(latent, by[row] if learning else float(by[row])) for control, by in parts]
            rows.append(_once(start.clone(), moving) if not learning else followed(start, moving, MOST_STEPS, False))
        return rows

    def _part(self, latent: Tensor, amount: float | Tensor) -> Part:
        """This field's part in a path from a row of ``latent`` by ``amount``, as far as it has time."""
        low, high = self.reach
        within = amount.clamp(low, high) if isinstance(amount, Tensor) else min(max(amount, low), high)
        shape = tuple(latent.shape[1:])
        layers = None
        if math.prod(shape) != self.field.width or self.card.layers is not None:
            layers = self.card.layers or (0, shape[0] - 1)
        return Part(self, _cast(self.field, latent), self.flow, within, layers)


@dataclass(frozen=True, eq=False)
class FieldAtOnce(FieldControl):
    """A field control whose points are moved all at once (:func:`explorer.controls.following.followed_at_once`): for
    what is drawn of its paths, not for pictures. All that are moved together are of this class, and follow their fields
    by ``rk4``."""

    def _paths(self, latent: Tensor, moves: Moves) -> list[Path]:
        latent = latent.to(torch.promote_types(latent.dtype, torch.float32))
        parts = []
        for move in sorted(moves, key=lambda move: move.control.card.name):
            assert isinstance(move.control, FieldControl)
            parts.append(move.control._part(latent, move.number.to(latent.device, torch.float64)))
        return followed_at_once(latent, parts, MOST_STEPS)


_CAST: WeakKeyDictionary[VectorField, dict[tuple[torch.dtype, torch.device], VectorField]] = WeakKeyDictionary()


def _cast(field: VectorField, like: Tensor) -> VectorField:
    """``field`` in the dtype and on the device of ``like``, made once: on copies of its tensors, which begin where
    memory is aligned, those that were read from a file as well."""
    known = _CAST.setdefault(field, {})
    key = like.dtype, like.device
    if key not in known:
        with torch.inference_mode(False), torch.no_grad():
            tensors = {
                name: one.detach().to(like.device, like.dtype, copy=True) for name, one in field.tensors().items()
            }
        known[key] = type(field).restore(tensors, field.parameters())
    return known[key]


_LAST: WeakKeyDictionary[object, tuple[Hashable, Path]] = WeakKeyDictionary()


def _once(start: Tensor, parts: Sequence[Part]) -> Path:
    """Where ``parts`` lead from ``start``; asked twice for the same, as for a picture and then for why it has ended, it
    is followed once."""
    first, *others = parts
    key = (start.cpu().numpy().tobytes(), start.shape, start.dtype, start.device)
    asked = (key, tuple(part.owner for part in others), tuple(part.amount for part in parts))
    last = _LAST.get(first.owner)
    if last is None or last[0] != asked:
        last = (asked, followed(start, parts, MOST_STEPS, keep=True))
        _LAST[first.owner] = last
    return last[1]


def _has_potential(field: VectorField) -> bool:
    """Asked at one point."""
    like = next(iter(field.tensors().values()))
    with torch.no_grad():
        time = torch.full((1,), 0.0 if field.times is None else field.times[0], dtype=like.dtype, device=like.device)
        return field.potential(torch.zeros(1, field.width, dtype=like.dtype, device=like.device), time) is not None


KIND = FieldControl
