"""Abduct, act, predict against closed forms: a linear-Gaussian chain, a clipped effect, soft and shifted causes."""

from __future__ import annotations

import math

import pytest
import torch
from small_causes import FLOOR, chain, clipped

from explorer.causal.interventions import Hard, Shift, Soft
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import STANDARD_NORMAL, one_of
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable


def test_a_chain_reaches_the_grandchild_by_the_product_of_its_slopes() -> None:
    model = chain()
    rows = model.sample(200, 0)
    after = model.counterfactual(rows, {"a": Hard(rows["a"] + 1.0)})
    assert torch.allclose(after["b"] - rows["b"], torch.full((200,), 2.0, dtype=torch.float64))
    assert torch.allclose(after["c"] - rows["c"], torch.full((200,), 2.0 - 3.0, dtype=torch.float64))
    held = model.counterfactual(rows, {"a": Hard(rows["a"] + 1.0), "b": Hard(rows["b"])})
    assert torch.allclose(held["c"] - rows["c"], torch.full((200,), -3.0, dtype=torch.float64))


def test_do_differs_from_seeing_and_cuts_what_leads_to_it() -> None:
    model = chain()
    after = model.predict(model.noises(200_000, 1), {"b": Hard(1.0)})
    assert after["a"].mean().abs() < 0.01  # seen b = 1, a would be 2/5
    assert after["c"].mean() == pytest.approx(1.0, abs=0.02)


def test_setting_what_was_observed_changes_no_bit_whatever_it_is() -> None:
    for model in (chain(), clipped()):
        rows = model.sample(300, 2)
        for name in model.graph.names:
            same = model.counterfactual(rows, {name: Hard(rows[name])})
            assert all(torch.equal(same[other], rows[other]) for other in model.graph.names)


def test_what_an_intervention_does_not_reach_stays_bit_for_bit() -> None:
    model = chain()
    rows = model.sample(50, 3)
    after = model.counterfactual(rows, {"b": Hard(9.0)})
    assert torch.equal(after["a"], rows["a"])
    leaf = model.counterfactual(rows, {"c": Hard(1.0)})
    assert torch.equal(leaf["b"], rows["b"])


def test_hidden_noise_gives_no_number_until_it_does_not_matter() -> None:
    model = clipped()
    rows = model.sample(2000, 4)
    hidden = rows["y"] == FLOOR
    assert 0.3 < hidden.double().mean() < 0.6
    after = model.counterfactual(rows, {"x": Hard(5.0)})
    assert torch.equal(after["y"].isnan(), hidden)
    assert torch.equal(after["z"].isnan(), hidden)
    known = model.counterfactual(rows, {"x": Hard(5.0), "y": Hard(4.0)})
    assert torch.allclose(known["z"], 4.0 + rows["z"] - rows["y"])


def test_hidden_noise_is_drawn_from_what_is_consistent() -> None:
    """At x = 2, y = 3: the noise is normal below 1, whose mean is −φ(1)/Φ(1)."""
    model = clipped()
    rows = {
        name: torch.full((100_000,), value, dtype=torch.float64)
        for name, value in zip("xyz", (2.0, 3.0, 3.5), strict=True)
    }
    noises = model.posterior(rows, model.uniforms(100_000, 5))
    assert noises["y"].max() <= 1.0
    expected = -math.exp(-0.5) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(-1 / math.sqrt(2)))
    assert noises["y"].mean() == pytest.approx(expected, abs=0.01)
    assert torch.equal(noises["z"], torch.full_like(noises["z"], 0.5))
    again = model.predict(noises)
    assert torch.equal(again["y"], rows["y"])


def test_a_shift_adds_and_a_soft_intervention_replaces_the_mechanism() -> None:
    model = chain()
    rows = model.sample(100, 6)
    shifted = model.counterfactual(rows, {"b": Shift(1.5)})
    assert torch.allclose(shifted["b"] - rows["b"], torch.full((100,), 1.5, dtype=torch.float64))
    assert torch.allclose(shifted["c"] - rows["c"], torch.full((100,), 1.5, dtype=torch.float64))
    weaker = ClosedForm(("a",), STANDARD_NORMAL, lambda p, u: 0.5 * p[:, 0] + u, lambda p, x: x - 0.5 * p[:, 0])
    soft = model.counterfactual(rows, {"b": Soft(weaker)})
    assert torch.allclose(soft["b"] - rows["b"], -1.5 * rows["a"])
    with pytest.raises(CausalError, match="which it causes itself"):
        model.predict(model.noises(2, 0), {"a": Soft(ClosedForm(("c",), STANDARD_NORMAL))})


def test_derivatives_pass_through_do_also_where_it_changes_nothing() -> None:
    model = chain()
    rows = model.sample(3, 7)
    value = rows["a"].clone().requires_grad_()
    after = model.counterfactual(rows, {"a": Hard(value)})
    assert torch.equal(after["c"].detach(), rows["c"])
    (slope,) = torch.autograd.grad(after["c"].sum(), value)
    assert torch.allclose(slope, torch.full((3,), -1.0, dtype=torch.float64))


def test_the_density_is_that_of_the_joint_normal() -> None:
    model = chain()
    rows = model.sample(20, 8)
    weights = torch.tensor([[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [-1.0, 1.0, 0.5]], dtype=torch.float64)
    joint = torch.distributions.MultivariateNormal(torch.zeros(3, dtype=torch.float64), weights @ weights.T)
    assert torch.allclose(model.log_prob(rows), joint.log_prob(torch.stack([rows[n] for n in "abc"], dim=1)))


def test_a_clipped_value_has_a_probability() -> None:
    model = clipped()
    rows = {
        name: torch.tensor([value], dtype=torch.float64) for name, value in zip("xyz", (2.0, 3.0, 3.5), strict=True)
    }
    expected = math.log(1 / 6) + math.log(0.5 * math.erfc(-1 / math.sqrt(2))) - 0.125 - math.log(math.sqrt(2 * math.pi))
    assert model.log_prob(rows).item() == pytest.approx(expected)


def test_correlated_noises_are_a_hidden_common_cause() -> None:
    model = chain()
    free, tied = model.noises(50_000, 9), model.noises(50_000, 9, {("a", "b"): 0.7})
    pair = torch.cat([tied["a"], tied["b"]], dim=1)
    assert torch.corrcoef(pair.T)[0, 1] == pytest.approx(0.7, abs=0.02)
    assert torch.equal(model.noises(50_000, 9)["c"], free["c"])
    with pytest.raises(CausalError, match="No joint distribution"):
        model.noises(2, 0, {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})


def test_a_model_refuses_mechanisms_that_are_not_those_of_its_graph() -> None:
    graph = CausalGraph(variables=(Variable(name="a"), Variable(name="b")), edges=(("a", "b"),))
    root = ClosedForm((), one_of((0.0, 1.0)))
    with pytest.raises(CausalError, match="'b' has no mechanism"):
        StructuralModel(graph, {"a": root})
    with pytest.raises(CausalError, match="the graph says a"):
        StructuralModel(graph, {"a": root, "b": root})
    with pytest.raises(CausalError, match="no variable 'x'"):
        chain().predict(chain().noises(2, 0), {"x": Hard(0.0)})
