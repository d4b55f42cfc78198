"""Attributes as causes through the engine and on the command line, on a generator whose factors are read in closed
form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from explorer.attributes.registry import open_reader
from explorer.cli import main as command
from explorer.controls import control_set
from explorer.controls.bound import Bound
from explorer.controls.control_set import quantities
from explorer.discovery.bound_causes import METHOD
from explorer.engine.engine import Engine
from explorer.errors import ControlError, ExplorerError
from explorer.export.carried import unaccompanied
from explorer.export.references import gathered
from explorer.generators.known_factors import write_known_factors
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene, Seed, Start, View
from explorer.training.batch import as_images

GRAPH = '{"x": [], "y": [], "radius": ["x"], "background": []}'
SETTINGS = (
    ("attributes", "known_factors"),
    ("graph", GRAPH),
    ("mechanisms", "radius=linear_gaussian,background=linear_gaussian"),
    ("samples", 400),
)
BOUND = ControlSetRef(method="bound_causes", k=4, settings=SETTINGS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = tmp_path_factory.mktemp("known") / "model"
    write_known_factors(folder, "correlated")
    return ModelRef(path=str(folder))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def view(model: ModelRef, *edits: Edit, controls: ControlSetRef = BOUND) -> View:
    return View(model=model, start=Start(Seed(2)), controls=controls, edits=edits)


def test_a_slider_stands_at_what_the_picture_reads_and_the_outcome_says_what_was_reached(
    engine: Engine, model: ModelRef
) -> None:
    place = engine.places(model, BOUND, Start(Seed(2)))["x"]
    plain = engine.render([view(model)])[0].bgrx
    read = open_reader("known_factors").read(as_images(np.ascontiguousarray(plain[None, ..., 2::-1])))[0]
    assert place.value == pytest.approx(read[0], abs=0.01)  # of a picture of whole greys
    target = place.value - 0.1 if place.value > 0 else place.value + 0.1
    outcome = engine.outcome(model, BOUND, Start(Seed(2)), (Edit("x", value=target),))
    x, y, radius = (outcome.variable(name) for name in ("x", "y", "radius"))
    assert (x.is_set, x.factual) == (True, place.value)
    assert x.reached == pytest.approx(target, abs=0.003)
    assert y.reached == pytest.approx(y.factual, abs=0.003)
    assert radius.value != radius.factual  # the code is correlated, and a line is fitted
    assert radius.reached == pytest.approx(radius.value, abs=0.003)
    assert not any(one.is_missed for one in outcome.variables)
    far = engine.outcome(model, BOUND, Start(Seed(2)), (Edit("background", value=2.0),)).variable("background")
    assert far.is_missed
    assert far.reached is not None
    assert far.reached < 0.95


def test_the_value_that_stands_there_changes_no_bit_and_a_miss_is_remarked(engine: Engine, model: ModelRef) -> None:
    factual = engine.places(model, BOUND, Start(Seed(2)))["y"].value
    plain, same, other, far = engine.render(
        [
            view(model),
            view(model, Edit("y", value=factual)),
            view(model, Edit("y", value=factual / 2)),
            view(model, Edit("background", value=2.0)),
        ]
    )
    assert np.array_equal(plain.bgrx, same.bgrx)
    assert not np.array_equal(plain.bgrx, other.bgrx)
    assert not same.remarks
    assert far.remarks["background"].mark == "out of reach"
    assert far.remarks["background"].about.startswith("background")


def test_a_set_that_was_saved_draws_the_same(engine: Engine, model: ModelRef, tmp_path: Path) -> None:
    control_set.save(engine.control_set(model, BOUND), tmp_path / "set.safetensors")
    again = ControlSetRef(path=str(tmp_path / "set.safetensors"))
    edits = (Edit("x", value=0.1), Edit("background", value=0.4))
    one, other = engine.render([view(model, *edits), view(model, *edits, controls=again)], exact=True)
    assert np.array_equal(one.bgrx, other.bgrx)
    assert engine.outcome(model, again, Start(Seed(2)), edits) == engine.outcome(model, BOUND, Start(Seed(2)), edits)


def test_an_export_says_that_it_does_not_carry_what_a_set_reads_with(
    engine: Engine, model: ModelRef, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"a classifier of one's own")
    found = engine.control_set(model, BOUND)
    controls = []
    for control in found.controls:
        assert isinstance(control, Bound)
        reader = msgspec.structs.replace(control.bindings.source, text=str(tmp_path / "net.onnx"))
        bindings = replace(control.bindings, source=reader)
        controls.append(replace(control, bindings=bindings))  # type: ignore[type-var]
    control_set.save(replace(found, controls=tuple(controls)), tmp_path / "set.safetensors")
    pane = Pane(controls=ControlSetRef(path=str(tmp_path / "set.safetensors")))
    references = gathered(Scene(model=model, panes=(pane,)))
    (reader,) = (one for one in references if one.noun == "classifier")
    assert not reader.is_carried
    assert "does not carry" in unaccompanied(references)
    assert f"the classifier '{tmp_path / 'net.onnx'}'" in unaccompanied(references)
    plain = gathered(Scene(model=model, panes=(Pane(controls=BOUND),)))
    assert "classifier" not in {one.noun for one in plain}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"graph": '{"x": ["size"]}'}, "'size' is not among the variables at hand"),
        ({"graph": '{"x": ["y"], "y": ["x"]}'}, "circle"),
        ({"attribute": "x,size"}, "has no attribute 'size'"),
        ({"mechanisms": "x=categorical"}, "no levels"),
        ({"samples": 4}, "too few to learn an attribute from"),
        ({"attributes": "nowhere.onnx"}, "nowhere.onnx"),
    ],
)
def test_what_cannot_be_bound_is_one_sentence(
    engine: Engine, model: ModelRef, settings: dict[str, str | int], sentence: str
) -> None:
    asked = ControlSetRef(method="bound_causes", k=4, settings=tuple({**dict(SETTINGS), **settings}.items()))
    with pytest.raises(ExplorerError, match=sentence):
        engine.control_set(model, asked)


def test_another_graph_is_asked_of_the_same_pictures(
    engine: Engine, model: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, drawn = engine.generator(model), []
    plain = type(generator).sample

    def counted(self: object, seeds: list[int], truncation_psi: float = 1.0) -> object:
        drawn.extend(seeds)
        return plain(self, seeds, truncation_psi)  # type: ignore[arg-type]

    monkeypatch.setattr(type(generator), "sample", counted)
    for graph, names in (('{"x": ["y"]}', ["x", "y"]), ('{"radius": ["x"]}', ["x", "radius"])):
        found = METHOD.discover(generator, 2, 7, {"attributes": "known_factors", "samples": 60, "graph": graph})
        assert sorted(control.card.name for control in quantities(found.controls)) == sorted(names)
    assert len(drawn) == 60
    METHOD.discover(generator, 2, 8, {"attributes": "known_factors", "samples": 60, "graph": graph})
    assert len(drawn) == 120


def test_what_never_varies_cannot_be_set(engine: Engine, model: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = engine.generator(model)
    middle = generator.sample([0])
    monkeypatch.setattr(type(generator), "sample", lambda self, seeds, truncation_psi=1.0: _repeated(middle, seeds))
    with pytest.raises(ControlError, match="No attribute varies over 40 samples"):
        METHOD.discover(generator, 2, settings={"attributes": "known_factors", "samples": 40})
    with pytest.raises(ControlError, match="'x' never varies over 40 samples"):
        METHOD.discover(generator, 2, settings={"attributes": "known_factors", "attribute": "x", "samples": 40})


def _repeated(latent: object, seeds: list[int]) -> object:
    tensors = latent.tensors  # type: ignore[attr-defined]
    return type(latent)({name: tensor.repeat(len(seeds), 1) for name, tensor in tensors.items()})


def run(capsys: pytest.CaptureFixture[str], model: ModelRef, *arguments: str) -> tuple[int, str, str]:
    code = command.run(["do", model.path, *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_takes_a_model_without_causes(
    model: ModelRef, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of its own accord, with a graph of one's own, and what is exported is drawn again bit for bit."""
    (tmp_path / "own.dot").write_text("digraph { x -> disc }")
    bound = ("--attributes", "known_factors", "--psi", "1", "--seed", "2")
    code, text, error = run(capsys, model, *bound, "--set", "x=0.1", "--graph", str(tmp_path / "own.dot"), "--json")
    assert code == 2
    assert "--map disc=" in error
    out = tmp_path / "done.png"
    graph = ("--graph", str(tmp_path / "own.dot"), "--map", "disc=radius")
    code, text, error = run(capsys, model, *bound, "--set", "x=0.1", *graph, "--json", "-o", str(out))
    assert code == 0, error
    document = json.loads(text)
    assert document["set"] == {"x": 0.1}
    assert set(document["factual"]) == {"x", "radius"}
    assert document["achieved"]["x"] == pytest.approx(0.1, abs=0.003)
    assert document["achieved"]["radius"] == pytest.approx(document["counterfactual"]["radius"], abs=0.003)
    assert "missed" not in document
    assert command.run(["replay", str(out), "-o", str(tmp_path / "again.png")]) == 0
    with Image.open(out) as first, Image.open(tmp_path / "again.png") as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))
    capsys.readouterr()
    _, text, _ = run(capsys, model, *bound, "--variables", "x,background", "--set", "background=2")
    assert "as near as it comes" in text
