"""Controls as causes through the engine and on the command line, on generators whose factors are read in closed
form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from toys import ToyGenerator

from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.cli import main as command
from explorer.controls import control_set
from explorer.controls.base import Move
from explorer.controls.bound_intervention import BoundInterventionControl
from explorer.controls.control_set import ControlSet, quantities
from explorer.discovery.bound_causes import METHOD
from explorer.engine.engine import Engine
from explorer.engine.named_files import named_in
from explorer.errors import ExplorerError
from explorer.export.carried import restored
from explorer.export.references import gathered
from explorer.generators.editing import edited
from explorer.generators.known_factors import KnownFactorsGenerator, write_known_factors
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scalar, Scene, Seed, Start, View

BOUND = ("push=random 1", "turn=random 2")
GRAPH = '{"push": [], "turn": [], "radius": ["push"], "background": ["radius"], "y": []}'
KINDS = "radius=linear_gaussian,background=linear_gaussian"
SETTINGS: dict[str, Scalar] = {
    "attributes": "known_factors",
    "controls": "random_orthogonal:3",
    "control": ",".join(BOUND),
    "graph": GRAPH,
    "mechanisms": KINDS,
    "samples": 400,
}

OWN = ControlSetRef(method="random_orthogonal", k=3)


def reference(**changes: Scalar) -> ControlSetRef:
    return ControlSetRef(method="bound_causes", k=8, settings=tuple({**SETTINGS, **changes}.items()))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = tmp_path_factory.mktemp("known") / "model"
    write_known_factors(folder, "correlated")
    return ModelRef(path=str(folder))


@pytest.fixture(scope="module")
def curved(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = tmp_path_factory.mktemp("curved") / "model"
    write_known_factors(folder, "curved")
    return ModelRef(path=str(folder))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def view(model: ModelRef, controls: ControlSetRef, *edits: Edit) -> View:
    return View(model=model, start=Start(Seed(2)), controls=controls, edits=edits)


def test_a_control_is_set_what_it_causes_follows_and_the_rest_is_held(engine: Engine, model: ModelRef) -> None:
    place = engine.places(model, reference(), Start(Seed(2)))["push"]
    outcome = engine.outcome(model, reference(), Start(Seed(2)), (Edit("push", value=place.value + 0.7),))
    push, radius, background, y, turn = map(outcome.variable, ("push", "radius", "background", "y", "turn"))
    assert (push.factual, push.reached) == (place.value, None)
    assert push.value == pytest.approx(place.value + 0.7)
    assert radius.value != radius.factual
    assert radius.reached == pytest.approx(radius.value, abs=0.003)
    assert background.reached == pytest.approx(background.value, abs=0.003)
    assert y.reached == pytest.approx(y.factual, abs=0.003)
    assert turn.value == turn.factual
    assert not any(one.is_missed for one in outcome.variables)
    plain, same = engine.render([view(model, reference()), view(model, reference(), Edit("push", value=place.value))])
    assert np.array_equal(plain.bgrx, same.bgrx)


def test_rows_say_what_a_straight_control_tells_of_an_attribute(engine: Engine, model: ModelRef) -> None:
    """Values of push are those of the code along it, whose radius depends on them by a line in closed form."""
    found = cast(BoundInterventionControl, engine.control_set(model, reference()).control("push"))
    generator = cast(KnownFactorsGenerator, engine.generator(model))
    mixing = generator.network.mixing.double()
    (way,) = [control.offset for control in engine.control_set(model, OWN).controls if control.card.name == "random 1"]
    assert way is not None
    z = torch.randn(20000, 8, generator=torch.Generator().manual_seed(1)).double()
    push = z @ way.double()  # of length 1, and at right angles to the other
    radius = 0.42 + 0.16 * torch.tanh(z @ mixing[2] * float(generator.network.gains[2]))
    slope = float(((push - push.mean()) * radius).mean() / push.var())
    torch.testing.assert_close(found.bindings.controls.values(z[:5])["push"], push[:5])
    mechanism = cast(LinearGaussian, found.model.mechanisms["radius"])
    assert mechanism.slopes is not None
    assert float(mechanism.slopes) == pytest.approx(slope, abs=0.008)
    assert abs(slope) > 0.01


def test_amounts_of_a_bent_control_are_drawn_and_nothing_causes_them(engine: Engine, curved: ModelRef) -> None:
    chosen = reference(
        controls="true_directions",
        control="push=x",
        graph='{"push": [], "x": ["push"]}',
        mechanisms="x=linear_gaussian",
    )
    found = cast(BoundInterventionControl, engine.control_set(curved, chosen).control("push"))
    assert engine.places(curved, chosen, Start(Seed(2)))["push"].value == 0.0
    assert any("0 is the picture itself" in line for line in found.card.details)
    mechanism = cast(LinearGaussian, found.model.mechanisms["x"])
    assert mechanism.slopes is not None
    assert float(mechanism.slopes) > 0.05  # what the control does to x, learned from pictures that it moved
    caused = reference(controls="true_directions", control="push=x", graph='{"x": [], "push": ["x"]}', mechanisms="")
    with pytest.raises(ExplorerError, match="'push' is an amount that is drawn at random, so nothing causes it"):
        engine.control_set(curved, caused)


def test_a_graph_of_controls_alone_needs_nothing_that_reads_pictures(engine: Engine, model: ModelRef) -> None:
    chosen = reference(attributes="", control="", controls="random_orthogonal:3", graph="", mechanisms="")
    found = engine.control_set(model, chosen)
    names = [control.card.name for control in quantities(found.controls)]
    assert len(names) == 3 + 5  # the family's pictures are read by the family's own source
    pure = reference(
        attributes="", control="", controls="random_orthogonal:3", graph=json.dumps({name: [] for name in names[5:]})
    )
    pure = ControlSetRef(
        method="bound_causes", k=8, settings=tuple((n, v) for n, v in pure.settings if n != "mechanisms")
    )
    assert [control.card.name for control in quantities(engine.control_set(model, pure).controls)] == names[5:]
    outcome = engine.outcome(model, pure, Start(Seed(2)), (Edit(names[5], value=1.5),))
    assert [one.reached for one in outcome.variables] == [None] * 3


def test_where_nothing_reads_pictures_controls_are_variables_alone() -> None:
    """In a space without a prior values are counted from the mean of points; nothing is drawn but these."""
    toy = ToyGenerator()
    found = METHOD.discover(toy, 2, 0, {"controls": "random_orthogonal:2", "samples": 500})
    assert [control.card.name for control in quantities(found.controls)] == ["random 1", "random 2"]
    control = cast(BoundInterventionControl, found.controls[0])
    points = torch.cat([toy.advance(toy.sample([seed]), "w").tensors["w"] for seed in range(2000)])
    stands = control.bindings.controls.values(points)["random 1"]
    assert float(stands.mean()) == pytest.approx(0.0, abs=0.15)
    torch.testing.assert_close(control.bindings.controls.centre.float(), points.mean(0), atol=0.2, rtol=0)
    start = toy.sample([1])
    moved = edited(toy, start, [Move(control, torch.tensor([1.25]).double(), True)]).tensors["w"]
    after = control.bindings.controls.values(moved)
    assert float(after["random 1"]) == pytest.approx(1.25, abs=1e-4)
    before = control.bindings.controls.values(toy.advance(start, "w").tensors["w"])
    assert float(after["random 2"]) == pytest.approx(float(before["random 2"]), abs=1e-4)
    with pytest.raises(ExplorerError, match="attributes"):
        METHOD.discover(toy, 2, 0, {"samples": 60})


def test_controls_of_a_file_are_carried_with_a_scene(engine: Engine, model: ModelRef, tmp_path: Path) -> None:
    own = engine.control_set(model, OWN)
    path = tmp_path / "own.safetensors"
    control_set.save(own, path)
    name = own.controls[1].card.name
    chosen = reference(controls=str(path), control=f"push={name}", graph="", mechanisms="")
    assert str(path) in [named.text for named in named_in(chosen)]
    scene = Scene(model=model, panes=(Pane(controls=chosen, edits=(Edit("push", value=0.5),)),))
    before = engine.control_set(model, chosen)
    references = gathered(scene)
    path.unlink()
    again, missing = restored(scene, references, lambda text, fingerprint: "")
    assert not [one for one in missing if one.noun == "control set"]
    after = engine.control_set(model, again.panes[0].controls)
    assert after.control("push").parameters()["controls"] == before.control("push").parameters()["controls"]
    with pytest.raises(ExplorerError, match=r"own.safetensors"):
        Engine(torch.device("cpu")).control_set(model, chosen)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"controls": "random_orthogonol"}, "did you mean"),
        ({"controls": ""}, "'control' names push=random 1, and 'controls' no method or file"),
        ({"control": "push=random 9"}, "has no control 'random 9'; did you mean 'random"),
        ({"control": "push=random 1,push=random 2"}, "Two controls are called 'push'"),
        ({"control": "y=random 1", "graph": ""}, "An attribute and a control are both called 'y'"),
        ({"controls": "bound_causes"}, "set variables themselves"),
        ({"controls": "gone.safetensors"}, "gone.safetensors"),
        ({"graph": '{"push": ["pull"]}'}, "'pull' is not among the variables at hand"),
    ],
)
def test_what_cannot_be_bound_is_one_sentence(
    engine: Engine, model: ModelRef, settings: dict[str, Scalar], sentence: str
) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        engine.control_set(model, reference(**settings))


def test_two_controls_that_lead_the_same_way_are_refused(engine: Engine, model: ModelRef, tmp_path: Path) -> None:
    own = engine.control_set(model, ControlSetRef(method="true_directions", k=5))
    first = own.controls[0]
    twice = ControlSet(own.method, own.title, own.fingerprint, own.space, (first, _renamed(first)))
    control_set.save(twice, tmp_path / "twice.safetensors")
    chosen = reference(controls=str(tmp_path / "twice.safetensors"), control="a=x,b=again", graph="")
    with pytest.raises(ExplorerError, match="'a' and 'b' lead the same way"):
        engine.control_set(model, chosen)


def _renamed(control: object) -> object:
    from explorer.controls.base import with_card

    return with_card(control, name="again")  # type: ignore[arg-type]


def test_another_graph_is_asked_of_the_same_pictures_through_the_engine(
    engine: Engine, model: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn is kept with the generator that draws, in turns or not."""
    assert engine.shared(model) is engine.shared(model)
    generator, drawn = engine.generator(model), []
    plain = type(generator).sample

    def counted(self: object, seeds: list[int], truncation_psi: float = 1.0) -> object:
        drawn.extend(seeds)
        return plain(self, seeds, truncation_psi)  # type: ignore[arg-type]

    monkeypatch.setattr(type(generator), "sample", counted)
    for graph in ('{"x": ["y"]}', '{"radius": ["x"]}'):
        settings: dict[str, Scalar] = {"attributes": "known_factors", "samples": 61, "graph": graph}
        engine.control_set(model, ControlSetRef(method="bound_causes", k=8, settings=tuple(settings.items())))
    assert len(drawn) == 61


