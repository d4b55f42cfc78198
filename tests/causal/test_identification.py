"""Identification against brute force: formulas against models whose hidden causes are known, the verdict against the
directions in which a model may move without anything observed moving; sets against all sets; the textbook's cases."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from discrete_models import DiscreteModel
from every_graph import EveryPath, every_graph, graph_of, some_graphs, subsets

from explorer.causal import identification
from explorer.causal.estimand import Observed, Term
from explorer.causal.evaluation import evaluated
from explorer.causal.general_identification import hedges, identified_by
from explorer.causal.identification import (
    Instrument,
    backdoor_fault,
    backdoor_sets,
    frontdoor_sets,
    identify,
    instruments,
)
from explorer.causal.separation import projected
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable

GRAPHS = [
    *every_graph(2, with_hidden=True),
    *every_graph(3, with_hidden=True),
    *some_graphs(4, 120, seed=1),
    *some_graphs(4, 60, seed=2, hidden_share=0.6),
]
SMALL = list(every_graph(4, with_hidden=True))[::4]


def _value(term: Term, graph: CausalGraph, joint: np.ndarray, cause: str, effect: str) -> np.ndarray:
    """(levels of the cause, levels of the effect)"""
    names = graph.names
    values = np.broadcast_to(
        evaluated(term, names, joint), [2 if name in (cause, effect) else 1 for name in names]
    ).reshape(2, 2)
    return values if names.index(cause) < names.index(effect) else values.T


def test_every_formula_gives_the_effect_of_a_model_whose_hidden_causes_are_known() -> None:
    ways = dict.fromkeys(["no effect", "back-door", "front-door", "formula", "none"], 0)
    generator = torch.Generator().manual_seed(3)
    for graph in [*GRAPHS, *some_graphs(5, 40, seed=5)]:
        model = DiscreteModel(graph)
        numbers = torch.randn(model.count, generator=generator, dtype=torch.float64)
        joint = model.observed(numbers).numpy()
        for cause, effect in permutations(graph.names, 2):
            answer = identify(graph, cause, effect)
            ways[answer.way] += 1
            general = identified_by(graph, cause, effect)
            assert (general is None) == (answer.estimand is None) == (answer.way == "none")
            for term in (answer.estimand, general):
                if term is not None:
                    truth = model.after(numbers, cause, effect).numpy()
                    assert np.abs(_value(term, graph, joint, cause, effect) - truth).max() < 1e-9, (graph, term)
    assert min(ways.values()) >= 2, ways


def test_an_effect_is_identified_exactly_where_nothing_can_move_it_that_leaves_what_is_observed() -> None:
    """The effect's gradient, in all numbers of a random model, lies in the span of those of what is observed."""
    generator = torch.Generator().manual_seed(4)
    verdicts = {True: 0, False: 0}
    for graph in GRAPHS:
        model = DiscreteModel(graph)
        numbers = torch.randn(model.count, generator=generator, dtype=torch.float64)
        observed = torch.autograd.functional.jacobian(lambda some, of=model: of.observed(some).flatten(), numbers)
        _, sizes, directions = torch.linalg.svd(observed, full_matrices=False)
        span = directions[sizes > 1e-10 * sizes[0]]
        for cause, effect in permutations(graph.names, 2):
            gradient = torch.autograd.functional.jacobian(
                lambda some, of=model, a=cause, b=effect: of.after(some, a, b).flatten(), numbers
            )
            outside = (gradient - gradient @ span.T @ span).norm() / gradient.norm().clamp(min=1e-12)
            identified = identify(graph, cause, effect).way != "none"
            assert identified == (float(outside) < 1e-6), (graph, cause, effect, float(outside))
            verdicts[identified] += 1
    assert min(verdicts.values()) > 100, verdicts


@pytest.mark.parametrize(
    ("text", "way", "sets"),
    [
        ("x>y", "back-door", [()]),
        ("u>x u>y x>y", "back-door", [("u",)]),
        ("a>x a>m b>m b>y x>y", "back-door", [()]),  # M-bias
        ("a>x a>m b>m b>y x>y m>x m>y", "back-door", [("b", "m"), ("a", "m")]),  # butterfly bias
        ("z>x x>y x-y", "none", []),  # an instrument
        ("x>m m>y x-y", "front-door", []),
        ("w>r r>x x>y w-x w-y", "formula", []),  # napkin
        ("x>y x-y", "none", []),  # the bow
        ("y>x", "no effect", []),
    ],
)
def test_the_cases_of_the_textbook(text: str, way: str, sets: list[tuple[str, ...]]) -> None:
    graph = graph_of(text)
    answer = identify(graph, "x", "y")
    assert answer.way == way
    assert list(backdoor_sets(graph, "x", "y")) == sets, "that nearest to the effect first"
    assert answer.adjust == (sets[0] if sets else ())


