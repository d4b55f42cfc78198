"""Effects between variables of levels: bounds against published figures and models whose hidden causes are known;
identified ones against adjustment by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from discrete_models import DiscreteModel
from every_graph import graph_of
from hypothesis import given
from hypothesis import strategies as st

from explorer.causal.level_effects import instrumental_bounds, level_effect, natural_bounds
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable


def _binary(text: str) -> CausalGraph:
    graph = graph_of(text)
    return CausalGraph(
        variables=tuple(Variable(name=name, kind="binary") for name in graph.names),
        edges=graph.edges,
        confounded=graph.confounded,
    )


def _drawn(model: DiscreteModel, numbers: torch.Tensor, rows: int, seed: int) -> dict[str, np.ndarray]:
    joint = model.observed(numbers).numpy()
    cells = np.random.default_rng(seed).choice(joint.size, rows, p=joint.ravel() / joint.sum())
    return dict(zip(model.graph.names, np.unravel_index(cells, joint.shape), strict=True))


def _table(counts: dict[tuple[int, ...], int], names: str) -> dict[str, list[int]]:
    rows = [cell for cell, count in counts.items() for _ in range(count)]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def test_the_bounds_of_the_cholesterol_trial_are_those_published() -> None:
    """Balke and Pearl (1997): the average effect lies between .392 and .780."""
    conditional = np.array([[[0.919, 0.081], [0.0, 0.0]], [[0.315, 0.073], [0.139, 0.473]]])
    bounds = instrumental_bounds(conditional / 2)
    assert bounds is not None
    low, high = bounds
    assert low[1, 1] - high[0, 1] == pytest.approx(0.392, abs=1e-9)
    assert high[1, 1] - low[0, 1] == pytest.approx(0.780, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_truth_lies_within_and_the_bounds_are_never_wider_than_the_natural_ones(seed: int) -> None:
    graph = graph_of("z>x x>y x-y")
    model = DiscreteModel(graph)
    numbers = 2 * torch.randn(model.count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    joint = model.observed(numbers).numpy().transpose(2, 0, 1)  # z, x, y
    truth = model.after(numbers, "x", "y").numpy()
    bounds = instrumental_bounds(joint)
    assert bounds is not None
    low, high = bounds
    assert (low <= truth + 1e-7).all()
    assert (truth <= high + 1e-7).all()
    natural = natural_bounds(joint.sum(axis=0))
    assert (natural[0] <= low + 1e-7).all()
    assert (high <= natural[1] + 1e-7).all()
    assert (natural[0] <= truth).all()
    assert (truth <= natural[1]).all()


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 4)])
def test_the_natural_bounds_are_the_sharp_ones_of_an_instrument_that_says_nothing(shape: tuple[int, int]) -> None:
    joint = np.random.default_rng(sum(shape)).dirichlet(np.ones(shape[0] * shape[1])).reshape(shape)
    programs = instrumental_bounds(joint[None])
    assert programs is not None
    for bound, program in zip(natural_bounds(joint), programs, strict=True):
        assert bound == pytest.approx(program, abs=1e-9)


def test_an_instrument_that_fixes_the_cause_gives_the_effect() -> None:
    conditional = np.array([[[0.3, 0.7], [0.0, 0.0]], [[0.0, 0.0], [0.9, 0.1]]])
    bounds = instrumental_bounds(conditional / 2)
    assert bounds is not None
    for bound in bounds:
        assert bound == pytest.approx(np.array([[0.3, 0.7], [0.9, 0.1]]))


def test_three_levels_have_bounds_that_hold_too() -> None:
    random = np.random.default_rng(1)
    answers, outcomes = random.integers(0, 3, (2, 400, 3)), random.integers(0, 3, (2, 400, 3))
    joint, truth = np.zeros((3, 3, 3)), np.zeros((3, 3))
    for answer, outcome in zip(answers[0], outcomes[0], strict=True):
        outcome = np.where(random.random(3) < 0.6, answer, outcome)  # what makes the cause makes the effect
        for level in range(3):
            joint[level, answer[level], outcome[answer[level]]] += 1 / 1200
            truth[level, outcome[level]] += 1 / 400
    bounds = instrumental_bounds(joint)
    assert bounds is not None
    assert (bounds[0] <= truth + 1e-9).all()
    assert (truth <= bounds[1] + 1e-9).all()
    assert (bounds[1] - bounds[0]).mean() < 0.8


def test_a_table_gives_the_effect_or_its_bounds() -> None:
    model = DiscreteModel(_binary("u>x u>y x>y"))
    numbers = torch.randn(model.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    table = _drawn(model, numbers, 20_000, 2)
    effect = level_effect(model.graph, "x", "y", table)
    assert effect.low == effect.high
    assert effect.way == "identified (back-door)"
    by_hand = np.zeros((2, 2))
    for u, x, y in product(range(2), repeat=3):
        alike = (table["u"] == u) & (table["x"] == x)
        by_hand[x, y] += (table["u"] == u).mean() * (table["y"][alike] == y).mean()
    assert np.array(effect.low) == pytest.approx(by_hand)
    assert np.array(effect.low) == pytest.approx(model.after(numbers, "x", "y").numpy(), abs=0.03)


def test_where_it_is_not_identified_the_table_gives_bounds() -> None:
    counts = {(0, 0, 0): 919, (0, 0, 1): 81, (1, 0, 0): 315, (1, 0, 1): 73, (1, 1, 0): 139, (1, 1, 1): 473}
    table = _table(counts, "zxy")
    effect = level_effect(_binary("z>x x>y x-y"), "x", "y", table)
    assert effect.way == "bounds by the instrument 'z'"
    assert effect.low[1][1] - effect.high[0][1] == pytest.approx(0.392)
    assert effect.identification.measure == (("x", "y"),)
    bow = level_effect(_binary("x>y x-y z>y"), "x", "y", table)
    assert bow.way == "natural bounds"
    assert bow.low[1][1] == pytest.approx(473 / 2000)
    assert bow.high[1][1] == pytest.approx(473 / 2000 + 1 - 612 / 2000)


def test_an_instrument_that_the_table_contradicts_is_said() -> None:
    counts = {(0, 0, 0): 90, (0, 0, 1): 10, (0, 1, 0): 1, (1, 0, 1): 95, (1, 1, 1): 4}  # y follows z at the same x
    effect = level_effect(_binary("z>x x>y x-y"), "x", "y", _table(counts, "zxy"))
    assert effect.way.startswith("natural bounds; the table contradicts the instrument 'z'")


def test_effects_that_cannot_be_computed_are_one_sentence() -> None:
    graph = _binary("u>x u>y x>y")
    with pytest.raises(CausalError, match="effect of 'x' = 1 cannot be computed: it needs rows that do not occur"):
        level_effect(graph, "x", "y", _table({(0, 0, 0): 5, (0, 0, 1): 5, (0, 1, 1): 5, (1, 0, 1): 9}, "uxy"))
    numbers = CausalGraph(variables=(Variable(name="x"), Variable(name="y", kind="binary")), edges=(("x", "y"),))
    with pytest.raises(CausalError, match="'x' is a number without levels; cut it"):
        level_effect(numbers, "x", "y", {"x": [0.1, 0.2], "y": [0, 1]})
    with pytest.raises(CausalError, match="no column 'u'"):
        level_effect(graph, "x", "y", {"x": [0, 1], "y": [0, 1]})
