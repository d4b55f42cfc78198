"""Where the truth is known: the table tells it from chance, and chance is at its null. Figures of the four variants."""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import pytest
import torch

from explorer.attributes.registry import default_reader
from explorer.comparison.evidence import Stage, evidence, stage
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.registry import method
from explorer.generators.known_factors import VARIANTS, KnownFactorsGenerator
from explorer.generators.registry import load
from explorer.metrics.direction_evidence import Evidence
from explorer.metrics.directions import figures, signatures
from explorer.scene.cards import ControlCard

K, BASES, OBSERVED, DRAWS = 5, 8, 600, 60


@cache
def common(variant: str) -> Stage:
    generator = load(f"known-{variant}", torch.device("cpu"))
    return stage(generator, default_reader(generator), BASES, OBSERVED, 0.06)


@cache
def seen(variant: str, name: str, seed: int) -> Evidence:
    on = common(variant)
    return evidence(on, method(name).discover(on.generator, K, seed))


@pytest.mark.parametrize("variant", VARIANTS)
def test_truth_and_chance_do_not_overlap(variant: str) -> None:
    chance = [seen(variant, "random_orthogonal", seed) for seed in (0, 1, 2)]
    nulls = [*chance, *(seen(variant, "random_orthogonal", seed) for seed in (1000,))]
    truth = figures([seen(variant, "true_directions", 0)], nulls, DRAWS)
    random = figures(chance, nulls, DRAWS)
    for column in ("modularity", "compactness", "mcc"):
        assert truth[column].low is not None
        assert random[column].high is not None
        assert truth[column].low > random[column].high, column
        assert truth[column].null == random[column].null
    shown = random["modularity"]
    assert shown.low is not None
    assert shown.high is not None
    assert shown.null is not None
    assert shown.low <= shown.null <= shown.high
    for column in ("modularity", "compactness", "coverage", "mcc"):
        assert truth[column].value == pytest.approx(1.0, abs=0.03), column
    assert truth["dependency"].value == pytest.approx(0.0, abs=0.01)
    assert truth["orthogonality"].value == pytest.approx(1.0, abs=0.03)
    if variant != "curved":
        # Factors that go together are told by each other's coordinates, whatever the directions.
        value = truth["information_modularity"].value
        assert value is not None
        assert (value < 0.9) == (variant == "correlated")


def test_equal_gains_hide_the_factors_from_a_method_that_looks_at_the_weights() -> None:
    """Also where it lists all directions that have an effect: SeFa spans the right space, and mixes all factors."""
    found = figures([seen("equal", "sefa", 0)], (), 50)
    assert found["modularity"].value is not None
    assert found["modularity"].value < 0.5


def test_straight_lines_lose_where_the_truth_is_curved() -> None:
    """Even those that are true at the middle of the prior: at the base codes they are not."""
    on = common("curved")
    truth = cast("KnownFactorsGenerator", on.generator).true_directions()
    straight = [LinearControl(ControlCard(name=f"d{i}", space="z"), row) for i, row in enumerate(truth)]
    found = ControlSet("straight", "Straight", on.generator.card.fingerprint, "z", tuple(straight))
    values = {name: one.value for name, one in figures([evidence(on, found)], (), 2).items()}
    best = {name: one.value for name, one in figures([seen("curved", "true_directions", 0)], (), 2).items()}
    for name in ("modularity", "compactness", "mcc"):
        straight_value, best_value = values[name], best[name]
        assert straight_value is not None
        assert best_value is not None
        assert straight_value < best_value - 0.2, name
    bent = figures([seen("curved", "true_directions", 0)], [seen("curved", "random_orthogonal", 0)], 20)
    # The truth lies in one bent copy of the space: its paths bend, lead back, and do not depend on their order.
    assert bent["nonlinearity"].value == pytest.approx(0.05, abs=0.03)
    assert bent["nonlinearity"].null == bent["round_trip"].value == bent["order_dependence"].value == 0.0


def test_the_true_directions_act_in_order() -> None:
    signs = signatures(seen("distinct", "true_directions", 0))
    assert np.abs(signs).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_ways_without_effect_are_counted_and_left_out() -> None:
    on = common("distinct")
    wide = evidence(on, method("true_directions").discover(on.generator, 8, 0))
    assert wide.alive.tolist() == [True] * 5 + [False] * 3
    found = figures([wide], (), 20)
    assert found["modularity"].value == pytest.approx(1.0, abs=0.03)
    assert "3 of 8 without effect" in found["modularity"].note


def test_the_same_evidence_again() -> None:
    on = common("curved")
    told: list[float] = []
    again = evidence(on, method("random_orthogonal").discover(on.generator, K, 0), told.append)
    first = seen("curved", "random_orthogonal", 0)
    for name in ("alphas", "values", "interactions", "cosines", "features", "recognised", "coordinates", "truth",
                 "bends", "returns", "orders"):  # fmt: skip
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name), name)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_every_array_has_the_shape_it_says() -> None:
    one = seen("equal", "random_orthogonal", 0)
    amounts = len(one.amounts)
    assert one.values.shape == (BASES, K, amounts, 5)
    assert one.observed.shape == (OBSERVED, 5)
    assert one.interactions.shape == (BASES, K * (K - 1) // 2, 2)
    assert one.cosines.shape == (BASES, K, K)
    assert one.steps.shape == (BASES, K, amounts - 1)
    assert one.bends.shape == one.returns.shape == (BASES, K)
    assert one.orders.shape == (BASES, len(one.pairs))
    assert one.features.shape[:2] == one.recognised.shape == one.typicality.shape == (BASES, K)
    assert one.coordinates is not None
    assert one.coordinates.shape == (OBSERVED, K)
    assert one.truth is not None
    assert one.truth.shape == (BASES, K, 5)
    middle = one.values[:, :, amounts // 2]
    np.testing.assert_array_equal(middle, middle[:, :1].repeat(K, 1), "at amount 0 all directions show the same")
