"""The control towards a point: some rows of a space of rows go to, or away from, those of a point that is given."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.controls.base import Moves, PointControl
from explorer.scene.cards import ControlCard, ControlLaws
from explorer.scene.model import Scalar


@dataclass(frozen=True, eq=False)
class TowardsControl(PointControl):
    """Rows ``first`` to ``last``, both included, of a point (rows, width) go towards those of ``target``: an amount
    of 1 leads there, a half midway. With ``away`` they go the other way: 1 doubles how far they are from it, -1 leads
    there.

    All of a space are moved together: each adds its share of the way from where the point stands.
    """

    kind: ClassVar[str] = "towards"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=False, commutes=False, negative="own")

    card: ControlCard
    target: Tensor
    first: int
    last: int
    away: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for rows that there are not."""
        super().__post_init__()
        if self.target.dim() != 2 or not 0 <= self.first <= self.last < len(self.target):
            raise ValueError(f"rows {self.first} to {self.last} of a point of shape {tuple(self.target.shape)}")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.target.shape)

    @property
    def group(self) -> Hashable:
        """Of all in a space."""
        return self.kind

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return latent + self._step(latent, amount)

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        """The same whatever the order of ``moves``, but for rounding."""
        precise = latent.to(torch.promote_types(latent.dtype, torch.float32))
        parts = [(control, number.to(precise)) for control, number, *_ in moves if isinstance(control, TowardsControl)]
        parts.sort(key=lambda part: (part[0].first, part[0].last, part[0].card.name))
        still = torch.stack([amount == 0 for _, amount in parts]).all(0)
        moved = precise + torch.stack([control._step(precise, amount) for control, amount in parts]).sum(0)
        return torch.where(still[:, None, None], latent, moved.to(latent.dtype))

    def _step(self, latent: Tensor, amount: Tensor) -> Tensor:
        """What ``amount`` (B,) adds to ``latent`` (B, rows, width)."""
        rows = torch.zeros(len(self.target), 1, dtype=latent.dtype, device=latent.device)
        rows[self.first : self.last + 1] = -1.0 if self.away else 1.0
        return amount[:, None, None] * rows * (self.target.to(latent) - latent)

    def tensors(self) -> dict[str, Tensor]:
        return {"target": self.target}

    def parameters(self) -> dict[str, Scalar]:
        return {"first": self.first, "last": self.last, "away": self.away}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        first, last, away = parameters["first"], parameters["last"], parameters["away"]
        if type(first) is not int or type(last) is not int or type(away) is not bool:
            raise ValueError(f"rows {first!r} to {last!r}, away {away!r}")
        return cls(card, tensors["target"], first, last, away)


KIND = TowardsControl