def test_what_identifies_an_effect_is_said() -> None:
    assert identify(graph_of("z>x z>y x>y"), "x", "y").formula == "P(y | do(x)) = Σ_{z} P(y | x, z) P(z)"
    front = identify(graph_of("x>m m>y x-y"), "x", "y")
    assert front.through == ("m",)
    assert front.formula == "P(y | do(x)) = Σ_{m} P(m | x) Σ_{x'} P(y | x', m) P(x')"
    assert "passes through 'm' (front-door)" in front.sentence
    napkin = identify(graph_of("w>r r>x x>y w-x w-y"), "x", "y")
    assert "Σ_{w} P(w) P(x | w, r) P(y | w, r, x)" in napkin.formula
    assert napkin.formula in napkin.sentence
    assert identify(graph_of("y>x"), "x", "y").sentence == (
        "'x' does not cause 'y' in this graph; setting it changes nothing there."
    )
    assert identify(graph_of("y>x"), "x", "y").estimand == Observed(("y",))


def test_an_effect_that_is_not_identified_says_why_and_what_to_measure() -> None:
    bow = identify(graph_of("z>x x>y x-y"), "x", "y")
    assert (bow.walk, bow.measure, bow.instruments) == ("x ↔ y", (("x", "y"),), (Instrument("z"),))
    assert bow.sentence == (
        "The effect of 'x' on 'y' is not identified: nothing closes x ↔ y; measure what 'x' and 'y' have in common, "
        "and it is ('z' is an instrument: it bounds the effect)."
    )
    hidden = identify(graph_of("u>x u>y x>y"), "x", "y", hidden=["u"])
    assert hidden.measure == (("u",),)
    assert "measure 'u', and it is" in hidden.sentence
    either = identify(graph_of("x>y a-x a-y a>x a>y"), "x", "y")
    assert len(either.measure) == 1, "one of the two hidden causes is enough"


def test_of_very_many_hidden_causes_it_is_not_said_which() -> None:
    tangle = " ".join(f"v{i:02}-v{j:02} v{i:02}>v{j:02}" for i in range(12) for j in range(i + 1, 12))  # 66 pairs
    answer = identify(graph_of(tangle), "v00", "v11")
    assert (answer.way, answer.measure) == ("none", ())
    assert answer.sentence.endswith("nothing closes v00 ↔ v11; measure some of what is hidden.")


def test_what_is_to_be_measured_is_enough_and_has_none_to_spare() -> None:
    asked = 0
    for graph in some_graphs(4, 150, seed=6, hidden_share=0.6):
        for cause, effect in permutations(graph.names, 2):
            answer = identify(graph, cause, effect)
            if answer.way != "none":
                continue
            asked += 1
            for measured in (
                answer.measure,
                *(answer.measure[:i] + answer.measure[i + 1 :] for i in range(len(answer.measure))),
            ):
                text = [f"{a}>{b}" for a, b in graph.edges]
                text += [f"{a}{b}>{a} {a}{b}>{b}" if (a, b) in measured else f"{a}-{b}" for a, b in graph.confounded]
                known = identify(graph_of(" ".join(text)), cause, effect)
                assert (known.way != "none") == (measured == answer.measure)
    assert asked > 100


def test_back_door_sets_are_all_that_the_criterion_lets_through() -> None:
    for graph in [*SMALL, *some_graphs(5, 80, seed=7)]:
        cause, effect = graph.order[1], graph.order[-1]
        cut = CausalGraph(
            variables=graph.variables,
            edges=tuple(pair for pair in graph.edges if pair[0] != cause),
            confounded=graph.confounded,
        )
        truth, below = EveryPath(cut), graph.descendants([cause])
        others = [name for name in graph.names if name not in (cause, effect)]
        fit = []
        for names in subsets(others):
            good = not set(names) & below and not EveryPath.is_open(truth.paths(cause, effect), truth.mask(names))
            assert good == (backdoor_fault(graph, cause, effect, names) == "")
            if good:
                fit.append(set(names))
        smallest = [names for names in fit if not any(other < names for other in fit)]
        assert sorted(map(sorted, backdoor_sets(graph, cause, effect))) == sorted(map(sorted, smallest))


def test_front_door_sets_are_all_that_the_criterion_lets_through() -> None:
    amount = 0
    for graph in [*SMALL, *some_graphs(5, 80, seed=8)]:
        cause, effect = graph.order[0], graph.order[-1]
        fit = [set(names) for names in subsets(graph.names) if names and _front_door(graph, cause, effect, names)]
        smallest = [names for names in fit if not any(other < names for other in fit)]
        assert sorted(map(sorted, frontdoor_sets(graph, cause, effect))) == sorted(map(sorted, smallest))
        amount += len(smallest)
    assert amount > 20


