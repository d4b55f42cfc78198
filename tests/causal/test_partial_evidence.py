"""Partial evidence and effects against closed forms: Pearl's linear example, Gaussian conditioning, discrete tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_causes import chain, clipped, linear_chain

from explorer.causal.effects import controlled_direct_effect, effects, mediators
from explorer.causal.evidence import agreeing, imagined, seen
from explorer.causal.interventions import Hard, Shift
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import STANDARD_NORMAL
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable


@st.composite
def linear_models(draw: st.DrawFn) -> StructuralModel:
    count = draw(st.integers(2, 5))
    names = [f"v{index}" for index in range(count)]
    number = st.sampled_from([-1.5, -0.5, 0.7, 2.0])
    mechanisms, edges = {}, []
    for place, name in enumerate(names):
        parents = tuple(parent for parent in names[:place] if draw(st.booleans()))
        edges += [(parent, name) for parent in parents]
        slopes = [draw(number) for _ in parents]
        mechanisms[name] = LinearGaussian.of(parents, slopes, draw(number), draw(st.sampled_from([0.5, 1.0, 2.0])))
    variables = tuple(Variable(name=name) for name in draw(st.permutations(names)))
    return StructuralModel(CausalGraph(variables=variables, edges=tuple(edges)), mechanisms)


def moments(model: StructuralModel) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the values, from (I − B)⁻¹: another computation than by evaluating the model."""
    names = model.graph.names
    slopes, at, deviations = np.zeros((len(names),) * 2), np.zeros(len(names)), np.zeros(len(names))
    for row, name in enumerate(names):
        mechanism = model.mechanisms[name]
        assert isinstance(mechanism, LinearGaussian)
        assert mechanism.slopes is not None
        for parent, slope in zip(mechanism.parents, mechanism.slopes.tolist(), strict=True):
            slopes[row, names.index(parent)] = slope
        at[row], deviations[row] = mechanism.intercept, mechanism.deviation
    inverse = np.linalg.inv(np.eye(len(names)) - slopes)
    return inverse @ at, inverse @ np.diag(deviations**2) @ inverse.T


@given(linear_models(), st.data())
@settings(max_examples=60, deadline=None)
def test_seeing_is_conditioning_of_the_joint_normal(model: StructuralModel, data: st.DataObject) -> None:
    names = model.graph.names
    observed = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=len(names) - 1))
    values = {name: data.draw(st.sampled_from([-1.0, 0.3, 2.0])) for name in observed}
    mean, covariance = moments(model)
    rows = [names.index(name) for name in observed]
    gain = covariance[:, rows] @ np.linalg.inv(covariance[np.ix_(rows, rows)]) if rows else np.zeros((len(names), 0))
    expected = mean + gain @ (np.array(list(values.values())) - mean[rows])
    spread = np.sqrt(np.maximum(np.diag(covariance - gain @ covariance[rows]), 0.0))
    told = seen(model, values)
    assert [told[name].mean for name in names] == pytest.approx(expected, abs=1e-6)
    assert [told[name].deviation for name in names] == pytest.approx(spread, abs=1e-6)
    assert all(one.error == 0 for one in told.values())


def test_imagining_with_partial_evidence_is_pearl_s_linear_example() -> None:
    """Education X, homework H = a X + u, score Y = b X + c H + u; X = 0.5, H = 1, Y = 1.5, a = 0.5, b = 0.7, c = 0.4:
    had H been 2, Y would have been 1.9 (Pearl, Glymour & Jewell, Causal Inference in Statistics, 4.2.3)."""
    graph = CausalGraph(
        variables=tuple(Variable(name=name) for name in ("x", "h", "y")), edges=(("x", "h"), ("x", "y"), ("h", "y"))
    )
    model = StructuralModel(
        graph,
        {
            "x": LinearGaussian.of((), (), 0.0, 1.0),
            "h": LinearGaussian.of(("x",), (0.5,), 0.0, 1.0),
            "y": LinearGaussian.of(("x", "h"), (0.7, 0.4), 0.0, 1.0),
        },
    )
    would = imagined(model, {"x": 0.5, "h": 1.0, "y": 1.5}, {"h": Hard(2.0)})["y"]
    assert would.mean == pytest.approx(1.9, abs=1e-9)
    assert would.deviation == pytest.approx(0.0, abs=1e-6)
    # Only the score is seen: conditioning the normal (x, u_h, u_y) on y by hand.
    matrix = np.array([[0.9, 0.4, 1.0]])
    noise = matrix.T @ np.linalg.solve(matrix @ matrix.T, np.array([1.5]))
    partly = imagined(model, {"y": 1.5}, {"h": Hard(2.0)})["y"]
    assert partly.low < partly.mean < partly.high
    assert partly.mean == pytest.approx(0.7 * noise[0] + 0.4 * 2.0 + noise[2], abs=1e-9)
    spread = np.eye(3) - matrix.T @ np.linalg.solve(matrix @ matrix.T, matrix)
    way = np.array([0.7, 0.0, 1.0])
    assert partly.deviation == pytest.approx(math.sqrt(way @ spread @ way), abs=1e-9)
    assert imagined(model, {"h": 1.0, "y": 1.5}, {"y": Shift(2.0)})["y"].mean == pytest.approx(3.5, abs=1e-9)


