"""What controls of one structural causal model share: they are moved at once, by one abduction, action, prediction."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from explorer.causal.base import Noises, Values
from explorer.causal.interventions import Hard, Interventions, Renewed
from explorer.causal.model import StructuralModel
from explorer.causal.model_file import packed, unpacked
from explorer.causal.population import Population
from explorer.causal.posterior import Counterfactual, counterfactual
from explorer.controls.base import Move, Moves, PointControl
from explorer.controls.curves import knot
from explorer.errors import CausalError
from explorer.scene.cards import ControlCard, ControlLaws, Remark
from explorer.scene.causes import Rung
from explorer.scene.choices import case_of
from explorer.scene.model import Scalar

DRAWS = 200
"""Noises that are drawn where a picture does not tell the noise: enough for two figures of an interval's ends."""
_PREFIX = "model."


@dataclass
class Plan:
    """What the moves of a group do to rows (B,) with ``factual`` values. ``noises`` take the place of what was
    abducted; ``rung``: whether these rows are imagined, or ``draw`` of ``population`` stands in their place;
    ``others``: what is set or seen of a row → the (1,) values of one that stands in its place, where such rows are
    pictures."""

    factual: Values
    acts: dict[str, Hard] = field(default_factory=dict)
    noises: dict[str, Renewed] = field(default_factory=dict)
    rung: Rung = "imagine"
    draw: int = 0
    population: Population | None = None
    others: Callable[[Mapping[str, float]], Values] | None = None

    def answer(self, model: StructuralModel) -> Counterfactual:
        """What becomes of the rows. Raises :class:`CausalError` where too few rows have what is seen."""
        if self.others is not None:
            return self._of_others(model, self.others)
        if self.population is None:
            return counterfactual(model, self.factual, {**self.noises, **self.acts}, DRAWS)
        count = len(next(iter(self.factual.values())))
        if self.rung == "see":
            values = self._seen(self.population)
            nowhere = torch.zeros(count, dtype=torch.bool)
            return Counterfactual(values, values, values, dict.fromkeys(values, nowhere))
        drawn = _renewed(self.population.noises(1, self.draw), count)
        return counterfactual(model, self.factual, {**drawn, **self.noises, **self.acts}, DRAWS)

    def _of_others(self, model: StructuralModel, others: Callable[[Mapping[str, float]], Values]) -> Counterfactual:
        """What becomes of others; what they do not tell of their noises is drawn, as it is distributed given them."""
        rows = [others(acts) for acts in self._acts_of_rows()]
        values = {name: torch.cat([row[name] for row in rows]).to(value) for name, value in self.factual.items()}
        told = model.posterior(values, _alike_uniforms(model.uniforms(1, self.draw), len(rows)))
        untold = {name: noise for name, noise in model.abduct(values).items() if bool(noise.isnan().any())}
        drawn = {name: Renewed(torch.where(noise.isnan(), told[name], noise)) for name, noise in untold.items()}
        noises = self.noises if self.rung != "see" else {}
        return counterfactual(model, values, {**drawn, **noises, **self.acts}, DRAWS)

    def _acts_of_rows(self) -> list[dict[str, float]]:
        count = len(next(iter(self.factual.values())))
        set_to = {name: torch.as_tensor(act.value).expand(count) for name, act in self.acts.items()}
        return [{name: float(value[row]) for name, value in set_to.items()} for row in range(count)]

    def _seen(self, population: Population) -> Values:
        rows = [population.seen_row(acts, self.draw) for acts in self._acts_of_rows()]
        return {name: value.new_tensor([row[name] for row in rows]) for name, value in self.factual.items()}


def _alike_uniforms(uniforms: Noises, count: int) -> Noises:
    """``uniforms`` (1, N), the same for ``count`` rows."""
    return {name: uniform.expand(count, -1) for name, uniform in uniforms.items()}


def _renewed(noises: Noises, count: int) -> Interventions:
    return {name: Renewed(noise.expand(count, -1)) for name, noise in noises.items()}


