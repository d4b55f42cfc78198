"""The rung that a picture stands on whose variables are bound: this picture, another, or another that happens to have
what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.model import StructuralModel
from explorer.controls.base import Move
from explorer.controls.bindings import Bindings
from explorer.controls.bound import Bound
from explorer.controls.bound_start import BoundStart
from explorer.controls.causal_group import Plan
from explorer.controls.picture_values import PictureValues
from explorer.controls.rung import Rung
from explorer.errors import ControlError
from explorer.scene.cards import ControlCard
from explorer.scene.choices import case_of
from explorer.scene.model import Scalar

_SEEDS = "seeds"


@dataclass(frozen=True, eq=False)
class BoundRungControl(Rung, Bound):
    """``rows`` were read from the pictures of ``seeds`` (N,). Who is drawn is one of these: to do, any; to see, one
    whose picture shows nearly what is seen, and is brought there, as by do(): the rest follows of its own noises, which
    are those of a picture with such values.
    """

    kind: ClassVar[str] = "bound_rung"
    card: ControlCard
    model: StructuralModel
    bindings: Bindings
    rows: Mapping[str, Tensor]
    seeds: Tensor
    pictures: PictureValues | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for rows that are not of the model's variables, or not as many as seeds."""
        self.check_rows()
        lengths = {len(row) for row in self.rows.values()}
        if self.seeds.ndim != 1 or self.seeds.is_floating_point() or lengths != {len(self.seeds)}:
            raise ValueError(f"{len(self.seeds)} seeds of rows")
        if self.bindings.variables != self.model.graph.variables:
            raise ValueError(f"bindings of {', '.join(self.bindings.names)}")
        super().__post_init__()

    def contribute(self, plan: Plan, latent: Tensor, move: Move) -> None:
        case = case_of(float(move.number[0]))
        plan.rung, plan.draw, plan.population = "do" if case > 0 else "see", abs(case), self.population
        plan.others = partial(self._other, case)

    def elsewhere(self, case: int, plan: Plan) -> BoundStart | None:
        acts = {name: float(torch.as_tensor(act.value)) for name, act in plan.acts.items()}
        return self._drawn(case, acts)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {_SEEDS: self.seeds}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        model = cls.read_model(tensors, parameters)
        bindings = cls.read_bindings(model.graph.variables, tensors, parameters)
        return cls(card, model, bindings, cls.read_rows(tensors) or {}, tensors[_SEEDS])

    def _other(self, case: int, acts: Mapping[str, float]) -> Values:
        return self._drawn(case, acts).by_name()

    def _drawn(self, case: int, acts: Mapping[str, float]) -> BoundStart:
        """Who takes the place of the picture in ``case``, where ``acts`` are set, or seen. Raises :class:`CausalError`
        where too few rows are near what is seen."""
        if self.pictures is None:
            raise ControlError(
                f"'{self.card.name}' shows other pictures, and no model is there that draws them; use it on the model "
                "that it was found on."
            )
        if case < 0 and acts:
            place = self.population.picked_near(acts, -case)
        else:
            place = int(np.random.default_rng([abs(case), 89]).integers(len(self.seeds)))
        return self.pictures.of_seed(int(self.seeds[place]))


KIND = BoundRungControl
