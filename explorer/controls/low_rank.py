"""The low-rank control: a change of a network's weights by products of two narrow matrices, as adapters hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

from torch import Tensor

from explorer.controls.weights import ChangesWeights, factor_in
from explorer.scene.cards import ControlCard
from explorer.scene.model import Scalar

STRENGTH = "strength"
"""The unit: at 1 the adapter is as strong as it was made."""
DOWN, UP = "down:", "up:"
"""Begin the names of the two tensors of a weight in files."""


class LowRank(NamedTuple):
    """A change of one weight (O, I, *kernel): ``down`` (r, I, *kernel), ``up`` (O, r) or (O, r, 1, 1). Their strength,
    α / r of Hu et al., is within ``up``."""

    down: Tensor
    up: Tensor

    def product(self) -> Tensor:
        """(O, I, *kernel): what is added to the weight."""
        rank = self.down.shape[0]
        return (self.up.reshape(-1, rank) @ self.down.reshape(rank, -1)).reshape(-1, *self.down.shape[1:])


@dataclass(frozen=True, eq=False)
class LowRankControl(ChangesWeights):
    """W ↦ W + amount · factor · up · down, for the weights that ``factors`` names; all others stay as they are: Hu et
    al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, eq. 3."""

    kind: ClassVar[str] = "low_rank"

    card: ControlCard
    factors: Mapping[str, LowRank]
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for what changes no weights, and for factors that do not fit each other."""
        self.check((name, tensor) for name, pair in self.factors.items() for tensor in pair)
        for name, (down, up) in self.factors.items():
            fits = down.dim() in (2, 4) and up.dim() in (2, 4) and up.shape[1] == down.shape[0] > 0
            if not fits or up.shape[2:].numel() != 1:
                raise ValueError(f"factors of the shapes {tuple(up.shape)} and {tuple(down.shape)} for '{name}'")

    def weight_changes(self, amount: float) -> dict[str, Tensor]:
        """Name → what ``amount`` adds to that tensor; none where the amount is 0."""
        share = amount * self.factor
        return {name: pair.product() * share for name, pair in self.factors.items()} if share != 0 else {}

    def in_unit(self, factor: float, card: ControlCard) -> Self:
        """By ``factor`` times the change."""
        return replace(self, card=card, factor=self.factor * factor)

    def tensors(self) -> dict[str, Tensor]:
        named = [(DOWN + name, pair.down) for name, pair in self.factors.items()]
        return dict(named) | {UP + name: pair.up for name, pair in self.factors.items()}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        names = [name.removeprefix(DOWN) for name in tensors if name.startswith(DOWN)]
        factors = {name: LowRank(tensors[DOWN + name], tensors[UP + name]) for name in names}
        if len(tensors) != 2 * len(factors):
            raise ValueError("half of a pair of factors")
        return cls(card, factors, factor_in(parameters))


KIND = LowRankControl
