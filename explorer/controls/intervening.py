"""What interventions on the variables of a structural causal model share, wherever the values of these lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from functools import cached_property

import torch
from torch import Tensor

from explorer.causal.interventions import Hard
from explorer.causal.model import StructuralModel
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Move, Moves, Place
from explorer.controls.causal_group import CausalControl, Plan
from explorer.scene.cards import ControlLaws, Remark
from explorer.scene.model import Scalar


class Intervening(CausalControl):
    """Sets ``variable`` of ``model``: abduction of the noises from the values that a point has, action, prediction. A
    kind is a frozen dataclass with these fields, and says what :class:`CausalControl` leaves open. Interventions of one
    model are made at once.

    An amount is how far the value is from the factual one, in the unit of the variable, of a category in levels.
    """

    variable: str

    @property
    def sets(self) -> str:
        return self.variable

    @property
    def place(self) -> Place | None:
        """The value of the variable."""
        return self

    @cached_property
    def group(self) -> Hashable:
        """The contents of all but the variable, so that sets read from two files are one group."""
        parameters = {key: value for key, value in self.parameters().items() if key != "variable"}
        return (self.kind, digest_of(self.tensors()), json.dumps(parameters, sort_keys=True))

    def value(self, latent: Tensor) -> Tensor:
        return self.values(latent)[self.variable]

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        factual = self.value(latent)
        # A value that is typed, or kept in a file, has gone through float32 as the point has.
        return torch.where(value.float() == factual.float(), 0.0, value.double() - factual)

    def stops(self) -> tuple[float, ...]:
        return tuple(map(float, range(self.model.graph.variable(self.variable).levels)))

    def contribute(self, plan: Plan, latent: Tensor, move: Move) -> None:
        plan.acts[self.variable] = Hard(self.target(latent, plan.factual[self.variable], move))

    def remark(self, after: Counterfactual, move: Move, moves: Moves) -> Remark | None:
        return self.left_open(after, (self.variable,)) if move.part != "direct" else None

    def target(self, latent: Tensor, factual: Tensor, move: Move) -> Tensor:
        """(B,) the values that ``move`` sets, where the points ``latent`` (B, *shape) have the ``factual`` ones."""
        amount = self.amount_to(latent, move.number) if move.absolute else move.number
        return self.sent(factual, amount.double())

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

    def parameters(self) -> dict[str, Scalar]:
        """The variable, and the model as far as it is no tensors."""
        return {"variable": self.variable, **super().parameters()}

    @classmethod
    def restored_model(
        cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]
    ) -> tuple[str, StructuralModel]:
        """The variable and the model that :meth:`tensors` and :meth:`parameters` describe. Raises as
        :meth:`explorer.controls.base.Control.restore`."""
        variable = parameters["variable"]
        if not isinstance(variable, str):
            raise ValueError("a variable that is no text")
        return variable, cls.read_model(tensors, parameters)

    def _laws(self) -> ControlLaws:
        # In turn, the second of two would begin at what the first has made of its variable. Where noise is hidden, what
        # comes of it hides it again, and levels are rounded to.
        graph, mechanisms = self.model.graph, self.model.mechanisms
        hidden = any(not mechanisms[name].invertible for name in graph.descendants([self.variable]))
        composes = not hidden and not graph.variable(self.variable).levels
        return ControlLaws(composes=composes, commutes=False, negative="reverse" if composes else "own")


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """Of the names and contents of ``tensors``."""
    digest = hashlib.sha256()
    for key, tensor in sorted(tensors.items()):
        digest.update(key.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
