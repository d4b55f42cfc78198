"""What every kind of mechanism must hold to, with random numbers in it, and models of them on random graphs."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mechanisms_at_random import KINDS, apart, causes_of, mechanism_of, random_model, uniforms_of, variable_of

from explorer.causal.base import Fitted, Mechanism, Values
from explorer.causal.interventions import Hard, Shift
from explorer.causal.model import StructuralModel
from explorer.causal.registry import fitted_kinds
from explorer.scene.causal_graph import CausalGraph, Variable

SEEDS = st.integers(0, 10_000)
CAUSES = (
    Variable(name="n"),
    Variable(name="c", kind="cyclic", low=0.0, high=360.0),
    Variable(name="b", kind="binary"),
    Variable(name="l", kind="category", labels=("p", "q", "r")),
)
CHOSEN = st.lists(st.sampled_from(CAUSES), unique=True, max_size=4)
ROWS = 40
many = settings(max_examples=25, deadline=None)


def test_the_laws_are_tried_on_every_kind_that_is_fitted() -> None:
    assert {mechanism_of(kind, (), 0).kind for kind in KINDS} == set(fitted_kinds())


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, CHOSEN)
@many
def test_noise_gives_its_value_and_the_value_its_noise(kind: str, seed: int, causes: list[Variable]) -> None:
    mechanism, parents = mechanism_of(kind, causes, seed), causes_of(causes, ROWS, seed)
    noise = mechanism.noise(uniforms_of(ROWS, mechanism.noise_width, seed))
    value = mechanism.assign(parents, noise)
    period = variable_of(kind, "x").period
    abducted = mechanism.abduct(parents, value)
    unique = ~abducted.isnan().any(dim=1)
    assert torch.allclose(abducted[unique], noise[unique], atol=1e-7, rtol=1e-7)
    again = mechanism.assign(parents, abducted)
    assert apart(again[unique], value[unique], period).le(1e-9 * (1 + value[unique].abs())).all()
    assert again[~unique].isnan().all()
    drawn = mechanism.posterior(parents, value, uniforms_of(ROWS, mechanism.noise_width, seed + 1))
    assert torch.equal(drawn[unique], abducted[unique])
    hidden = mechanism.assign(parents, drawn)
    assert torch.equal(hidden[~unique], value[~unique])
    assert isinstance(mechanism, Fitted)
    assert unique.all() or not mechanism.invertible
    if mechanism.noise_width > 1:
        assert not unique.any()


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, st.sampled_from((1e-12, 1e-9, 0.5, 1 - 1e-12)))
@many
def test_the_posterior_gives_the_value_at_the_ends_of_chance_too(kind: str, seed: int, uniform: float) -> None:
    mechanism, parents = mechanism_of(kind, CAUSES[:1], seed), 30 * causes_of(CAUSES[:1], ROWS, seed)
    value = mechanism.assign(parents, mechanism.noise(uniforms_of(ROWS, mechanism.noise_width, seed)))
    drawn = mechanism.posterior(parents, value, torch.full((ROWS, mechanism.noise_width), uniform, dtype=torch.float64))
    assert drawn.isfinite().all()
    off = apart(mechanism.assign(parents, drawn), value, variable_of(kind, "x").period)
    assert off.le(1e-8 * (1 + value.abs())).all()
    hidden = mechanism.abduct(parents, value).isnan().any(dim=1)
    assert off[hidden].eq(0).all()


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, CHOSEN)
@many
def test_no_number_in_gives_no_number_out(kind: str, seed: int, causes: list[Variable]) -> None:
    mechanism, parents = mechanism_of(kind, causes, seed), causes_of(causes, ROWS, seed)
    noise = mechanism.noise(uniforms_of(ROWS, mechanism.noise_width, seed))
    value = mechanism.assign(parents, noise)
    assert not value.isnan().any()
    unknown = noise.clone()
    unknown[::2, seed % mechanism.noise_width] = torch.nan
    assert mechanism.assign(parents, unknown)[::2].isnan().all()
    for column in range(len(causes)):
        missing = parents.clone()
        missing[::2, column] = torch.nan
        assert mechanism.assign(missing, noise)[::2].isnan().all()
        assert torch.equal(mechanism.assign(missing, noise)[1::2].isnan(), value[1::2].isnan())
        assert mechanism.log_prob(missing, value)[::2].isnan().all()
    value[::2] = torch.nan
    uniform = uniforms_of(ROWS, mechanism.noise_width, seed)
    assert mechanism.posterior(parents, value, uniform)[::2].isnan().all()
    assert mechanism.log_prob(parents, value)[::2].isnan().all()


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, CHOSEN)
@settings(max_examples=10, deadline=None)
def test_a_batch_equals_its_rows_and_other_dtypes_follow(kind: str, seed: int, causes: list[Variable]) -> None:
    mechanism, parents = mechanism_of(kind, causes, seed), causes_of(causes, 6, seed)
    noise = mechanism.noise(uniforms_of(6, mechanism.noise_width, seed))
    value = mechanism.assign(parents, noise)
    rows = [mechanism.assign(parents[i : i + 1], noise[i : i + 1]) for i in range(6)]
    assert torch.allclose(torch.cat(rows), value, atol=1e-9)
    logs = [mechanism.log_prob(parents[i : i + 1], value[i : i + 1]) for i in range(6)]
    assert torch.allclose(torch.cat(logs), mechanism.log_prob(parents, value), atol=1e-9)
    small = mechanism.assign(parents.float(), noise.float())
    assert small.dtype == torch.float32
    if not mechanism.noise_width > 1:
        assert apart(small.double(), value, variable_of(kind, "x").period).le(1e-3 * (1 + value.abs())).all()
    assert mechanism.log_prob(parents.float(), value.float()).dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, CHOSEN)
@settings(max_examples=10, deadline=None)
def test_a_file_keeps_every_bit(kind: str, seed: int, causes: list[Variable]) -> None:
    mechanism, parents = mechanism_of(kind, causes, seed), causes_of(causes, ROWS, seed)
    back = type(mechanism).restore(mechanism.parents, mechanism.tensors(), mechanism.parameters())
    assert isinstance(back, Fitted)
    uniform = uniforms_of(ROWS, mechanism.noise_width, seed)
    value = mechanism.assign(parents, mechanism.noise(uniform))
    assert torch.equal(back.assign(parents, back.noise(uniform)), value)
    assert torch.equal(back.log_prob(parents, value), mechanism.log_prob(parents, value))
    for name in mechanism.tensors():
        with pytest.raises((KeyError, ValueError)):
            type(mechanism).restore(
                mechanism.parents, {**mechanism.tensors(), name: torch.zeros(2, 3, 7)}, mechanism.parameters()
            )


def masses(mechanism: Mechanism, parents: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """The probability of what lies between each two of ``edges``, by Simpson's rule on :meth:`log_prob`."""
    points = torch.stack([edges[:-1] + share * edges.diff() for share in torch.linspace(0, 1, 401).double()])
    inner = points.clamp(edges[0] + 1e-9, edges[-1] - 1e-9).reshape(-1)
    log = mechanism.log_prob(parents.expand(len(inner), -1), inner).reshape(points.shape)
    weights = torch.ones(401, dtype=torch.float64)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return (log.exp() * weights[:, None]).sum(dim=0) * edges.diff() / 1200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_probabilities_sum_to_one_and_are_those_of_what_comes_about(kind: str, seed: int) -> None:
    causes = CAUSES[: seed + 1]
    mechanism, parents = mechanism_of(kind, causes, seed), causes_of(causes, 1, seed)
    rows = 20_000
    value = mechanism.assign(parents.expand(rows, -1), mechanism.noise(uniforms_of(rows, mechanism.noise_width, seed)))
    atoms = torch.tensor({"categorical": [0, 1, 2], "binary": [0, 1], "floored": [-0.3],
                          "floored and ceiled": [-0.3, 0.4]}.get(kind, []), dtype=torch.float64)  # fmt: skip
    likely = mechanism.log_prob(parents.expand(len(atoms), -1), atoms).exp()
    seen = (value[:, None] == atoms).double().mean(dim=0)
    assert torch.allclose(likely, seen, atol=0.015)
    total = float(likely.sum())
    between = value[(value[:, None] != atoms).all(dim=1)]
    if mechanism.noise_width == 1:
        if kind.startswith("wrapped"):
            edges = torch.linspace(-90.0, 270.0, 801).double()
        else:
            reach = 0.4 if kind == "floored and ceiled" else float(value.max()) + 20 * float(value.std())
            low = -0.3 if kind.startswith("floored") else float(value.min()) - 20 * float(value.std())
            edges = torch.linspace(low, reach, 801).double()
        mass = masses(mechanism, parents, edges)
        total += float(mass.sum())
        shares = torch.histc(between, 800, float(edges[0]), float(edges[-1])) / rows
        assert (mass.cumsum(0) - shares.cumsum(0)).abs().max() < 0.015
    assert total == pytest.approx(1.0, abs=2e-3)


