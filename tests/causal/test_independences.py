"""Implied independences: each holds in the graph and none is missed; their figures against regression and simulated
coverage, and what is said of them."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from every_graph import every_graph, graph_of, some_graphs, subsets

from explorer.causal.independences import Independence, IndependenceTest, detectable, implied, summary
from explorer.causal.partial_correlations import partial_correlations
from explorer.causal.separation import separated
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable


def test_every_pair_that_can_be_separated_has_its_smallest_claim() -> None:
    for graph in [*every_graph(4, with_hidden=True)][::5] + list(some_graphs(5, 60, seed=1)):
        claims = {(claim.first, claim.last): claim.fixed for claim in implied(graph)}
        for first, last in combinations(graph.names, 2):
            others = [name for name in graph.names if name not in (first, last)]
            smallest = next((fixed for fixed in subsets(others) if separated(graph, [first], [last], fixed)), None)
            fixed = claims.get((first, last))
            assert (fixed is None) == (smallest is None)
            if fixed is not None and smallest is not None:
                assert len(fixed) == len(smallest)
                assert separated(graph, [first], [last], fixed)


def _chain(rows: int, seed: int, skip: float = 0.0) -> dict[str, np.ndarray]:
    """a → b → c, and ``skip`` times a in c, which no arrow says."""
    noise = np.random.default_rng(seed).normal(size=(3, rows))
    a = noise[0]
    b = a + noise[1]
    return {"a": a, "b": b, "c": b + skip * a + noise[2]}


def test_a_partial_correlation_is_that_of_what_regression_leaves() -> None:
    table = _chain(400, 1, skip=0.5)
    (test,) = partial_correlations(graph_of("a>b b>c"), table)
    assert test.independence.text == "a ⟂ c | b"
    design = np.stack([np.ones(400), table["b"]], axis=1)
    left = [table[name] - design @ np.linalg.lstsq(design, table[name], rcond=None)[0] for name in "ac"]
    r = np.corrcoef(*left)[0, 1]
    assert test.correlation == pytest.approx(r, abs=1e-12)
    error = 1 / math.sqrt(400 - 1 - 3)
    assert (test.low, test.high) == pytest.approx(
        (math.tanh(math.atanh(r) - 1.959964 * error), math.tanh(math.atanh(r) + 1.959964 * error))
    )
    assert test.p == pytest.approx(math.erfc(math.atanh(r) / error / math.sqrt(2)))
    slope_free = (
        np.corrcoef(table["a"], table["c"])[0, 1]
        - np.corrcoef(table["a"], table["b"])[0, 1] * np.corrcoef(table["b"], table["c"])[0, 1]
    ) / math.sqrt(
        (1 - np.corrcoef(table["a"], table["b"])[0, 1] ** 2) * (1 - np.corrcoef(table["b"], table["c"])[0, 1] ** 2)
    )
    assert r == pytest.approx(slope_free)


def test_intervals_hold_what_they_say_and_p_rejects_as_often_as_it_says() -> None:
    tests = [partial_correlations(graph_of("a>b b>c"), _chain(60, seed))[0] for seed in range(600)]
    assert 0.92 < np.mean([test.low <= 0 <= test.high for test in tests]) < 0.98
    assert 0.02 < np.mean([test.p < 0.05 for test in tests]) < 0.08


def test_many_rows_reject_what_is_of_no_size() -> None:
    graph = graph_of("a>b b>c")
    (test,) = partial_correlations(graph, _chain(40_000, 3, skip=0.03))
    assert test.p < 0.05
    assert test.verdict == "holds"
    assert "is rejected at p < 0.05; with 40000 rows p rejects a partial correlation of 0.010, so look" in summary(
        [test]
    )
    assert "what the graph leaves out is small" in summary([test])
    (large,) = partial_correlations(graph, _chain(40_000, 3, skip=1.0))
    assert large.verdict == "broken"
    assert "a ⟂ c | b (0.57; 0.57 to 0.58): an arrow or a hidden cause is missing there" in summary([large])
    (few,) = partial_correlations(graph, _chain(30, 3))
    assert few.verdict == "open"
    assert "None is clearly above 0.1; 1 could be." in summary([few])
    assert summary([]) == "The graph implies no independence, so no table can contradict it."
    assert detectable(10_000) == pytest.approx(0.0196, abs=1e-4)


def _typed(kind: str) -> CausalGraph:
    variables = {
        "cyclic": Variable(name="a", kind="cyclic", low=0.0, high=360.0),
        "category": Variable(name="a", kind="category", labels=("x", "y", "z")),
        "binary": Variable(name="a", kind="binary"),
    }
    return CausalGraph(variables=(variables[kind], Variable(name="b")))


def _values(kind: str, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values, and what of them a straight line does not see."""
    random = np.random.default_rng(seed)
    if kind == "cyclic":
        angle = random.uniform(0, 360, rows)
        return angle, np.cos(np.deg2rad(angle))
    if kind == "binary":
        bit = random.integers(0, 2, rows).astype(float)
        return bit, bit
    level = random.integers(0, 3, rows).astype(float)
    return level, (level == 1).astype(float)