def test_draws_agree_with_the_exact_answer_within_their_error() -> None:
    exact = imagined(linear_chain(), {"b": 1.0, "c": 2.0}, {"b": Hard(3.0)})
    rows = agreeing(linear_chain(), {"b": 1.0, "c": 2.0}, draws=20_000, seed=1)
    drawn = imagined(chain_in_closed_form(), {"b": 1.0, "c": 2.0}, {"b": Hard(3.0)}, draws=20_000, seed=1)
    assert 50 < rows.effective < 20_000
    for name in "abc":
        assert abs(drawn[name].mean - exact[name].mean) <= 4 * drawn[name].error + 1e-9
        assert drawn[name].deviation == pytest.approx(exact[name].deviation, rel=0.1, abs=1e-6)
    assert drawn["a"].error > 0
    assert drawn["a"].low == pytest.approx(exact["a"].low, abs=0.1)


def chain_in_closed_form() -> StructuralModel:
    """As :func:`linear_chain`, of mechanisms that the exact answer does not know."""

    def scaled(parent: str, by: float) -> ClosedForm:
        return ClosedForm((parent,), STANDARD_NORMAL, lambda p, u: by * p[:, 0] + u, lambda p, x: x - by * p[:, 0])

    known = linear_chain()
    return StructuralModel(
        known.graph, {"a": ClosedForm((), STANDARD_NORMAL), "b": scaled("a", 2.0), "c": scaled("b", 3.0)}
    )


def test_seeing_an_effect_tells_of_its_cause_and_doing_does_not() -> None:
    model = chain()
    assert seen(model, {"b": 2.0})["a"].mean == pytest.approx(2 * 2.0 / 5, abs=0.1)
    assert imagined(model, {}, {"b": Hard(2.0)})["a"].mean == pytest.approx(0.0, abs=0.1)


def test_a_clipped_value_is_evidence_by_its_probability() -> None:
    """x uniform on 0..6, y = max(3, x + u) = 3: the density of x falls as Φ(3 − x)."""
    told = seen(clipped(), {"y": 3.0}, draws=40_000)["x"]
    grid = np.linspace(0, 6, 6001)
    weight = np.array([0.5 * math.erfc(-(3 - x) / math.sqrt(2)) for x in grid])
    assert told.mean == pytest.approx((grid * weight).sum() / weight.sum(), abs=4 * told.error)


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [({"w": 1.0}, "no variable 'w'"), ({"y": 2.0}, "gives no row with y = 2"), ({"x": math.nan}, "give a number")],
)
def test_evidence_that_cannot_be_is_refused(evidence: dict[str, float], sentence: str) -> None:
    with pytest.raises(CausalError, match=sentence):
        seen(clipped(), evidence)


def test_evidence_that_hardly_any_draw_agrees_with_is_refused() -> None:
    with pytest.raises(CausalError, match="tell as little"):
        agreeing(chain_in_closed_form(), {"c": 60.0}, draws=500)


def test_effects_of_a_linear_model_are_products_and_sums_of_slopes() -> None:
    model = chain()  # a → b (2), b → c (1), a → c (−3)
    found = effects(model, "a", (0.0, 1.0), "c", draws=200)
    assert found.between == ("b",)
    assert (found.total.mean, found.direct.mean, found.indirect.mean) == pytest.approx((-1.0, -3.0, 2.0))
    assert float(found.total.rows.std()) == pytest.approx(0.0, abs=1e-9)
    held = controlled_direct_effect(model, "a", (0.0, 1.0), "c", {"b": 5.0}, draws=50)
    assert held.mean == pytest.approx(-3.0)
    assert mediators(model, "b", "c") == ()


def test_effects_that_depend_on_one_another_are_those_of_pearl_s_formulas() -> None:
    """y = x m + u, m = x + u: from 0 to 1, direct E[m(0)] = 0, indirect 0 at x = 0, total E[m(1)] = 1; and total =
    direct − the indirect effect of the way back."""
    graph = CausalGraph(
        variables=tuple(Variable(name=name) for name in "xmy"), edges=(("x", "m"), ("x", "y"), ("m", "y"))
    )
    model = StructuralModel(
        graph,
        {
            "x": ClosedForm((), STANDARD_NORMAL),
            "m": ClosedForm(("x",), STANDARD_NORMAL, lambda p, u: p[:, 0] + u, lambda p, x: x - p[:, 0]),
            "y": ClosedForm(
                ("x", "m"), STANDARD_NORMAL, lambda p, u: p[:, 0] * p[:, 1] + u, lambda p, y: y - p[:, 0] * p[:, 1]
            ),
        },
    )
    there = effects(model, "x", (0.0, 1.0), "y", draws=40_000)
    back = effects(model, "x", (1.0, 0.0), "y", draws=40_000)
    assert there.direct.mean == pytest.approx(0.0, abs=4 * there.direct.error)
    assert there.indirect.mean == pytest.approx(0.0, abs=1e-12)
    assert there.total.mean == pytest.approx(1.0, abs=4 * there.total.error)
    torch.testing.assert_close(there.total.rows, there.direct.rows - back.indirect.rows)


def test_effects_of_a_row_are_those_of_its_noise_and_impossible_ones_are_refused() -> None:
    model = chain()
    row = model.sample(1, 3)
    own = effects(model, "b", (0.0, 2.0), "c", noises=model.abduct(row))
    assert own.total.rows.tolist() == pytest.approx([2.0])
    with pytest.raises(CausalError, match="no effect on itself"):
        effects(model, "a", (0, 1), "a")
    with pytest.raises(CausalError, match="cannot be held"):
        controlled_direct_effect(model, "a", (0, 1), "c", {"c": 1.0})
