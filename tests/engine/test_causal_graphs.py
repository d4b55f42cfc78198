"""What the rows of a shipped model say about its variables, its mechanisms, a graph and an effect."""

from __future__ import annotations

import pytest

from explorer.causal.formats.registry import short_text
from explorer.engine.causal_graphs import CausalQuestions
from explorer.engine.causes import model_of_set
from explorer.engine.engine import Engine
from explorer.errors import CausalError
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import ControlSetRef, ModelRef

DSCM = ModelRef(path="pendulum-dscm")


@pytest.fixture(scope="module")
def questions() -> CausalQuestions:
    return CausalQuestions(Engine())


def test_the_report_has_every_variable_and_judges_what_comes_with_the_model(questions: CausalQuestions) -> None:
    report = questions.report(DSCM, ControlSetRef(method="causes", k=4))
    assert report.own.names == ("angle", "light", "shadow_length", "shadow_position")
    assert set(report.distributions) == set(report.own.names)
    assert report.distributions["shadow_length"].shares[0] > 0.3  # on the floor
    assert not report.is_held_out
    length = report.mechanism("shadow_length")
    assert length is not None
    assert length.kind == "floored"
    assert length.judgement is not None
    assert length.judgement.explained is not None
    assert length.judgement.explained > 0.98
    assert dict(length.kinds).keys() == {"additive", "floored", "linear_gaussian", "monotone"}
    assert length.warnings == ()
    assert report.mechanism("hue") is None


def test_of_a_graph_of_ones_own_rows_are_judged_by_that_it_did_not_learn_of(questions: CausalQuestions) -> None:
    settings = (("graph", '{"shadow_length": ["angle"], "angle": []}'), ("mechanisms", "shadow_length=linear_gaussian"))
    report = questions.report(DSCM, ControlSetRef(method="causes", k=4, settings=settings))
    assert report.is_held_out
    assert [each.variable for each in report.mechanisms] == ["angle", "shadow_length"]
    assert set(report.distributions) == set(report.own.names)  # what is left out can be added
    length = report.mechanism("shadow_length")
    assert length is not None
    assert length.judgement is not None
    assert length.judgement.rows < report.rows / 5
    assert "its noise still depends on angle" in length.warnings
    assert length.judgement.explained is not None
    assert length.judgement.explained < 0.6  # it depends on the light as well


def test_a_graph_that_leaves_an_arrow_out_is_broken_by_the_rows(questions: CausalQuestions) -> None:
    own = questions.own_graph(DSCM)
    assert "broken" not in {test.verdict for test in questions.check(DSCM, own).tests}
    without = own.without_edge("light", "shadow_position")
    broken = [test for test in questions.check(DSCM, without).tests if test.verdict == "broken"]
    assert [test.independence.text for test in broken] == ["light ⟂ shadow_position"]


def test_an_effect_is_asked_over_what_is_usual(questions: CausalQuestions) -> None:
    own = questions.own_graph(DSCM)
    answer = questions.effect(DSCM, own, "light", "shadow_position")
    usual = questions.report(DSCM, ControlSetRef(method="causes", k=4)).distributions["light"].usual
    assert answer.values == usual
    assert answer.way == "back-door"
    assert answer.outcomes[0].total.low < answer.outcomes[0].total.value < answer.outcomes[0].total.high


def test_hidden_causes_are_kept_whatever_else_is_drawn_and_variables_are_left_out_beside_them() -> None:
    engine = Engine()
    whole = engine.control_set(DSCM, drawn(CausalQuestions(engine).own_graph(DSCM).with_confounded("angle", "light")))
    assert model_of_set(whole).graph.confounded == (("angle", "light"),)
    part = CausalGraph(
        variables=tuple(Variable(name=name) for name in ("angle", "light", "shadow_length")),
        edges=(("light", "shadow_length"),),
        confounded=(("angle", "light"),),
    )
    graph = model_of_set(engine.control_set(DSCM, drawn(part))).graph
    assert (graph.names, graph.edges, graph.confounded) == (part.names, part.edges, part.confounded)


def drawn(graph: CausalGraph) -> ControlSetRef:
    """The set of a graph that was drawn."""
    return ControlSetRef(method="causes", k=3, settings=(("graph", short_text(graph)),))


def test_models_without_causes_and_other_names_are_refused_in_one_sentence(questions: CausalQuestions) -> None:
    own = questions.own_graph(DSCM)
    with pytest.raises(CausalError, match="'shapes-btcvae' brings no rows of its variables"):
        questions.check(ModelRef(path="shapes-btcvae"), own)
    with pytest.raises(CausalError, match="'pendulum-dscm' has no variable 'hue'; its variables are angle, light"):
        questions.check(DSCM, CausalGraph(variables=(Variable(name="hue"), Variable(name="angle"))))
