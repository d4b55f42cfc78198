"""The rung of the ladder of causation that a picture stands on: imagined, done or seen (Pearl 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.model import StructuralModel
from explorer.causal.population import Population
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Move, Moves
from explorer.controls.causal_group import ChoosingControl, Plan
from explorer.controls.coded import Coded, drawn_own_noise
from explorer.scene.cards import ControlCard, Remark
from explorer.scene.choices import case_of
from explorer.scene.model import Scalar

ROWS = "rows."


class Rung(ChoosingControl):
    """Which question a picture answers, wherever the values of variables lie. Case 0: what this very picture would have
    been, of its own noises (imagine). n > 0: what is set stays set, and all noise is drawn anew, the picture's own as
    well, with the seed n (do). -n: in place of the picture, another in which the variables happen to have the values
    that are set elsewhere (see).

    ``rows``: variable → (N,) observed rows, where there are some."""

    rows: Mapping[str, Tensor] | None

    @cached_property
    def population(self) -> Population:
        """The rows that are drawn from."""
        return Population(self.model, None if self.rows is None else dict(self.rows))

    def check_rows(self) -> None:
        """Raises ValueError for variables without observed rows that are as long as others, where there are rows."""
        rows = self.rows or {}
        shapes = {row.shape for row in rows.values()}
        if rows and (set(rows) != set(self.model.graph.names) or len(shapes) > 1 or len(next(iter(shapes))) != 1):
            raise ValueError(f"rows of {', '.join(rows)}")

    def remark(self, after: Counterfactual, move: Move, moves: Moves) -> Remark | None:
        case = case_of(float(move.number[0]))
        if not case:
            return None
        if case > 0:
            return Remark(
                "do", "shows another picture: what is set stays set, all other noise is drawn anew", f"draw {case}"
            )
        return Remark(
            "seen", "shows another picture, in which the values happen to stand by themselves", f"draw {-case}"
        )

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {f"{ROWS}{name}": value for name, value in (self.rows or {}).items()}

    @staticmethod
    def read_rows(tensors: Mapping[str, Tensor]) -> Values | None:
        """The rows that :meth:`tensors` gave; None where there were none."""
        rows = {key.removeprefix(ROWS): row for key, row in tensors.items() if key.startswith(ROWS)}
        return rows or None


@dataclass(frozen=True, eq=False)
class RungControl(Rung, Coded):
    """Of variables that lie in a vector. ``rows``: where hidden causes tie the model's variables, else None. Who is
    drawn has an own noise that is drawn as well."""

    kind: ClassVar[str] = "rung"
    card: ControlCard
    model: StructuralModel
    coding: Coding
    rows: Mapping[str, Tensor] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for variables without a place, or without observed rows that are as long as others."""
        names = set(self.model.graph.names)
        if set(self.coding.axes) != names:
            raise ValueError(f"{', '.join(self.coding.axes)} in place of {', '.join(names)}")
        self.check_rows()
        super().__post_init__()

    def contribute(self, plan: Plan, latent: Tensor, move: Move) -> None:
        case = case_of(float(move.number[0]))
        plan.rung, plan.draw, plan.population = "do" if case > 0 else "see", abs(case), self.population

    def own_noise(self, case: int) -> Tensor | None:
        return drawn_own_noise(self.coding.own, abs(case))

    def parameters(self) -> dict[str, Scalar]:
        return {**super().parameters(), **self.coding_parameters()}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card, cls.read_model(tensors, parameters), cls.read_coding(parameters), cls.read_rows(tensors))


def is_seeing(moves: Moves) -> bool:
    """Whether ``moves`` show a row that is seen, in place of the picture. Of one point."""
    return any(isinstance(move.control, Rung) and case_of(float(move.number[0])) < 0 for move in moves)


KIND = RungControl