def test_a_level_that_is_not_there_has_no_noise_and_no_probability() -> None:
    none = torch.empty(1, 0, dtype=torch.float64)
    uniform = torch.full((1, 3), 0.5, dtype=torch.float64)
    for value in (3.0, 0.5):
        mechanism = mechanism_of("categorical", (), 1)
        outside = torch.tensor([value], dtype=torch.float64)
        assert mechanism.log_prob(none, outside).item() == -torch.inf
        assert mechanism.posterior(none, outside, uniform[:, : mechanism.noise_width]).isnan().all()


@pytest.mark.parametrize(("kind", "value", "end"), [("floored", -0.4, -0.3), ("floored and ceiled", 0.5, 0.4)])
def test_a_value_beyond_an_end_is_impossible_and_has_the_noise_of_the_end(kind: str, value: float, end: float) -> None:
    """Mixtures of points hold such values: what is drawn of them is the end."""
    none = torch.empty(200, 0, dtype=torch.float64)
    uniform = torch.linspace(0.001, 0.999, 200, dtype=torch.float64)[:, None]
    mechanism = mechanism_of(kind, (), 1)
    outside = torch.full((200,), value, dtype=torch.float64)
    assert (mechanism.log_prob(none, outside) == -torch.inf).all()
    noise = mechanism.posterior(none, outside, uniform)
    assert torch.equal(noise, mechanism.posterior(none, torch.full_like(outside, end), uniform))
    assert (mechanism.assign(none, noise) == end).all()


