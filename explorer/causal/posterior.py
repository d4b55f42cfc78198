"""Counterfactuals where the observed rows do not tell all noise: their distribution in place of a number."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.causal.base import Noises, Values
from explorer.causal.interventions import Interventions
from explorer.causal.model import StructuralModel

DRAWS = 1000
LEVEL = 0.9


@dataclass(frozen=True)
class Counterfactual:
    """What rows would have been. ``values``: variable → (B,), the median where it is open (of levels, the likeliest);
    ``low`` and ``high``: the ends of an interval that holds it with the probability that was asked for, equal where it
    is known; ``open``: variable → (B,) whether several values are possible."""

    values: Values
    low: Values
    high: Values
    open: dict[str, Tensor]


def counterfactual(
    model: StructuralModel,
    values: Values,
    interventions: Interventions,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Counterfactual:
    """The complete rows ``values`` (B,) as they would have been under ``interventions``.

    Where all noise that matters is unique, as :meth:`StructuralModel.counterfactual`. Elsewhere of ``draws`` noises
    that are consistent with what was observed, as these are distributed: the median, and the interval of probability
    ``level`` between equal tails. Repeatable for a seed.
    """
    noises = model.abduct(values)
    plain = model.predict(noises, interventions, values)
    rows = torch.stack([value.isnan() for value in plain.values()]).any(dim=0).nonzero()[:, 0]
    open_in = {name: value.isnan() for name, value in plain.items()}
    if not len(rows):
        return Counterfactual(plain, plain, plain, open_in)
    few = {name: value[rows] for name, value in values.items()}
    acts = {name: act.of_rows(rows) for name, act in interventions.items()}
    drawn = sampled(model, few, {name: noise[rows] for name, noise in noises.items()}, acts, draws, seed)
    tails = torch.tensor([0.5, (1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    middle: Values = {}
    low: Values = {}
    high: Values = {}
    for name, value in plain.items():
        quantiles = torch.quantile(drawn[name].double(), tails.to(value.device), dim=0, interpolation="nearest")
        whole = model.graph.variable(name).levels > 0
        likely = drawn[name].mode(dim=0).values if whole else quantiles[0].to(value)
        for end, numbers in zip((middle, low, high), (likely, quantiles[1], quantiles[2]), strict=True):
            filled = value.clone()
            filled[rows] = torch.where(value[rows].isnan(), numbers.to(value), value[rows])
            end[name] = filled
    return Counterfactual(middle, low, high, open_in)


def sampled(
    model: StructuralModel, values: Values, noises: Noises, interventions: Interventions, draws: int, seed: int
) -> Values:
    """Variable → (draws, B): counterfactuals of the rows ``values`` (B,), whose noise is drawn as it is distributed
    given these where the abducted ``noises`` are NaN."""
    count = len(next(iter(values.values())))
    wide = {name: value.repeat(draws) for name, value in values.items()}
    # The same for every row, so that a row alone is the row of a batch.
    uniforms = {name: each.repeat_interleave(count, dim=0) for name, each in model.uniforms(draws, seed).items()}
    like = next(iter(values.values()))
    completed = {}
    for name, noise in noises.items():
        if noise.isnan().any():
            causes = model.causes_of(name, wide)
            completed[name] = model.mechanisms[name].posterior(causes, wide[name], uniforms[name].to(like))
        else:
            completed[name] = noise.repeat(draws, 1)
    drawn = model.predict(completed, _repeated(interventions, draws), wide)
    return {name: value.reshape(draws, count) for name, value in drawn.items()}


def _repeated(interventions: Interventions, draws: int) -> Interventions:
    """``interventions`` of B rows for ``draws`` times as many."""
    return {name: act.repeated(draws) for name, act in interventions.items()}