def test_the_command_binds_controls_and_what_is_exported_is_drawn_again(
    model: ModelRef, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "own.dot").write_text("digraph { push -> radius; radius -> background; y }")
    out = tmp_path / "done.png"
    code = command.run([
        "do", model.path, "--attributes", "known_factors", "--bind", "true_directions", "--bound", "push=x",
        "--graph", str(tmp_path / "own.dot"), "--set", "push=1.5", "--psi", "1", "--seed", "2", "--json",
        "-o", str(out),
    ])  # fmt: skip
    captured = capsys.readouterr()
    assert code == 0, captured.err
    document = json.loads(captured.out)
    assert document["set"] == {"push": 1.5}
    assert set(document["factual"]) == {"push", "radius", "background", "y"}
    assert document["achieved"]["y"] == pytest.approx(document["factual"]["y"], abs=0.003)
    assert document["achieved"]["radius"] == pytest.approx(document["counterfactual"]["radius"], abs=0.003)
    assert command.run(["replay", str(out), "-o", str(tmp_path / "again.png")]) == 0
    with Image.open(out) as first, Image.open(tmp_path / "again.png") as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))


def test_the_graph_command_takes_what_is_bound(
    model: ModelRef, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """x and y go together in this code, as neighbours do."""
    (tmp_path / "own.json").write_text('{"x": [], "y": [], "push": []}')
    bound = ("--attributes", "known_factors", "--bind", "random_orthogonal:3", "--bound", "push=random 1")
    graph = ("--graph", str(tmp_path / "own.json"))
    assert command.run(["graph", model.path, *bound, *graph, "--check", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [variable["name"] for variable in document["variables"]] == ["x", "y", "push"]
    verdicts = {test["independence"]: test["verdict"] for test in document["tests"]}
    assert verdicts["x ⟂ y"] == "broken"
    assert len(verdicts) == 3
    assert command.run(["graph", model.path, "--bound", "push=random 1"]) == 2
    assert "'controls' no method or file" in capsys.readouterr().err


def test_the_own_graph_of_settings_has_what_is_read_and_what_is_bound(engine: Engine, model: ModelRef) -> None:
    settings: dict[str, Scalar] = {
        "attributes": "known_factors",
        "attribute": "x,radius",
        "controls": "true_directions",
        "control": "push=x",
    }
    graph = METHOD.own_graph(engine.shared(model), settings)
    assert graph.names == ("x", "radius", "push")
    assert graph.variable("push").unit == "units"
