"""What rows a structural model speaks of, beyond the one at hand: where x is set (doing), and where it is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.causal import evidence as independent
from explorer.causal.base import Noises, Values
from explorer.causal.evidence import FEWEST_EFFECTIVE, Estimate, listed, picked, weighted
from explorer.causal.interventions import Hard, Interventions
from explorer.causal.model import StructuralModel
from explorer.errors import CausalError

DRAWS = 4000
NEAR = 0.1
"""Standard deviations from a value at which an observed row counts for exp(-1/2) of one that is just there."""

FEWEST_NEAR = 5
"""Observed rows from which on one is picked among them."""


@dataclass(frozen=True)
class Population:
    """All rows that ``model`` gives. Where its graph says that hidden causes tie variables, mechanisms alone do not
    tell how their noises go together, and ``rows`` (variable → (N,)), which were observed, take their place."""

    model: StructuralModel
    rows: Values | None = None

    def noises(self, count: int, seed: int) -> Noises:
        """Variable → (count, N) noises as they occur together; repeatable for a seed. Raises :class:`CausalError` where
        hidden causes tie them and no rows were observed."""
        if not self._is_tied:
            return self.model.noises(count, seed)
        rows = self._observed()
        places = np.random.default_rng([seed, 67]).integers(len(next(iter(rows.values()))), size=count)
        return self._noises_of(torch.from_numpy(places), seed)

    def done(self, values: Mapping[str, float], draws: int = DRAWS, seed: int = 0) -> dict[str, Estimate]:
        """Variable → its distribution where those of ``values`` are set to these. Raises as :meth:`noises`."""
        acts: Interventions = {name: Hard(value) for name, value in values.items()}
        if not self._is_tied and independent.is_linear(self.model):
            return independent.imagined(self.model, {}, acts) | _exactly(values)
        after = self.model.predict(self.noises(draws, seed), acts)
        share = torch.full((draws,), 1.0 / draws, dtype=torch.float64)
        return {name: weighted(value, share) for name, value in after.items()} | _exactly(values)

    def seen(self, values: Mapping[str, float], draws: int = DRAWS, seed: int = 0) -> dict[str, Estimate]:
        """Variable → its distribution among rows in which those of ``values`` happen to have these. Raises
        :class:`CausalError` where there are too few such rows, and as :meth:`noises`."""
        if not self._is_tied:
            return independent.seen(self.model, values, draws, seed) | _exactly(values)
        weights = self._weights(values)
        after = self._brought(torch.arange(len(weights)), values, seed)
        return {name: weighted(value, weights) for name, value in after.items()} | _exactly(values)

    def seen_row(self, values: Mapping[str, float], seed: int) -> dict[str, float]:
        """One row as those of :meth:`seen` are distributed; repeatable for a seed. Raises as that does."""
        if not values:
            return {name: float(value) for name, value in self.model.predict(self.noises(1, seed)).items()}
        if not self._is_tied:
            return independent.drawn(self.model, values, seed)
        place = torch.tensor([picked(self._weights(values), seed)])
        return {name: float(value) for name, value in self._brought(place, values, seed).items()}

    def picked_near(self, values: Mapping[str, float], seed: int) -> int:
        """The number of one of the observed rows in which those of ``values`` are near these; repeatable for a seed.
        Raises :class:`CausalError` where fewer than :data:`FEWEST_NEAR` are, or none were observed."""
        return picked(self._weights(values, FEWEST_NEAR), seed)

    @property
    def _is_tied(self) -> bool:
        return bool(self.model.graph.confounded)

    def _observed(self) -> Values:
        if self.rows is None:
            pairs = ", ".join(f"{first} and {second}" for first, second in self.model.graph.confounded)
            raise CausalError(
                f"Hidden causes tie {pairs}, and these sliders bring no observed rows that tell how; imagine instead."
            )
        return {name: self.rows[name] for name in self.model.graph.names}

    def _noises_of(self, places: Tensor, seed: int) -> Noises:
        """Of observed rows: those that gave them; where a row does not tell one, as it is distributed given the row."""
        rows = {name: value[places] for name, value in self._observed().items()}
        return self.model.posterior(rows, self.model.uniforms(len(places), seed))

    def _brought(self, places: Tensor, values: Mapping[str, float], seed: int) -> Values:
        """Observed rows near ``values``, brought there: what they differ by goes on to the effects."""
        acts: Interventions = {name: Hard(value) for name, value in values.items()}
        rows = {name: value[places] for name, value in self._observed().items()}
        return self.model.predict(self._noises_of(places, seed), acts, rows)

    def _weights(self, values: Mapping[str, float], fewest: float = FEWEST_EFFECTIVE) -> Tensor:
        """(N,), with sum 1: how near observed rows are to ``values``; of levels, only those that have them."""
        rows = self._observed()
        away = torch.zeros(len(next(iter(rows.values()))), dtype=torch.float64)
        for name, value in values.items():
            variable = self.model.graph.variable(name)
            if refusal := variable.refusal(value):
                raise CausalError(refusal)
            gap = rows[name].double() - value
            if variable.levels:
                away = torch.where(gap == 0, away, math.inf)
                continue
            if variable.period:
                gap = (gap + variable.period / 2).remainder(variable.period) - variable.period / 2
            away = away + (gap / (NEAR * rows[name].double().std())) ** 2
        weights = torch.exp(-away / 2)
        total = float(weights.sum())
        effective = total**2 / float(weights.square().sum()) if total > 0 else 0.0
        if effective < fewest:
            raise CausalError(
                f"Rows with {listed(values)} are so rare that only {effective:.0f} of {len(away)} observed ones are "
                "near; see another value."
            )
        return weights / total


def _exactly(values: Mapping[str, float]) -> dict[str, Estimate]:
    """What is given is known, and not to a rounding error only."""
    return {name: Estimate(float(value), 0.0, float(value), float(value)) for name, value in values.items()}
