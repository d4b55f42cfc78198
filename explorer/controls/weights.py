"""The weights control: a direction in the space of a network's weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import WEIGHTS
from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.model import Scalar


class ChangesWeights:
    """What kinds that change weights have in common: they move no point, and none has a value along them. A kind is a
    frozen dataclass with a ``card`` and a ``factor``."""

    card: ControlCard
    factor: float

    def check(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Raises ValueError unless this is a change of some weights, by ``tensors``, named, of numbers with a
        fraction."""
        if self.card.space != WEIGHTS:
            raise ValueError(f"a change of weights in the space '{self.card.space}'")
        if not math.isfinite(self.factor) or self.factor == 0:
            raise ValueError(f"a factor of {self.factor}")
        named = list(tensors)
        if not named:
            raise ValueError("a change of no weights")
        for name, tensor in named:
            if not tensor.is_floating_point():
                raise ValueError(f"a change of {tensor.dtype} for '{name}'")

    def move(self, latent: Tensor, amount: Tensor) -> Tensor:
        """``latent`` itself: the network is changed, not the point."""
        return latent

    @property
    def place(self) -> None:
        """None: no point has a value along it."""
        return None

    @property
    def offset(self) -> None:
        """None: it adds nothing to points."""
        return None

    def velocity(self, latent: Tensor) -> Tensor:
        """(B, *shape) float64 zeros."""
        return torch.zeros_like(latent, dtype=torch.float64)

    def misfit(self, space: SpaceCard) -> str:
        """Always why not: no point has a place along it."""
        return "changes the weights of the network, and no point"

    def parameters(self) -> dict[str, Scalar]:
        return {"factor": self.factor}


def factor_in(parameters: Mapping[str, Scalar]) -> float:
    """What :meth:`ChangesWeights.parameters` has written. Raises KeyError and ValueError."""
    factor = parameters["factor"]
    if type(factor) is not float:
        raise ValueError(f"a factor of {factor!r}")
    return factor


@dataclass(frozen=True, eq=False)
class WeightsControl(ChangesWeights):
    """θ ↦ θ + amount · factor · change, for the tensors that ``change`` names; all others stay as they are.

    Where ``change`` is the difference of two checkpoints and ``factor`` 1, an amount of 1 gives the other one, 0 the
    one at hand, a negative amount leads away from the other: Ilharco et al., "Editing Models with Task Arithmetic",
    ICLR 2023, section 2. Points stay where they are.
    """

    kind: ClassVar[str] = "weights"

    card: ControlCard
    change: Mapping[str, Tensor]
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for what changes no weights."""
        self.check(self.change.items())

    def weight_changes(self, amount: float) -> dict[str, Tensor]:
        """Name → what ``amount`` adds to that tensor; none where the amount is 0."""
        share = amount * self.factor
        return {name: tensor * share for name, tensor in self.change.items()} if share != 0 else {}

    def in_unit(self, factor: float, card: ControlCard) -> Self:
        """By ``factor`` times the change."""
        return replace(self, card=card, factor=self.factor * factor)

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.change)

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card, dict(tensors), factor_in(parameters))


KIND = WeightsControl
