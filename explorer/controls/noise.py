"""The noise of one variable, or the picture's own: as it is, drawn anew, or that of another picture."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.interventions import Renewed
from explorer.causal.model import StructuralModel
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Move, Moves
from explorer.controls.causal_group import DRAWS, ChoosingControl, Plan
from explorer.controls.coded import Coded, drawn_own_noise
from explorer.controls.rung import is_seeing
from explorer.errors import ControlError
from explorer.scene.cards import ControlCard, Remark
from explorer.scene.choices import case_of, seed_of
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class Donors:
    """The points (1, width) in ``space`` from which pictures of ``generator`` start, those of ``known`` computed."""

    generator: Any
    space: str
    psi: float
    known: dict[int, Tensor] = field(default_factory=dict)

    def point(self, seed: int) -> Tensor:
        """Of the picture of ``seed``."""
        if seed not in self.known:
            latent = self.generator.advance(self.generator.sample([seed], self.psi), self.space)
            self.known[seed] = latent.tensors[self.space]
        return self.known[seed]


class Noise(ChoosingControl):
    """The noise of ``variable``, of the picture's own where that is empty, wherever the values of variables lie. Case
    0: as it was abducted; n > 0: drawn anew from its law, not from what the picture leaves open, with the seed n; below
    0: abducted from the picture of another seed (:func:`explorer.scene.choices.seed_of`), by the generator that it was
    prepared for."""

    overrules: ClassVar[bool] = True
    variable: str

    def donated(self, case: int) -> Values:
        """The values (1,) of the picture that the ``case`` below 0 is about."""
        raise TypeError(f"{type(self).__name__} does not say what other pictures show")

    def contribute(self, plan: Plan, latent: Tensor, move: Move) -> None:
        if not self.variable:
            return
        count, case = len(latent), case_of(float(move.number[0]))
        if case > 0:
            plan.noises[self.variable] = Renewed(self.model.noises(1, case)[self.variable].expand(count, -1))
            return
        values = {name: self._level(name, value.cpu()) for name, value in self.donated(case).items()}
        noise = self.model.abduct(values)[self.variable].expand(count, -1)
        drawn = None
        if bool(noise.isnan().any()):
            wide = {name: value.expand(DRAWS) for name, value in values.items()}
            told = self.model.posterior(wide, self.model.uniforms(DRAWS, 0))[self.variable]
            drawn = told[:, None].expand(-1, count, -1)
        plan.noises[self.variable] = Renewed(noise, drawn)

    def remark(self, after: Counterfactual, move: Move, moves: Moves) -> Remark | None:
        if not self.variable or not case_of(float(move.number[0])):
            return None
        if is_seeing(moves):
            return Remark("not used", "does nothing among rows that are seen, whose noises agree with what is seen")
        return self.left_open(after, (self.variable,))

    def parameters(self) -> dict[str, Scalar]:
        return {"variable": self.variable, **super().parameters()}

    @staticmethod
    def read_variable(parameters: Mapping[str, Scalar]) -> str:
        """The variable that :meth:`parameters` gave. Raises as :meth:`explorer.controls.base.Control.restore`."""
        variable = parameters["variable"]
        if not isinstance(variable, str):
            raise ValueError("a variable that is no text")
        return variable

    def without_model(self) -> ControlError:
        """What is raised where no generator is known that draws other pictures."""
        return ControlError(
            f"'{self.card.name}' takes the noise of another picture, and no model is there that draws it; use it on "
            "the model that it was found on."
        )

    def _level(self, name: str, value: Tensor) -> Tensor:
        """``value``, of levels the nearest one: between levels, where other sliders lead, there is no noise."""
        levels = self.model.graph.variable(name).levels
        return value.round().clamp(0, levels - 1) if levels else value


@dataclass(frozen=True, eq=False)
class NoiseControl(Noise, Coded):
    """Of variables that lie in a vector."""

    kind: ClassVar[str] = "noise"
    card: ControlCard
    variable: str
    model: StructuralModel
    coding: Coding
    donors: Donors | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a variable that the model has not, and for variables without a place."""
        if self.variable not in ("", *self.model.graph.names) or set(self.coding.axes) != set(self.model.graph.names):
            raise ValueError(f"the noise of '{self.variable}' among {', '.join(self.coding.axes)}")
        super().__post_init__()

    @property
    def source(self) -> Hashable:
        return self.donors

    def prepare(self, generator: Any, latent: Any) -> NoiseControl:
        """The same, which knows pictures of ``generator``; of truncated ones as they are where ``latent`` starts."""
        psi = 1.0 if latent.truncation_psi is None else float(latent.truncation_psi[0])
        return replace(self, donors=Donors(generator, self.card.space, psi))

    def donated(self, case: int) -> Values:
        return self.values(self._donor(case))

    def own_noise(self, case: int) -> Tensor | None:
        if self.variable:
            return None
        own = self.coding.own
        return drawn_own_noise(own, case) if case > 0 else self._donor(case)[0, :own]

    def parameters(self) -> dict[str, Scalar]:
        return {**super().parameters(), **self.coding_parameters()}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        model = cls.read_model(tensors, parameters)
        return cls(card, cls.read_variable(parameters), model, cls.read_coding(parameters))

    def _donor(self, case: int) -> Tensor:
        if self.donors is None:
            raise self.without_model()
        return self.donors.point(seed_of(case))


KIND = NoiseControl
