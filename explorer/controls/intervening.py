"""What interventions on the variables of a structural causal model share, wherever the values of these lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.interventions import Hard
from explorer.causal.model import StructuralModel
from explorer.causal.model_file import packed, unpacked
from explorer.causal.posterior import Counterfactual, counterfactual
from explorer.controls.base import Move, Moves, Place, PointControl
from explorer.controls.curves import knot
from explorer.errors import CausalError
from explorer.scene.cards import ControlCard, ControlLaws, Remark
from explorer.scene.model import Scalar

DRAWS = 200
"""Noises that are drawn where a picture does not tell the noise: enough for two figures of an interval's ends."""
_PREFIX = "model."


class Intervening(PointControl):
    """Sets ``variable`` of ``model``: abduction of the noises from the values that a point has, action, prediction. A
    kind is a frozen dataclass with these fields, which says in :meth:`values` what values points have, and in
    :meth:`moved_to` which point has others. Interventions of one model are made at once.

    An amount is how far the value is from the factual one, in the unit of the variable, of a category in levels.
    """

    kind: ClassVar[str]
    card: ControlCard
    variable: str
    model: StructuralModel

    def values(self, latent: Tensor) -> Values:
        """The values (B,), float64, of all variables at the points ``latent`` (B, *shape)."""
        raise TypeError(f"{type(self).__name__} does not say what values points have")

    def moved_to(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> Tensor:
        """``latent`` (B, *shape), whose values are ``factual``, moved so that they are ``after``, what ``moves``
        make of them; what does not change keeps its bits."""
        raise TypeError(f"{type(self).__name__} does not say where values lie")

    @property
    def place(self) -> Place | None:
        """The value of the variable."""
        return self

    @cached_property
    def group(self) -> Hashable:
        """The contents of all but the variable, so that sets read from two files are one group."""
        digest = hashlib.sha256()
        for key, tensor in sorted(self.tensors().items()):
            digest.update(key.encode() + tensor.contiguous().numpy().tobytes())
        parameters = {key: value for key, value in self.parameters().items() if key != "variable"}
        return (self.kind, digest.hexdigest(), json.dumps(parameters, sort_keys=True))

    def value(self, latent: Tensor) -> Tensor:
        return self.values(latent)[self.variable]

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        factual = self.value(latent)
        # A value that is typed, or kept in a file, has gone through float32 as the point has.
        return torch.where(value.float() == factual.float(), 0.0, value.double() - factual)

    def stops(self) -> tuple[float, ...]:
        return tuple(map(float, range(self.model.graph.variable(self.variable).levels)))

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return self._moved_together(latent, [Move(self, amount)])

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        return self._moved_together(latent, moves).to(latent.dtype)

    def outcome(self, latent: Tensor, moves: Moves) -> tuple[Values, Counterfactual]:
        """The factual values (B,) of all variables at ``latent`` (B, *shape), and what they would have been under
        ``moves``, interventions of this model. Kept, because every picture asks twice: for its remarks and its
        point."""
        numbers = [move.number for move in moves]
        if any(tensor.requires_grad for tensor in (latent, *numbers)):
            return self._outcome(latent, moves)
        names = tuple((_intervening(move).variable, move.absolute) for move in moves)
        bits = tuple((tensor.dtype, tensor.cpu().numpy().tobytes()) for tensor in (latent, *numbers))
        return knot(self, (latent.shape, names, bits), 0, lambda: self._outcome(latent, moves), lambda last: last)

    def _outcome(self, latent: Tensor, moves: Moves) -> tuple[Values, Counterfactual]:
        factual = self.values(latent)
        acts = {}
        for move in moves:
            control = _intervening(move)
            amount = control.amount_to(latent, move.number) if move.absolute else move.number
            acts[control.variable] = Hard(control.sent(factual[control.variable], amount.double()))
        return factual, counterfactual(self.model, factual, acts, DRAWS)

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """Which effects the picture leaves open, since it does not tell their noise: their intervals of 90 %."""
        _, after = self.outcome(latent, moves)
        graph = self.model.graph
        remarks: list[Remark | None] = []
        for move in moves:
            effects = graph.descendants([_intervening(move).variable]) if move.part != "direct" else set()
            # An interval without a width says what there is to be known.
            names = [name for name in graph.names if name in effects and bool(after.low[name] < after.high[name])]
            ranges = ", ".join(_open_text(name, after) for name in names)
            text = f"leaves open {ranges}; its middle is drawn"
            remarks.append(Remark("not unique", text, about=" and ".join(names)) if names else None)
        return tuple(remarks)

    def sent(self, factual: Tensor, amount: Tensor) -> Tensor:
        """The value that is ``amount`` (B,) from the ``factual`` one: of levels one of them, of a cyclic one within the
        period; the factual one itself where the amount is 0."""
        variable = self.model.graph.variable(self.variable)
        value = factual + amount
        if variable.levels:
            value = value.round().clamp(0, variable.levels - 1)
        elif variable.period:
            value = (value - float(variable.low or 0.0)).remainder(variable.period) + float(variable.low or 0.0)
        return torch.where(amount == 0, factual, value)

    def tensors(self) -> dict[str, Tensor]:
        """Those of the model."""
        tensors, _ = packed(self.model)
        return {f"{_PREFIX}{key}": tensor for key, tensor in tensors.items()}

    def parameters(self) -> dict[str, Scalar]:
        """The variable, and the model as far as it is no tensors."""
        _, described = packed(self.model)
        return {"variable": self.variable, "model": described}

    @classmethod
    def restored_model(
        cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]
    ) -> tuple[str, StructuralModel]:
        """The variable and the model that :meth:`tensors` and :meth:`parameters` describe. Raises as
        :meth:`explorer.controls.base.Control.restore`."""
        variable, described = parameters["variable"], parameters["model"]
        if not isinstance(variable, str) or not isinstance(described, str):
            raise ValueError("a variable or a model that is no text")
        own = {key.removeprefix(_PREFIX): tensor for key, tensor in tensors.items() if key.startswith(_PREFIX)}
        try:
            return variable, unpacked(own, described, "the causal model of the control set")
        except CausalError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        raise TypeError(f"{cls.__name__} does not say how it is read")

    def _laws(self) -> ControlLaws:
        # In turn, the second of two would begin at what the first has made of its variable. Where noise is hidden, what
        # comes of it hides it again, and levels are rounded to.
        graph, mechanisms = self.model.graph, self.model.mechanisms
        hidden = any(not mechanisms[name].invertible for name in graph.descendants([self.variable]))
        composes = not hidden and not graph.variable(self.variable).levels
        return ControlLaws(composes=composes, commutes=False, negative="reverse" if composes else "own")

    def _moved_together(self, latent: Tensor, moves: Moves) -> Tensor:
        factual, after = self.outcome(latent, moves)
        return self.moved_to(latent, moves, factual, _of_part(moves, factual, after))


def _intervening(move: Move) -> Intervening:
    assert isinstance(move.control, Intervening)
    return move.control


def _of_part(moves: Moves, factual: Values, after: Counterfactual) -> Counterfactual:
    """``after`` with the values of that part of the effect that ``moves`` make, which is one for all of them; the other
    variables have their ``factual`` values."""
    if moves[0].part == "all":
        return after
    changed = {_intervening(move).variable for move in moves}
    if moves[0].part == "indirect":
        changed = set(after.values) - changed
    values = {name: (after.values if name in changed else factual)[name] for name in after.values}
    return replace(after, values=values)


def _open_text(name: str, after: Counterfactual) -> str:
    low, high = float(after.low[name][0]), float(after.high[name][0])
    return f"{name} {low:.3g} to {high:.3g}"
