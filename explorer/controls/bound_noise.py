"""The noise of one variable that is bound, or the picture's own: as it is, drawn anew, or that of another picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.model import StructuralModel
from explorer.controls.bindings import Bindings
from explorer.controls.bound import Bound
from explorer.controls.bound_start import BoundStart
from explorer.controls.causal_group import Plan
from explorer.controls.noise import Noise
from explorer.controls.picture_values import PictureValues
from explorer.scene.cards import ControlCard
from explorer.scene.choices import seed_of
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class BoundNoiseControl(Noise, Bound):
    """Of variables that are bound. The noise of another picture is abducted from what is read of that. The picture's
    own noise is all that no variable tells: with another, another picture is made to read as this one would."""

    kind: ClassVar[str] = "bound_noise"
    card: ControlCard
    variable: str
    model: StructuralModel
    bindings: Bindings
    pictures: PictureValues | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a variable that the model has not, and for bindings that are not of its variables."""
        names = self.model.graph.names
        if self.variable not in ("", *names) or self.bindings.variables != self.model.graph.variables:
            raise ValueError(f"the noise of '{self.variable}' among {', '.join(self.bindings.names)}")
        super().__post_init__()

    def donated(self, case: int) -> Values:
        return self._picture(seed_of(case)).by_name()

    def elsewhere(self, case: int, plan: Plan) -> BoundStart | None:
        if self.variable:
            return None
        drawn = int(np.random.default_rng([abs(case), 71]).integers(2**32))
        return self._picture(drawn if case > 0 else seed_of(case))

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        model = cls.read_model(tensors, parameters)
        bindings = cls.read_bindings(model.graph.variables, tensors, parameters)
        return cls(card, cls.read_variable(parameters), model, bindings)

    def _picture(self, seed: int) -> BoundStart:
        if self.pictures is None:
            raise self.without_model()
        return self.pictures.of_seed(seed)


KIND = BoundNoiseControl
