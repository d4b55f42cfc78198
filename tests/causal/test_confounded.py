"""Seeing is not doing where a hidden cause ties variables; the back-door set is found, and do() has the true effect."""

from __future__ import annotations

import msgspec
import pytest
import torch

from explorer.causal.base import Noises
from explorer.causal.fitting import fit
from explorer.causal.identification import backdoor_fault, backdoor_sets, identify
from explorer.causal.interventions import Hard
from explorer.causal.model import StructuralModel
from explorer.worlds.flow import WORLD

TIE = {("ball_size", "hole"): 0.7}
"""A hidden cause of the ball and of the hole: high water goes with a high hole, and both send the jet far."""
CAUSE, EFFECT = "water_height", "water_flow"


def test_the_back_door_set_is_found_and_gives_the_effect_that_seeing_does_not() -> None:
    graph = msgspec.structs.replace(WORLD.model.graph, confounded=(("ball_size", "hole"),))
    assert identify(graph, CAUSE, EFFECT).way == "back-door"
    assert set(backdoor_sets(graph, CAUSE, EFFECT)) == {("hole",), ("ball_size",)}
    assert backdoor_fault(graph, CAUSE, EFFECT, ()) != ""
    rows = WORLD.model.sample(6000, 0, TIE)
    deviation = float(rows[EFFECT].std())
    low, high = (float(torch.quantile(rows[CAUSE], share)) for share in (0.1, 0.9))

    def done(model: StructuralModel, noises: Noises) -> float:
        first, last = (model.predict(noises, {CAUSE: Hard(value)})[EFFECT].mean() for value in (low, high))
        return float(last - first) / deviation

    def seen(value: float) -> float:
        nearest = (rows[CAUSE] - value).abs().argsort()[:300]
        return float(rows[EFFECT][nearest].mean()) / deviation

    truth = done(WORLD.model, WORLD.model.noises(100_000, 1, TIE))
    fitted = fit(graph, {name: values.numpy() for name, values in rows.items()}).model
    assert done(fitted, fitted.noises(50_000, 2)) == pytest.approx(truth, abs=0.1)
    assert seen(high) - seen(low) > truth + 0.3
