"""Mechanisms fitted to tables of known origin: the right kind, the right numbers, honest figures, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from explorer.causal import learning, model_file
from explorer.causal.fit_card import FitCard
from explorer.causal.fitting import Fit, fit, split
from explorer.causal.interventions import Hard
from explorer.causal.mechanisms.categorical import Categorical
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.mechanisms.floored import Floored
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.mechanisms.monotone import MonotoneFlow
from explorer.causal.mechanisms.wrapped import WrappedNoise
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import STANDARD_NORMAL, uniform_between
from explorer.errors import Cancelled, CausalError
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.worlds.registry import all_worlds

Columns = dict[str, NDArray[np.float64]]


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "STEPS", 250)


def graph_of(*variables: str | Variable, edges: str = "") -> CausalGraph:
    """``edges``: two letters each."""
    known = tuple(Variable(name=one) if isinstance(one, str) else one for one in variables)
    return CausalGraph(variables=known, edges=tuple((pair[0], pair[1]) for pair in edges.split()))


def card(found: Fit, name: str) -> FitCard:
    return next(each for each in found.cards if each.variable == name)


def drawn(seed: int, count: int) -> np.random.Generator:
    return np.random.default_rng([seed, count])


def test_a_straight_line_is_that_of_least_squares() -> None:
    source = drawn(0, 400)
    a, b = source.normal(size=400), source.normal(2.0, 3.0, size=400)
    switch = source.integers(0, 2, 400)
    c = 1.5 - 2 * a + 0.25 * b + 4 * switch + 0.7 * source.normal(size=400)
    graph = graph_of("a", "b", Variable(name="s", kind="binary"), "c", edges="ac bc sc")
    table = {"a": a, "b": b, "s": switch, "c": c}
    found = fit(graph, table, {"a": "linear_gaussian", "b": "linear_gaussian", "c": "linear_gaussian"}, seed=3)
    learned, checked, held_out = split(400, 3)
    rows = torch.cat([learned, checked]).numpy()
    design = np.stack([a, b, switch, np.ones(400)], axis=1)
    line, squares, _, _ = np.linalg.lstsq(design[rows], c[rows], rcond=None)
    mechanism = found.model.mechanisms["c"]
    assert isinstance(mechanism, LinearGaussian)
    assert mechanism.slopes is not None
    assert mechanism.slopes.numpy() == pytest.approx(line[:3], abs=1e-9)
    assert mechanism.intercept == pytest.approx(line[3], abs=1e-9)
    deviation = (squares[0] / (len(rows) - 4)) ** 0.5
    assert mechanism.deviation == pytest.approx(deviation, rel=1e-9)
    left = c[held_out.numpy()] - design[held_out.numpy()] @ line
    likely = -((left / deviation) ** 2) / 2 - np.log(deviation * np.sqrt(2 * np.pi))
    told = card(found, "c")
    assert told.held_out == pytest.approx(likely.mean())
    assert told.error == pytest.approx(likely.std(ddof=1) / len(left) ** 0.5)
    assert (told.rows, told.held_out_rows, told.parameters) == (len(rows), len(left), 5)
    assert told.alone < told.held_out - 0.5
    assert told.reason == "You chose it."
    assert all(each.p > 0.01 for each in told.dependence)
    assert len(set(learned.tolist() + checked.tolist() + held_out.tolist())) == 400


def test_what_is_straight_is_chosen_straight(few_steps: None) -> None:
    source = drawn(1, 2000)
    a = source.normal(size=2000)
    found = fit(graph_of("a", "b", edges="ab"), {"a": a, "b": 2 * a + source.normal(size=2000)})
    assert card(found, "b").kind == "linear_gaussian"
    assert "straight line" in card(found, "b").reason
    normality = card(found, "b").normality
    assert normality is not None
    assert normality.p > 0.01


def test_what_is_bent_is_not_and_a_line_would_be_found_out() -> None:
    source = drawn(2, 2000)
    a = source.uniform(-2, 2, size=2000)
    table = {"a": a, "b": a**2 + 0.1 * source.normal(size=2000)}
    graph = graph_of("a", "b", edges="ab")
    found = fit(graph, table)
    assert card(found, "b").kind == "additive"
    assert card(found, "b").dependence[0].p > 0.01
    line = card(fit(graph, table, {"b": "linear_gaussian"}), "b")
    assert line.dependence[0].p <= 0.01
    assert line.held_out < card(found, "b").held_out - 0.5


def test_noise_is_distributed_as_its_residuals_were() -> None:
    source = drawn(3, 3000)
    a = source.normal(size=3000)
    u = source.exponential(size=3000) - 1
    graph, table = graph_of("a", "b", edges="ab"), {"a": a, "b": np.sin(a) + u}
    found = fit(graph, table)
    assert card(found, "b").kind == "additive"
    assert card(found, "b").normality is None
    law = found.model.mechanisms["b"].noise(torch.linspace(0.05, 0.95, 10, dtype=torch.float64)[:, None])[:, 0]
    assert law.numpy() == pytest.approx(-np.log(1 - np.linspace(0.05, 0.95, 10)) - 1, abs=0.25)
    forced = card(fit(graph, table, {"b": "linear_gaussian"}), "b").normality
    assert forced is not None
    assert forced.p < 0.001
    assert forced.skewness > 1


def test_rounded_numbers_keep_their_distribution() -> None:
    """On a grid, an even distribution is an even one; no number between two steps is impossible."""
    steps = np.round(drawn(7, 6000).uniform(-30, 30, size=6000))
    found = fit(graph_of("a"), {"a": steps})
    assert card(found, "a").kind == "additive"
    none, between = torch.empty(121, 0).double(), torch.linspace(-29.5, 29.5, 121).double()
    likely = found.model.mechanisms["a"].log_prob(none, between).exp()
    assert likely.numpy() == pytest.approx(1 / 60, rel=0.4)
    turned = Variable(name="a", kind="cyclic", low=0.0, high=360.0)
    quarters = fit(graph_of(turned), {"a": 90.0 * drawn(8, 2000).integers(0, 4, size=2000)})
    assert torch.isfinite(quarters.model.sample(100, 0)["a"]).all()


def test_noise_that_does_more_than_add_up_makes_a_flow() -> None:
    source = drawn(4, 3000)
    a = source.uniform(-1, 1, size=3000)
    found = fit(graph_of("a", "b", edges="ab"), {"a": a, "b": a + np.exp(1.5 * a) * source.normal(size=3000)})
    assert card(found, "b").kind == "monotone"
    mechanism = found.model.mechanisms["b"]
    assert isinstance(mechanism, MonotoneFlow)
    # One deviation up, at three values of the cause: a + exp(1.5 a).
    at = torch.tensor([[-0.8], [0.0], [0.8]], dtype=torch.float64)
    up = mechanism.assign(at, torch.ones(3, 1, dtype=torch.float64)) - mechanism.assign(at, torch.zeros(3, 1).double())
    assert up.numpy() == pytest.approx(np.exp(1.5 * at[:, 0].numpy()), rel=0.2)


def test_a_floor_is_seen_and_does_not_bend_the_line() -> None:
    source = drawn(5, 3000)
    a = source.uniform(-1, 3, size=3000)
    b = np.maximum(2 * a + 0.5 * source.normal(size=3000), 1.0)
    found = fit(graph_of("a", "b", edges="ab"), {"a": a, "b": b}, widths=())
    mechanism = found.model.mechanisms["b"]
    assert isinstance(mechanism, Floored)
    assert (mechanism.floor, mechanism.ceiling) == (1.0, None)
    assert "% of its rows stand at its least value, 1" in card(found, "b").reason
    slope = float(mechanism.function.slopes) / mechanism.function.encoding.columns[0].scale
    assert slope == pytest.approx(2.0, abs=0.06)
    assert mechanism.deviation == pytest.approx(0.5, abs=0.03)
    assert np.polyfit(a, b, 1)[0] < 1.9  # what a fit gets that takes the floor for the sum


def test_cyclic_variables_and_levels(few_steps: None) -> None:
    source = drawn(6, 3000)
    a = source.uniform(0, 360, size=3000)
    b = (a + 90 + 15 * source.normal(size=3000)) % 360
    odds = 2 * np.cos(np.deg2rad(b))
    level = (source.uniform(size=3000) < 1 / (1 + np.exp(-odds))).astype(float)
    cyclic = [Variable(name=name, kind="cyclic", low=0.0, high=360.0) for name in "ab"]
    graph = graph_of(*cyclic, Variable(name="l", kind="binary"), edges="ab bl")
    found = fit(graph, {"a": a, "b": b, "l": level})
    turned, chosen = found.model.mechanisms["b"], found.model.mechanisms["l"]
    assert isinstance(turned, WrappedNoise)
    assert isinstance(chosen, Categorical)
    assert turned.deviation == pytest.approx(15, abs=1.5)
    at = torch.tensor([[10.0], [350.0]], dtype=torch.float64)
    mean = turned.assign(at, torch.zeros(2, 1, dtype=torch.float64))
    assert mean.numpy() == pytest.approx([100.0, 80.0], abs=5)
    likely = chosen.probabilities(torch.tensor([[0.0], [90.0], [180.0]], dtype=torch.float64))[:, 1]
    assert likely.numpy() == pytest.approx(1 / (1 + np.exp([-2.0, 0.0, 2.0])), abs=0.06)
    assert "one choice among many" in card(found, "l").reason
    assert card(found, "l").held_out > card(found, "l").alone
    root = found.model.mechanisms["a"]
    assert root.log_prob(torch.empty(4, 0).double(), torch.tensor([1.0, 100.0, 200.0, 359.0]).double()).exp().numpy() \
        == pytest.approx(1 / 360, rel=0.3)  # fmt: skip


def known() -> StructuralModel:
    """a uniform, b = sin 2a + .3 u, c = b² + a + .3 u."""
    graph = graph_of("a", "b", "c", edges="ab ac bc")
    return StructuralModel(
        graph,
        {
            "a": ClosedForm((), uniform_between(-2.0, 2.0)),
            "b": ClosedForm(
                ("a",),
                STANDARD_NORMAL,
                lambda p, u: (2 * p[:, 0]).sin() + 0.3 * u,
                lambda p, x: (x - (2 * p[:, 0]).sin()) / 0.3,
            ),
            "c": ClosedForm(
                ("a", "b"),
                STANDARD_NORMAL,
                lambda p, u: p[:, 1] ** 2 + p[:, 0] + 0.3 * u,
                lambda p, x: (x - p[:, 1] ** 2 - p[:, 0]) / 0.3,
            ),
        },
    )


def test_counterfactuals_of_a_fitted_model_are_those_of_the_truth() -> None:
    truth = known()
    rows = truth.sample(4000, 0)
    found = fit(truth.graph, {name: value.numpy() for name, value in rows.items()}, seed=1)
    tried = truth.sample(1000, 1)
    acts = {"a": Hard(truth.sample(1000, 2)["a"])}
    true, ours = truth.counterfactual(tried, acts), found.model.counterfactual(tried, acts)
    # Held against their noise (.3) and against what noise set to 0 would give.
    bare = found.model.predict({name: torch.zeros(1000, 1).double() for name in "abc"}, acts)
    for name in "bc":
        error = float((ours[name] - true[name]).square().mean().sqrt())
        assert error < 0.1 * float(rows[name].std())
        assert error < 0.4 * float((bare[name] - true[name]).square().mean().sqrt())


def test_a_fit_of_pendulum_knows_its_floor_and_its_noise(tmp_path: Path) -> None:
    """Errors of counterfactuals in standard deviations of the variable, far below what setting the noise to
    0 would give (.07 of length, .06 of position)."""
    truth = all_worlds()["pendulum"].model
    rows = truth.sample(6000, 0)
    found = fit(truth.graph, {name: value.numpy() for name, value in rows.items()})
    assert [each.kind for each in found.cards] == ["additive", "additive", "floored", "additive"]
    path = tmp_path / "causes.safetensors"
    model_file.save(found.model, path, found.cards)
    model = model_file.load(path)
    assert model_file.fits_in(path) == found.cards
    tried = truth.sample(1500, 1)
    for cause in ("angle", "light"):
        acts = {cause: Hard(truth.sample(1500, 2)[cause])}
        true, ours = truth.counterfactual(tried, acts), model.counterfactual(tried, acts)
        for name in ("shadow_length", "shadow_position"):
            assert torch.equal(true[name].isnan(), ours[name].isnan())
            known = ~true[name].isnan()
            error = (ours[name] - true[name])[known] / rows[name].std()
            assert int(known.sum()) >= 500
            assert float(error.square().mean().sqrt()) < 0.03


def test_the_same_seed_gives_the_same_model_and_progress_ends_at_one(few_steps: None) -> None:
    rows = known().sample(400, 0)
    table = {name: value.numpy() for name, value in rows.items()}
    shares: list[float] = []
    first = fit(known().graph, table, seed=5, progress=shares.append)
    second = fit(known().graph, table, seed=5)
    assert torch.equal(first.model.log_prob(rows), second.model.log_prob(rows))
    assert [each.held_out for each in first.cards] == [each.held_out for each in second.cards]
    assert not torch.equal(first.model.log_prob(rows), fit(known().graph, table, seed=6).model.log_prob(rows))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 10


def test_a_fit_can_be_stopped() -> None:
    def stop(share: float) -> None:
        if share > 0.5:
            raise Cancelled

    table = {name: value.numpy() for name, value in known().sample(400, 0).items()}
    with pytest.raises(Cancelled):
        fit(known().graph, table, progress=stop)


def test_labels_may_be_written_out(few_steps: None) -> None:
    colour = Variable(name="c", kind="category", labels=("red", "blue"))
    labels = np.array(["red", "blue", "blue", "red"] * 20)
    written = fit(graph_of(colour), {"c": labels, "other": labels})
    counted = fit(graph_of(colour), {"c": (labels == "blue").astype(int)})
    none = torch.empty(2, 0, dtype=torch.float64)
    levels = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert torch.equal(written.model.mechanisms["c"].log_prob(none, levels),
                       counted.model.mechanisms["c"].log_prob(none, levels))  # fmt: skip


def good(count: int = 60) -> dict[str, Any]:
    source = drawn(9, count)
    return {"a": source.normal(size=count), "b": source.uniform(size=count), "l": np.arange(count) % 3}


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], dict[str, str], str]] = {
    "no column": (lambda t: t.pop("b"), {}, "no column 'b'; it has a, l"),
    "lengths": (lambda t: t.update(b=t["b"][:-1]), {}, r"different numbers of rows \('a' 60, 'b' 59"),
    "two numbers": (lambda t: t.update(b=np.zeros((60, 2))), {}, "several numbers a row"),
    "no rows": (lambda t: t.update(a=[], b=[], l=[]), {}, "nothing to learn of"),
    "few rows": (lambda t: t.update({k: v[:6] for k, v in t.items()}), {}, "6 rows are too few"),
    "missing": (lambda t: t["a"].__setitem__([4, 7], np.nan), {}, "no value in 2 of 60 rows .the first is row 5"),
    "empty text": (lambda t: t.update(a=["1.5", "", *map(str, range(58))]), {}, "no value in 1 of 60 rows"),
    "none": (lambda t: t.update(a=[1.5, None, *range(58)]), {}, "no value in 1 of 60 rows .the first is row 2"),
    "infinite": (lambda t: t["a"].__setitem__(3, np.inf), {}, "In row 4, 'a' cannot be set to inf"),
    "constant": (lambda t: t["a"].fill(2.5), {}, "'a' is 2.5 in every row"),
    "range": (lambda t: t["b"].__setitem__(9, 1.5), {}, "In row 10, 'b' cannot be 1.5; it goes from 0 to 1"),
    "level": (lambda t: t["l"].__setitem__(0, 3), {}, r"In row 1, 'l' cannot be 3; it is one of 0 \(p\)"),
    "half a level": (lambda t: t.update(l=t["l"] + 0.5), {}, "'l' cannot be 0.5"),
    "text": (lambda t: t.update(a=["x"] * 60), {}, "In row 1, 'a' is 'x', where a number belongs"),
    "label": (lambda t: t.update(l=["p", "q", "no"] * 20), {}, "'l' is 'no', where one of p, q, r belongs"),
    "dates": (lambda t: t.update(a=np.arange(60).astype("datetime64[D]")), {}, "'a' holds no numbers"),
    "unseen level": (lambda t: t.update(l=np.arange(60) % 2), {}, "'l' is 'r' in no row"),
    "unknown kind": (lambda t: None, {"a": "oracle"}, "no kind of mechanism 'oracle' to fit to 'a'"),
    "closed form": (lambda t: None, {"a": "closed_form"}, "no kind of mechanism 'closed_form'"),
    "unknown variable": (lambda t: None, {"z": "additive"}, "no variable 'z'"),
    "a line of levels": (lambda t: None, {"l": "linear_gaussian"}, "'l' is a category, which a straight line"),
    "levels of a number": (lambda t: None, {"a": "categorical"}, "'a' has no levels"),
    "a turned number": (lambda t: None, {"a": "wrapped"}, "'a' is not cyclic"),
    "no floor": (lambda t: None, {"b": "floored"}, "Too few rows of 'b' stand at its least"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_table_or_a_kind_is_one_sentence(fault: str) -> None:
    change, kinds, sentence = FAULTS[fault]
    labels = Variable(name="l", kind="category", labels=("p", "q", "r"))
    graph = graph_of("a", Variable(name="b", low=0.0, high=1.0), labels, edges="ab bl")
    table = good()
    change(table)
    with pytest.raises(CausalError, match=sentence) as caught:
        fit(graph, table, kinds)
    assert "\n" not in str(caught.value)


def test_fewer_rows_than_parameters_are_refused(few_steps: None) -> None:
    table = good()
    graph = graph_of("a", "b", edges="ab")
    with pytest.raises(CausalError, match=r"51 rows to learn 'b' of, and additive noise has 1155 parameters"):
        fit(graph, table, {"b": "additive"}, widths=(32, 32))
    assert card(fit(graph, table, {"b": "additive"}), "b").parameters <= 51 / 2
    names = [f"x{index}" for index in range(12)]
    wide = CausalGraph(
        variables=tuple(Variable(name=name) for name in (*names, "y")), edges=tuple((name, "y") for name in names)
    )
    source = drawn(0, 14)
    few = {name: source.normal(size=14) for name in wide.names}
    with pytest.raises(CausalError, match="12 rows to learn 'y' of, and a straight line with normal noise has 14"):
        fit(wide, few)