def equal(a: Values, b: Values) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def some_values(model: StructuralModel, name: str, rows: int, seed: int) -> torch.Tensor:
    return causes_of([model.graph.variable(name)], rows, seed)[:, 0]


@given(SEEDS, st.integers(1, 7), SEEDS)
@settings(max_examples=60, deadline=None)
def test_setting_what_was_observed_changes_no_bit(seed: int, count: int, which: int) -> None:
    model = random_model(seed, count)
    rows = model.sample(20, seed)
    name = model.graph.names[which % count]
    acts = {name: Hard(rows[name])}
    assert equal(model.counterfactual(rows, acts), rows)
    drawn = model.posterior(rows, model.uniforms(20, seed + 1))
    assert equal(model.predict(drawn, acts, rows), rows)
    assert equal(model.counterfactual(rows, {}), rows)


@given(SEEDS, st.integers(2, 7), SEEDS)
@settings(max_examples=60, deadline=None)
def test_do_moves_its_descendants_alone_and_can_be_undone(seed: int, count: int, which: int) -> None:
    model = random_model(seed, count)
    rows = model.sample(20, seed)
    name = model.graph.names[which % count]
    noises = model.posterior(rows, model.uniforms(20, seed + 2))
    acted = model.predict(noises, {name: Hard(some_values(model, name, 20, which))}, rows)
    assert not any(values.isnan().any() for values in acted.values())
    below = model.graph.descendants([name])
    for other in set(model.graph.names) - below:
        assert torch.equal(acted[other], rows[other])
    # do(v') and then do(v): the noises of the new rows are those of the old.
    back = model.predict(noises, {name: Hard(rows[name])}, rows)
    assert equal(back, rows)
    unhidden = [kind for kind in KINDS if mechanism_of(kind, (), 0).noise_width == 1 and "floored" not in kind]
    model = random_model(seed, count, unhidden)
    rows = model.sample(20, seed)
    there = model.counterfactual(rows, {name: Hard(some_values(model, name, 20, which))})
    home = model.counterfactual(there, {name: Hard(rows[name])})
    for other in model.graph.names:
        off = apart(home[other], rows[other], model.graph.variable(other).period)
        assert off.le(1e-6 * (1 + rows[other].abs())).all()