class CausalControl(PointControl):
    """A control of ``model``. A kind is a frozen dataclass with these fields, which says in :meth:`values` what values
    points have, in :meth:`moved_to` which point has others, and in :meth:`contribute` what it does to them."""

    kind: ClassVar[str]
    chooses: ClassVar[bool] = False
    """Whether its amounts are numbers of cases (:func:`explorer.scene.choices.case_of`)."""
    overrules: ClassVar[bool] = False
    """Whether what it chooses counts where another of its group has chosen as well."""

    card: ControlCard
    model: StructuralModel

    def values(self, latent: Tensor) -> Values:
        """The values (B,), float64, of all variables at the points ``latent`` (B, *shape)."""
        raise TypeError(f"{type(self).__name__} does not say what values points have")

    def of_rows(self, rows: Sequence[int]) -> Self:
        """The control for these rows alone of the points that it was prepared for; itself where it knows none."""
        return self

    def moved_to(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> Tensor:
        """``latent`` (B, *shape), whose values are ``factual``, moved so that they are ``after``, what ``moves``
        make of them; what does not change keeps its bits."""
        raise TypeError(f"{type(self).__name__} does not say where values lie")

    def contribute(self, plan: Plan, latent: Tensor, move: Move) -> None:
        """Add to ``plan`` what ``move`` of this control does to the points ``latent`` (B, *shape). Of a control that
        chooses, the case is the same for all of them, and not 0."""
        raise TypeError(f"{type(self).__name__} does not say what it does")

    def remark(self, after: Counterfactual, move: Move, moves: Moves) -> Remark | None:
        """What has to be known of one picture, which ``moves`` have made ``after`` of, because of this ``move``."""
        raise TypeError(f"{type(self).__name__} does not say what has to be known")

    @property
    def sets(self) -> str:
        """The variable that it gives a value, empty where it gives none."""
        return ""

    @property
    def source(self) -> Hashable:
        """What its contribution depends on besides the move and the point."""
        return None

    @property
    def group(self) -> Hashable:
        """Equal for controls that are moved at once."""
        raise TypeError(f"{type(self).__name__} does not say what it is moved with")

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return self._moved_together(latent, [Move(self, amount)])

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        return self._moved_together(latent, moves).to(latent.dtype)

    def outcome(self, latent: Tensor, moves: Moves) -> tuple[Values, Counterfactual]:
        """The factual values (B,) of all variables at ``latent`` (B, *shape), and what becomes of them under ``moves``,
        controls of this model. Kept, because every picture asks twice: for its remarks and its point."""
        numbers = [move.number for move in moves]
        if any(tensor.requires_grad for tensor in (latent, *numbers)):
            return self._outcome(latent, moves)
        controls = [causal(move) for move in moves]
        names = tuple(
            (control.kind, getattr(control, "variable", ""), control.source, move.absolute)
            for control, move in zip(controls, moves, strict=True)
        )
        bits = tuple((tensor.dtype, tensor.cpu().numpy().tobytes()) for tensor in (latent, *numbers))
        return knot(self, (latent.shape, names, bits), 0, lambda: self._outcome(latent, moves), lambda last: last)

    def _outcome(self, latent: Tensor, moves: Moves) -> tuple[Values, Counterfactual]:
        cases = [[case_of(number) for number in move.number.tolist()] for move in moves if causal(move).chooses]
        rows_of: dict[tuple[int, ...], list[int]] = {}
        for row, key in enumerate(zip(*cases, strict=True)):
            rows_of.setdefault(key, []).append(row)
        if len(rows_of) < 2:
            return self._alike(latent, moves)
        parts = [self.of_rows(rows)._alike(latent[rows], moves_of_rows(moves, rows)) for rows in rows_of.values()]
        back = torch.tensor([row for rows in rows_of.values() for row in rows]).argsort()
        factual = _joined([part[0] for part in parts], back)
        ends = [[getattr(part[1], name) for part in parts] for name in ("values", "low", "high", "open")]
        return factual, Counterfactual(*(_joined(each, back) for each in ends))

    def _alike(self, latent: Tensor, moves: Moves) -> tuple[Values, Counterfactual]:
        """Of rows for which every control that chooses has chosen the same."""
        plan = self.plan(latent, moves)
        return plan.factual, plan.answer(self.model)

    def plan(self, latent: Tensor, moves: Moves) -> Plan:
        """What ``moves`` do to rows for which every control that chooses has chosen the same."""
        plan = Plan(self.values(latent))
        for move in moves:
            control = causal(move)
            if not control.chooses or case_of(float(move.number[0])):
                control.contribute(plan, latent, move)
        return plan

    def remarks(self, latent: Tensor, moves: Moves) -> tuple[Remark | None, ...]:
        """What each of ``moves`` has to have remarked."""
        _, after = self.outcome(latent, moves)
        return tuple(causal(move).remark(after, move, moves) for move in moves)

    def left_open(self, after: Counterfactual, causes: tuple[str, ...]) -> Remark | None:
        """Which effects of ``causes`` the picture leaves open, since it does not tell their noise: their intervals of
        90 %."""
        graph = self.model.graph
        effects = graph.descendants(causes)
        # An interval without a width says what there is to be known.
        names = [name for name in graph.names if name in effects and bool(after.low[name] < after.high[name])]
        ranges = ", ".join(_open_text(name, after) for name in names)
        text = f"leaves open {ranges}; its middle is drawn"
        return Remark("not unique", text, about=" and ".join(names)) if names else None

    def model_tensors(self) -> dict[str, Tensor]:
        """Those of the model, as a file keeps them."""
        tensors, _ = packed(self.model)
        return {f"{_PREFIX}{key}": tensor for key, tensor in tensors.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Those of the model."""
        return self.model_tensors()

    def parameters(self) -> dict[str, Scalar]:
        """The model as far as it is no tensors."""
        return {"model": packed(self.model)[1]}

    @staticmethod
    def read_model(tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> StructuralModel:
        """The model that :meth:`tensors` and :meth:`parameters` describe. Raises as
        :meth:`explorer.controls.base.Control.restore`."""
        described = parameters["model"]
        if not isinstance(described, str):
            raise ValueError("a model that is no text")
        own = {key.removeprefix(_PREFIX): tensor for key, tensor in tensors.items() if key.startswith(_PREFIX)}
        try:
            return unpacked(own, described, "the causal model of the control set")
        except CausalError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        raise TypeError(f"{cls.__name__} does not say how it is read")

    def _moved_together(self, latent: Tensor, moves: Moves) -> Tensor:
        factual, after = self.outcome(latent, moves)
        rest = [move for move in moves if not causal(move).sets]  # they move the picture before, as well
        held = self.outcome(latent, rest)[1].values if rest and moves[0].part != "all" else factual
        return self.moved_to(latent, moves, factual, of_part(moves, held, after))


class ChoosingControl(CausalControl):
    """A control whose amounts are numbers of cases, between which nothing lies: 0 is the picture as it is."""

    chooses: ClassVar[bool] = True
    laws: ClassVar[ControlLaws] = ControlLaws(composes=False, commutes=False, negative="own")

    def velocity(self, latent: Tensor) -> Tensor:
        """0: a step has no slope."""
        return torch.zeros_like(latent, dtype=torch.float64)


def causal(move: Move) -> CausalControl:
    """The control of ``move``, which is one of a causal group."""
    assert isinstance(move.control, CausalControl)
    return move.control


def moves_of_rows(moves: Moves, rows: Sequence[int]) -> Moves:
    """``moves`` of these rows alone."""
    return [move._replace(control=causal(move).of_rows(rows), number=move.number[list(rows)]) for move in moves]


def of_part(moves: Moves, held: Values, after: Counterfactual) -> Counterfactual:
    """``after`` with the values of that part of the effect that ``moves`` make, which is one for all of them; the other
    variables have the values that they are ``held`` at."""
    if moves[0].part == "all":
        return after
    changed = {causal(move).sets for move in moves}
    if moves[0].part == "indirect":
        changed = set(after.values) - changed
    values = {name: (after.values if name in changed else held)[name] for name in after.values}
    return replace(after, values=values)


def _joined(parts: list[dict[str, Tensor]], back: Tensor) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts])[back] for name in parts[0]}


def _open_text(name: str, after: Counterfactual) -> str:
    low, high = float(after.low[name][0]), float(after.high[name][0])
    return f"{name} {low:.3g} to {high:.3g}"
