"""What would have become of a world's factors, had the one that a slider moves been set to what the slider made of it:
by the world's own mechanisms, from what is read of the unmoved picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from explorer.attributes.base import AttributeReader
from explorer.attributes.world import PredictorReader
from explorer.causal.interventions import Hard
from explorer.metrics.direction_counterfactuals import apart_from_truth
from explorer.metrics.direction_evidence import Evidence, Floats
from explorer.worlds.base import World
from explorer.worlds.registry import world as world_called


def with_expectations(evidence: Evidence, reader: AttributeReader | None) -> Evidence:
    """``evidence`` with what the world whose factors ``reader`` reads says of each direction, as the do() of the factor
    of which it is the best one: the one that leaves the least difference. Without, where ``reader`` reads no world, or
    one in which nothing causes anything."""
    world = world_called(reader.predictor.world) if isinstance(reader, PredictorReader) else None
    if world is None or not world.edges or [one.name for one in evidence.attributes] != list(world.names):
        return evidence
    bases = np.arange(evidence.bases)
    targets = np.full(len(evidence.controls), -1, np.int64)
    expected = np.full(evidence.values.shape, np.nan)
    candidates = [place for place in np.flatnonzero(evidence.varying) if world.factors[place].kind == "number"]
    for k in np.flatnonzero(evidence.alive):
        least = np.inf
        for place in candidates:
            outcome = expectation(world, evidence.values[:, k], int(place))
            apart = apart_from_truth(evidence, int(k), int(place), outcome, bases)
            if apart is not None and apart < least:
                least, targets[k], expected[:, k] = apart, place, outcome
    return replace(evidence, targets=targets, expected=expected)


def expectation(world: World, values: Floats, target: int) -> Floats:
    """(N, T, A) what would have become of the factors that ``values`` (N, T, A) has in the middle, had the factor
    ``target`` been set to each of its values there; NaN where that is not known. Readings outside of a factor's range
    are taken for its ends."""
    count, amounts, _ = values.shape
    before = np.repeat(values[:, amounts // 2], amounts, axis=0)
    for place, factor in enumerate(world.factors):
        if factor.kind == "number" and not factor.cyclic:
            before[:, place] = np.clip(before[:, place], factor.low, factor.high)
    name = world.names[target]
    read = np.isfinite(before).all(axis=1) & np.isfinite(values[..., target]).reshape(-1)
    found = np.full(before.shape, np.nan)
    acts = {name: Hard(torch.from_numpy(values[..., target].reshape(-1)[read]))}
    outcome = world.model.counterfactual(world.values_of(before[read]), acts)
    found[read] = np.stack([outcome[each].numpy() for each in world.names], axis=1)
    return found.reshape(count, amounts, -1)