def _front_door(graph: CausalGraph, cause: str, effect: str, names: tuple[str, ...]) -> bool:
    """Pearl's definition 3.3.3, path by path."""
    if cause in names or effect in names or effect not in graph.descendants([cause]):
        return False
    ways = [[cause]]
    for way in ways:
        if way[-1] == effect and not set(way) & set(names):
            return False
        ways += [[*way, child] for child in graph.children(way[-1])]

    def shut(first: str, last: str, fixed: tuple[str, ...], cut: tuple[str, ...]) -> bool:
        left = tuple(pair for pair in graph.edges if pair[0] not in cut)
        truth = EveryPath(CausalGraph(variables=graph.variables, edges=left, confounded=graph.confounded))
        return not EveryPath.is_open(truth.paths(first, last), truth.mask(fixed))

    before = all(shut(cause, name, (), (cause,)) for name in names)
    return before and all(shut(name, effect, (cause,), names) for name in names)


def test_a_set_that_does_not_do_says_why() -> None:
    graph = graph_of("u>x u>y x>m m>y")
    assert backdoor_fault(graph, "x", "y", ["u"]) == ""
    assert "x ← u → y stays open" in backdoor_fault(graph, "x", "y", [])
    assert "'m' is an effect of 'x'" in backdoor_fault(graph, "x", "y", ["u", "m"])
    assert "'y' is what is asked about" in backdoor_fault(graph, "x", "y", ["y"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z>x x>y x-y", [Instrument("z")]),
        ("z-x x>y x-y", [Instrument("z")]),
        ("z>x x>y x-y w>z w>y", [Instrument("z", ("w",))]),  # only where w is held
        ("z>x x>y x-y z>y", []),  # has another way to the effect
        ("z>x x>m m>y x-y m-y", [Instrument("z")]),
        ("x>z x>y x-y", []),  # what the cause does is no instrument
        ("z>w x>y x-y", []),  # does not move the cause
    ],
)
def test_instruments(text: str, expected: list[Instrument]) -> None:
    assert list(instruments(graph_of(text), "x", "y")) == expected


def test_what_never_occurs_counts_only_where_it_is_needed() -> None:
    adjusted = identify(graph_of("z>x z>y x>y"), "x", "y").estimand
    assert adjusted is not None
    joint = np.array([[[0.2, 0.3], [0.1, 0.4]], [[0.0, 0.0], [0.0, 0.0]]])  # x = 1 never occurs
    assert np.isnan(evaluated(adjusted, ("x", "y", "z"), joint)[1]).all()
    never = np.zeros((2, 2, 3))
    never[:, :, :2] = np.array([[[0.1, 0.2], [0.1, 0.1]], [[0.2, 0.1], [0.1, 0.1]]])  # z = 2 never occurs
    value = evaluated(adjusted, ("x", "y", "z"), never)
    assert np.allclose(value[0, 0], 0.5 * 0.5 + 0.5 * 2 / 3)


def test_questions_without_an_answer_are_one_sentence() -> None:
    graph = graph_of("u>x u>y x>y")
    with pytest.raises(CausalError, match="'x' has no effect on itself"):
        identify(graph, "x", "x")
    with pytest.raises(CausalError, match="no variable 'q'"):
        backdoor_sets(graph, "x", "q")
    with pytest.raises(CausalError, match="'x' is not measured"):
        identify(graph, "x", "y", hidden=["x"])
    with pytest.raises(CausalError, match="no variable 'q'"):
        identify(graph, "x", "y", hidden=["q"])


def test_what_is_to_be_measured_is_what_trying_every_set_finds() -> None:
    """Hidden variables and hidden causes together, every candidate written out as a variable of its own."""
    measured_pairs = measured_variables = 0
    for graph in some_graphs(5, 120, seed=9, hidden_share=0.4):
        cause, effect, hidden = graph.order[1], graph.order[-1], graph.order[0]
        answer = identify(graph, cause, effect, [hidden])
        if answer.way != "none" or len(answer.measure) > 2:
            continue
        unknown = [(hidden,), *graph.confounded]
        full = CausalGraph(
            variables=(*graph.variables, *(Variable(name="".join(pair)) for pair in graph.confounded)),
            edges=(*graph.edges, *(("".join(pair), name) for pair in graph.confounded for name in pair)),
        )
        few = (some for size in (1, 2) for some in combinations(unknown, size))
        fewest = next(
            some
            for some in few
            if not hedges(projected(full, {"".join(name) for name in unknown if name not in some}), cause, effect)
        )
        assert answer.measure == fewest
        measured_pairs += any(len(name) == 2 for name in fewest)
        measured_variables += (hidden,) in fewest
    assert measured_pairs > 10
    assert measured_variables > 3


def test_only_what_a_hedge_leaves_possible_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked while a graph is drawn: of 50 hidden causes, those that could not help are not tried."""
    tries: list[str] = []
    monkeypatch.setattr(identification, "hedges", lambda *given: tries.append(given[1]) or hedges(*given))
    ties = " ".join(f"v{i:02}-v{i + 2:02}" for i in range(50))
    answer = identify(graph_of(f"x>y x-y {ties} {' '.join(f'v{i:02}>y' for i in range(52))}"), "x", "y")
    assert (answer.measure, len(tries)) == ((("x", "y"),), 2)