@given(SEEDS, st.integers(3, 6))
@settings(max_examples=30, deadline=None)
def test_a_chain_reaches_its_end(seed: int, count: int) -> None:
    """Each variable is the sum of the one before and noise, or what a perceptron makes of it."""
    names = [f"v{index}" for index in range(count)]
    graph = CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=tuple(itertools.pairwise(names)))
    kinds = ("linear_gaussian", "additive", "monotone")
    mechanisms = {
        name: mechanism_of(
            kinds[(seed + index) % 3], [graph.variable(parent) for parent in graph.parents(name)], seed + index
        )
        for index, name in enumerate(names)
    }
    model = StructuralModel(graph, mechanisms)
    rows = model.sample(20, seed)
    after = model.counterfactual(rows, {names[0]: Hard(rows[names[0]] + 1.0)})
    assert all((after[name] != rows[name]).all() for name in names)
    leaf = model.counterfactual(rows, {names[-1]: Hard(0.25)})
    assert equal({name: leaf[name] for name in names[:-1]}, {name: rows[name] for name in names[:-1]})


@given(SEEDS, st.integers(2, 7), SEEDS)
@settings(max_examples=60, deadline=None)
def test_rows_that_are_set_to_what_they_were_stay_beside_rows_that_move(seed: int, count: int, which: int) -> None:
    """Of two variables, each in some rows only: the others come out as they do alone."""
    model = random_model(seed, count)
    rows = model.sample(24, seed)
    names = {model.graph.names[which % count], model.graph.names[(which // 7) % count]}
    acts = {}
    for index, name in enumerate(sorted(names)):
        value = some_values(model, name, 24, which)
        keeps = torch.arange(24) % (2 + index) == 0
        acts[name] = Hard(torch.where(keeps, rows[name], value))
    noises = model.posterior(rows, model.uniforms(24, seed + 3))
    together = model.predict(noises, acts, rows)
    same = torch.stack([act.value == rows[name] for name, act in acts.items()]).all(dim=0)
    assert same[::6].all()
    for name in model.graph.names:
        assert torch.equal(together[name][same], rows[name][same])
        for row in range(24):
            alone = model.predict(
                {key: noise[row : row + 1] for key, noise in noises.items()},
                {key: Hard(act.value[row : row + 1]) for key, act in acts.items()},
                {key: values[row : row + 1] for key, values in rows.items()},
            )
            assert torch.allclose(alone[name], together[name][row : row + 1], atol=1e-9, rtol=1e-9)


@given(SEEDS, st.integers(2, 7), SEEDS)
@settings(max_examples=60, deadline=None)
def test_what_has_all_its_causes_as_they_were_stays_whatever_its_noise(seed: int, count: int, which: int) -> None:
    model = random_model(seed, count)
    rows = model.sample(20, seed)
    name = model.graph.names[which % count]
    held = {child: Hard(rows[child]) for child in model.graph.children(name)}
    acts = {name: Hard(some_values(model, name, 20, which)), **held}
    after = model.counterfactual(rows, acts)  # noise that is not unique is NaN here, and must not matter
    assert equal({other: after[other] for other in after if other != name}, {other: rows[other] for other in rows
                                                                             if other != name})  # fmt: skip


def test_a_shift_that_leaves_the_causes_alone_has_one_slope() -> None:
    graph = CausalGraph(
        variables=(Variable(name="a"), Variable(name="b"), Variable(name="c")), edges=(("a", "b"), ("b", "c"))
    )
    model = StructuralModel(
        graph, {name: mechanism_of("additive", [graph.variable(p) for p in graph.parents(name)], 3) for name in "abc"}
    )
    rows = model.sample(4, 0)
    by = torch.full((4,), 0.5, dtype=torch.float64, requires_grad=True)
    after = model.counterfactual(rows, {"b": Shift(by)})
    assert torch.equal(after["b"].detach(), rows["b"] + 0.5)
    (slope,) = torch.autograd.grad(after["b"].sum(), by)
    assert torch.equal(slope, torch.ones(4, dtype=torch.float64))