@pytest.mark.parametrize("kind", ["cyclic", "category", "binary"])
def test_cyclic_and_category_variables_are_tested_by_all_their_numbers(kind: str) -> None:
    graph = _typed(kind)
    values, part = _values(kind, 500, 1)
    noise = np.random.default_rng(2).normal(size=500)
    (test,) = partial_correlations(graph, {"a": values, "b": 2 * part + 0.5 * noise})
    assert test.verdict == "broken"
    tests = []
    for seed in range(400):
        noise = np.random.default_rng(seed + 10_000).normal(size=80)
        tests += partial_correlations(graph, {"a": _values(kind, 80, seed)[0], "b": noise})
    rejected = [test.p < 0.05 for test in tests]
    assert rejected == [not test.low <= 0 <= test.high for test in tests]
    assert np.mean(rejected) < 0.08, "looking at several numbers is corrected for"


def test_a_category_is_held_whole() -> None:
    level = np.random.default_rng(1).integers(0, 3, 3000).astype(float)
    noise = np.random.default_rng(2).normal(size=(2, 3000))
    shape = np.array([0.0, 2.0, 0.0])[level.astype(int)]
    graph = CausalGraph(
        variables=(Variable(name="k", kind="category", labels=("x", "y", "z")), Variable(name="a"), Variable(name="b")),
        edges=(("k", "a"), ("k", "b")),
    )
    (test,) = partial_correlations(graph, {"k": level, "a": shape + noise[0], "b": shape + noise[1]})
    assert abs(test.correlation) < 0.06
    assert abs(np.corrcoef(shape + noise[0], shape + noise[1])[0, 1]) > 0.3


def test_where_nothing_is_left_nothing_is_said() -> None:
    a = np.random.default_rng(1).normal(size=50)
    (test,) = partial_correlations(
        graph_of("a>b b>c"), {"a": a, "b": 2 * a, "c": a + np.random.default_rng(2).normal(size=50)}
    )
    assert math.isnan(test.correlation)
    assert (test.low, test.high, test.p, test.verdict) == (-1.0, 1.0, 1.0, "open")


def test_what_cannot_be_tested_is_one_sentence() -> None:
    graph = graph_of("a>b b>c")
    with pytest.raises(CausalError, match=r"4 rows are too few to test a ⟂ c \| b; give at least 5"):
        partial_correlations(graph, _chain(4, 1))
    with pytest.raises(CausalError, match="no column 'c'"):
        partial_correlations(graph, {"a": [1.0, 2.0], "b": [2.0, 1.0]})
    with pytest.raises(CausalError, match="'a' has no value in 1 of 5 rows"):
        partial_correlations(graph, {**_chain(5, 1), "a": [1.0, 2.0, math.nan, 4.0, 5.0]})
    with pytest.raises(CausalError, match="no variable 'q'"):
        partial_correlations(graph, _chain(9, 1), [Independence("a", "q")])


def test_the_summary_counts() -> None:
    def made(r: float) -> IndependenceTest:
        return IndependenceTest(
            independence=Independence("a", "b"),
            correlation=r,
            low=r - 0.05,
            high=r + 0.05,
            p=float(abs(r) < 0.1),
            rows=1000,
        )

    text = summary([made(0.0), made(0.3), made(-0.5)])
    assert text.startswith("Of 3 implied independences 2 are rejected")
    assert "2 are above 0.1, most of all a ⟂ b (−0.50; −0.55 to −0.45)" in text
