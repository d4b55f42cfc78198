"""Some variables are observed and others are not: what rows agree with that, as they are (seeing) and as they would
have been (imagining). Exact where the model is linear with normal noise; elsewhere by weighted draws, whose error is
told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.causal.base import Noises, Values
from explorer.causal.interventions import Hard, Interventions, Shift
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.errors import CausalError

DRAWS = 4000
FEWEST_EFFECTIVE = 50.0
"""Draws that weigh as much as all the weighted ones; with fewer an estimate rests on a handful of rows."""


@dataclass(frozen=True)
class Estimate:
    """The distribution of one variable: ``mean``, ``deviation``; ``low`` and ``high``, between which it lies with 90 %;
    ``error``: standard error of the mean from drawing, 0 where it is exact."""

    mean: float
    deviation: float
    low: float
    high: float
    error: float = 0.0


@dataclass(frozen=True)
class Agreeing:
    """Rows that agree with what was observed. ``values`` and ``noises`` of N draws, ``weights`` (N,) with sum 1;
    ``effective``: how many unweighted draws would tell as much."""

    values: Values
    noises: Noises
    weights: Tensor
    effective: float


def agreeing(model: StructuralModel, evidence: Mapping[str, float], draws: int = DRAWS, seed: int = 0) -> Agreeing:
    """``draws`` rows in which each variable of ``evidence`` has the observed value, weighted by how well their causes
    agree with it (likelihood weighting; Fung and Chang, 1990). This is seeing: causes of what was observed change their
    distribution with it. Repeatable for a seed.

    Raises :class:`CausalError` for a variable that there is not, a value outside its range, and evidence that the model
    holds to be impossible, or nearly so (fewer than 50 effective draws).
    """
    for name, value in evidence.items():
        if refusal := model.graph.variable(name).refusal(value):
            raise CausalError(refusal)
    uniforms = model.uniforms(draws, seed)
    values: Values = {}
    noises: Noises = {}
    weights = torch.zeros(draws, dtype=torch.float64)
    for name in model.order:
        mechanism, uniform = model.mechanisms[name], uniforms[name]
        causes = model.causes_of(name, values) if mechanism.parents else uniform.new_empty(draws, 0)
        if name in evidence:
            values[name] = uniform.new_full((draws,), evidence[name])
            weights = weights + mechanism.log_prob(causes, values[name]).nan_to_num(-math.inf, math.inf, -math.inf)
            noises[name] = mechanism.posterior(causes, values[name], uniform)
        else:
            noises[name] = mechanism.noise(uniform)
            values[name] = mechanism.assign(causes, noises[name])
    if bool(weights.isneginf().all()):
        raise CausalError(f"The model gives no row with {listed(evidence)}; observe less, or something else.")
    share = torch.softmax(weights, dim=0)
    effective = float(1.0 / share.square().sum())
    if effective < FEWEST_EFFECTIVE:
        raise CausalError(
            f"Rows with {listed(evidence)} are so rare that {draws} draws tell as little as {effective:.0f} that "
            "agree; observe less, or another value."
        )
    return Agreeing({name: values[name] for name in model.graph.names}, noises, share, effective)


def seen(
    model: StructuralModel, evidence: Mapping[str, float], draws: int = DRAWS, seed: int = 0
) -> dict[str, Estimate]:
    """Variable → its distribution among rows with ``evidence``. Exact for linear models with normal noise; else from
    :func:`agreeing`, whose errors are raised."""
    return imagined(model, evidence, {}, draws, seed)


def imagined(
    model: StructuralModel,
    evidence: Mapping[str, float],
    interventions: Interventions,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Variable → the distribution of what it would have been under ``interventions`` in rows with ``evidence``, which
    may leave variables open (Pearl 2009, 7.1). Exact for linear models with normal noise under values that are set and
    shifts; else from :func:`agreeing`, whose errors are raised."""
    exact = all(isinstance(act, Hard | Shift) for act in interventions.values()) and is_linear(model)
    if exact:
        return _exact(model, evidence, interventions)
    rows = agreeing(model, evidence, draws, seed)
    after = model.predict(rows.noises, interventions, rows.values) if interventions else rows.values
    return {name: weighted(value, rows.weights) for name, value in after.items()}


