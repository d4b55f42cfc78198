"""What rows that were read for attributes and controls say of them: distributions, mechanisms, a graph, an effect."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from explorer.controls import control_set
from explorer.engine.causal_graphs import CausalQuestions
from explorer.engine.engine import Engine
from explorer.errors import CausalError
from explorer.generators.known_factors import write_known_factors
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import ControlSetRef, ModelRef, Scalar

SETTINGS: dict[str, Scalar] = {
    "attributes": "known_factors",
    "controls": "random_orthogonal:3",
    "control": "push=random 1",
    "graph": '{"push": [], "radius": ["push"], "x": []}',
    "samples": 600,
}


def reference(**changes: Scalar) -> ControlSetRef:
    return ControlSetRef(method="bound_causes", k=8, settings=tuple({**SETTINGS, **changes}.items()))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = tmp_path_factory.mktemp("known") / "model"
    write_known_factors(folder, "correlated")
    return ModelRef(path=str(folder))


@pytest.fixture(scope="module")
def questions() -> CausalQuestions:
    return CausalQuestions(Engine(torch.device("cpu")))


def graph_of(*names: str, edges: tuple[tuple[str, str], ...] = ()) -> CausalGraph:
    return CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=edges)


def test_the_report_has_all_that_can_be_bound_and_judges_by_rows_that_were_not_learned_of(
    questions: CausalQuestions, model: ModelRef
) -> None:
    report = questions.report(model, reference())
    assert report.own.names == ("x", "y", "radius", "hue", "background", "push")
    assert set(report.distributions) == {"x", "radius", "push"}
    assert (report.rows, report.is_held_out, report.note) == (600, True, "")
    radius = report.mechanism("radius")
    assert radius is not None
    assert radius.judgement is not None
    assert radius.judgement.rows < 120
    assert radius.judgement.explained is not None
    assert radius.judgement.explained > 0.1
    assert "linear_gaussian" in dict(radius.kinds)
    low, high = report.distributions["push"].usual
    assert (low, high) == pytest.approx((-1.28, 1.28), abs=0.2)  # it is standard normal


def test_rows_check_a_graph_and_estimate_an_effect(questions: CausalQuestions, model: ModelRef) -> None:
    """x and the radius go together by .6² in this code, as does the radius with what push adds to it."""
    check = questions.check(model, graph_of("x", "radius"), reference())
    assert [test.verdict for test in check.tests] == ["broken"]
    answer = questions.effect(
        model, graph_of("push", "radius", edges=(("push", "radius"),)), "push", "radius", (-1.0, 1.0), None, reference()
    )
    found = questions._engine.control_set(model, reference())
    rung = found.control("rung")
    rows = rung.rows  # type: ignore[attr-defined]
    slope = float(torch.cov(torch.stack([rows["push"], rows["radius"]]))[0, 1] / rows["push"].var())
    (effect,) = answer.outcomes
    assert effect.total.low < 2 * slope < effect.total.high
    assert abs(slope) > 0.01


def test_there_are_none_of_a_control_along_which_no_picture_stands(
    questions: CausalQuestions, tmp_path: Path, model: ModelRef
) -> None:
    write_known_factors(tmp_path / "curved", "curved")
    curved = ModelRef(path=str(tmp_path / "curved"))
    bent = reference(controls="true_directions", control="push=x")
    report = questions.report(curved, bent)
    assert (report.rows, report.distributions) == (0, {})
    assert report.note.startswith("Pictures stand nowhere along a control")
    assert [each.variable for each in report.mechanisms] == ["x", "radius", "push"]
    with pytest.raises(CausalError, match="Pictures stand nowhere along a control"):
        questions.check(curved, graph_of("x", "radius"), bent)
    with pytest.raises(CausalError, match="brings no rows"):
        questions.check(curved, graph_of("x", "radius"))
    with pytest.raises(
        CausalError, match="'Attributes as causes' has no variable 'y'; its variables are x, radius, push"
    ):
        questions.check(model, graph_of("x", "y"), reference())


def test_a_file_of_such_a_set_has_its_rows(questions: CausalQuestions, model: ModelRef, tmp_path: Path) -> None:
    control_set.save(questions._engine.control_set(model, reference()), tmp_path / "set.safetensors")
    again = ControlSetRef(path=str(tmp_path / "set.safetensors"))
    report = questions.report(model, again)
    assert (report.rows, report.own.names) == (600, ("x", "radius", "push"))
    checked = questions.check(model, graph_of("x", "radius"), again)
    assert checked == questions.check(model, graph_of("x", "radius"), reference())