def drawn(model: StructuralModel, evidence: Mapping[str, float], seed: int = 0, draws: int = DRAWS) -> dict[str, float]:
    """One row, as rows with ``evidence`` are distributed: exactly so for linear models with normal noise, else the one
    of :func:`agreeing`, whose errors are raised, that its weight and its luck bring to the front. Repeatable for a
    seed, whose luck is the same whatever the evidence, so that rows with evidence that is nearly the same are alike."""
    if is_linear(model):
        part, gain, at = _conditioned(model, evidence)
        noises = model.noises(1, seed)
        noise = torch.cat([noises[name][0] for name in model.graph.names])
        observed = torch.tensor([float(value) for value in evidence.values()], dtype=torch.float64)
        # What is left of unconditional noise once what tells the evidence is made to tell it (Matheron's rule).
        noise = noise + gain @ (observed - at - part @ noise)
        values = model.predict({name: noise[index].reshape(1, 1) for index, name in enumerate(model.graph.names)})
        return {name: float(evidence.get(name, value[0])) for name, value in values.items()}
    rows = agreeing(model, evidence, draws, seed)
    place = picked(rows.weights, seed)
    return {name: float(value[place]) for name, value in rows.values.items()}


def picked(weights: Tensor, seed: int) -> int:
    """The place of one of ``weights`` (N,), each as likely as it is heavy. Repeatable for a seed; where weights change
    a little, it is most often the same (the Gumbel-max trick)."""
    luck = np.random.default_rng([seed, 61]).gumbel(size=len(weights))
    return int((weights.log() + torch.from_numpy(luck)).argmax())


def is_linear(model: StructuralModel) -> bool:
    """Whether all is a sum of multiples of independent normal noises, so that it is told exactly."""
    return all(
        isinstance(mechanism, LinearGaussian) and mechanism.slopes is not None
        for mechanism in model.mechanisms.values()
    )


def _exact(model: StructuralModel, evidence: Mapping[str, float], interventions: Interventions) -> dict[str, Estimate]:
    """Values are an affine map of independent standard normal noises, and conditioned on some values these are normal
    again: with A u = e − b, mean Aᵀ(AAᵀ)⁻¹(e − b) and covariance I − Aᵀ(AAᵀ)⁻¹A."""
    names = model.graph.names
    part, gain, at = _conditioned(model, evidence)
    observed = torch.tensor([float(value) for value in evidence.values()], dtype=torch.float64)
    mean = gain @ (observed - at)
    covariance = torch.eye(len(names), dtype=torch.float64) - gain @ part
    after_map, after_at = _affine(model, interventions)
    means = after_map @ mean + after_at
    deviations = (after_map @ covariance @ after_map.T).diagonal().clamp(min=0.0).sqrt()
    half = 1.6448536269514722  # of a normal distribution, 90 % lie within so many deviations
    return {
        name: Estimate(float(m), float(d), float(m - half * d), float(m + half * d))
        for name, m, d in zip(names, means, deviations, strict=True)
    }


def _conditioned(model: StructuralModel, evidence: Mapping[str, float]) -> tuple[Tensor, Tensor, Tensor]:
    """A (E, V), Aᵀ(AAᵀ)⁻¹ and b (E,), where A · noises + b are the values of ``evidence``."""
    for name, value in evidence.items():
        if refusal := model.graph.variable(name).refusal(value):
            raise CausalError(refusal)
    factual_map, factual_at = _affine(model, {})
    rows = [model.graph.names.index(name) for name in evidence]
    part = factual_map[rows]
    gain = torch.linalg.solve(part @ part.T, part).T if rows else factual_map.new_zeros(len(factual_map), 0)
    return part, gain, factual_at[rows]


def _affine(model: StructuralModel, interventions: Interventions) -> tuple[Tensor, Tensor]:
    """(V, V) and (V,): values = matrix · noises + vector, of a linear model under ``interventions``. One number each is
    set or added."""
    names = model.graph.names
    size = len(names)
    noise = torch.cat([torch.zeros(1, size, dtype=torch.float64), torch.eye(size, dtype=torch.float64)])
    values = model.predict({name: noise[:, [index]] for index, name in enumerate(names)}, interventions)
    table = torch.stack([values[name] for name in names], dim=1)
    return (table[1:] - table[0]).T, table[0]


def weighted(values: Tensor, weights: Tensor) -> Estimate:
    """The distribution of ``values`` (N,), each of which counts by its part of ``weights`` (N,), whose sum is 1."""
    mean = float((weights * values).sum())
    away = values - mean
    variance = float((weights * away**2).sum())
    error = float((weights.square() * away**2).sum().sqrt())  # of a ratio of sums, to first order
    ordered, places = values.sort()
    below = weights[places].cumsum(0)
    ends = torch.searchsorted(below, torch.tensor([0.05, 0.95], dtype=below.dtype)).clamp(max=len(values) - 1)
    low, high = (float(ordered[end]) for end in ends)
    return Estimate(mean, math.sqrt(variance), low, high, error)


def listed(evidence: Mapping[str, float]) -> str:
    """``x = 1.5, y = 2``."""
    return ", ".join(f"{name} = {value:g}" for name, value in evidence.items())
