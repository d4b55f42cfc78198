"""do(x = v) through the engine and on the command line, on a toy whose structural model is known."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from toys import ToyCauses, ToyCausesFamily, ToyGenerator

from explorer.cli import main as command
from explorer.discovery.causes import METHOD
from explorer.engine.engine import Engine
from explorer.errors import CausalError, ControlError, ExplorerError
from explorer.generators import registry as families
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Seed, Start, StoredLatent, View

MODEL = ModelRef(path="toy0")
CAUSES = ControlSetRef(method="causes", k=3)


@pytest.fixture
def causes_engine(toy_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    known = {"toy_causes": ToyCausesFamily()}
    monkeypatch.setattr(families, "families", lambda: known)
    return toy_engine


def view(*edits: Edit) -> View:
    return View(model=MODEL, start=Start(Seed(4)), controls=CAUSES, edits=edits)


def test_a_model_with_causes_offers_do_first_and_others_say_why_not(causes_engine: Engine) -> None:
    assert causes_engine.card(MODEL).methods[0] == "causes"
    assert "holds no causal model" in METHOD.refusal(ToyGenerator().card)


def test_sliders_show_values_and_tell_what_moves_with_them(causes_engine: Engine) -> None:
    cards = [control.card for control in causes_engine.control_set(MODEL, CAUSES).controls]
    assert [(card.name, card.shows) for card in cards] == [("a", "value"), ("b", "value"), ("c", "value")]
    assert "Moves with it: b, c" in cards[0].details
    assert "Causes: a" in cards[1].details
    assert "Nothing else moves with it" in cards[2].details
    place = causes_engine.places(MODEL, CAUSES, Start(Seed(4)))["a"]
    assert place.value == pytest.approx(float(ToyCauses().model.sample(1, 4)["a"]), abs=1e-5)


def test_the_outcome_is_the_closed_form_and_the_picture_that_of_its_values(causes_engine: Engine) -> None:
    before = causes_engine.outcome(MODEL, CAUSES, Start(Seed(4)))
    assert all(one.factual == one.value and not one.is_set for one in before.variables)
    after = causes_engine.outcome(MODEL, CAUSES, Start(Seed(4)), (Edit("a", value=3.0),))
    by = 3.0 - before.variable("a").value
    assert after.variable("a").is_set
    assert after.variable("b").value - before.variable("b").value == pytest.approx(2 * by, abs=1e-5)
    assert after.variable("c").value - before.variable("c").value == pytest.approx(6 * by, abs=1e-5)
    both = causes_engine.outcome(MODEL, CAUSES, Start(Seed(4)), (Edit("a", value=3.0), Edit("b", value=0.0)))
    assert both.variable("c").value - before.variable("c").value == pytest.approx(-3 * before.variable("b").value)
    assert list(both.graph.edges) == [("a", "b"), ("b", "c")]


def drawn(graph: str, mechanisms: str = "", seed: int = 0) -> ControlSetRef:
    settings = (("graph", graph), ("mechanisms", mechanisms))
    return ControlSetRef(method="causes", k=3, seed=seed, settings=settings)


def test_a_graph_of_one_s_own_is_fitted_to_the_rows_of_the_model(causes_engine: Engine) -> None:
    """The true graph gives the true slopes; one that is turned round moves the other way."""
    own = drawn('{"b": ["a"], "c": ["b"]}', "a=linear_gaussian, b=linear_gaussian, c=linear_gaussian")
    before, after = (
        causes_engine.outcome(MODEL, own, Start(Seed(4)), edits) for edits in ((), (Edit("a", value=3.0),))
    )
    by = 3.0 - before.variable("a").value
    assert (after.variable("c").value - before.variable("c").value) / by == pytest.approx(6.0, abs=0.3)
    details = causes_engine.control_set(MODEL, own).control("b").card.details
    assert any(line.startswith("Fitted by linear gaussian: its causes tell 0.8") for line in details)  # ½ log 5 = 0.80
    turned = drawn("dag { c -> b b -> a }", "a=linear_gaussian,b=linear_gaussian,c=linear_gaussian")
    before, after = (
        causes_engine.outcome(MODEL, turned, Start(Seed(4)), edits) for edits in ((), (Edit("c", value=6.0),))
    )
    assert after.variable("a").value != before.variable("a").value
    assert causes_engine.outcome(MODEL, turned, Start(Seed(4)), (Edit("a", value=3.0),)).variable("c").value == (
        before.variable("c").value
    )


def test_variables_that_are_left_out_are_held_and_layout_is_no_new_fit(causes_engine: Engine) -> None:
    some = drawn('{"c": ["a"], "a": []}')
    controls = causes_engine.control_set(MODEL, some).controls
    assert [control.card.name for control in controls if control.card.cases is None] == ["a", "c"]
    placed = msgspec.structs.replace(some, settings=(*some.settings, ("layout", '{"a": [1, 2]}')))
    assert causes_engine.control_set(MODEL, placed).controls == causes_engine.control_set(MODEL, some).controls
    plain, moved = causes_engine.render(
        [View(model=MODEL, start=Start(Seed(4)), controls=some, edits=e) for e in ((), (Edit("a", value=2.0),))]
    )
    assert not np.array_equal(plain.bgrx, moved.bgrx)


@pytest.mark.parametrize(
    ("graph", "mechanisms", "sentence"),
    [
        ('{"b": ["x"]}', "", "The graph's 'x' is not among the variables at hand"),
        ('{"a": ["b"], "b": ["a"]}', "", "circle"),
        ("nonsense", "", "no graph file"),
        ("", "b", "not of the form variable=kind"),
        ("", "b=guess", "guess"),
        ("", "b=categorical", "no levels"),
    ],
)
def test_graphs_that_cannot_be_are_one_sentence(
    causes_engine: Engine, graph: str, mechanisms: str, sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence):
        causes_engine.control_set(MODEL, drawn(graph, mechanisms))


def test_the_factual_value_changes_no_bit_of_the_picture(causes_engine: Engine) -> None:
    factual = causes_engine.places(MODEL, CAUSES, Start(Seed(4)))["b"].value
    plain, same, other = causes_engine.render(
        [view(), view(Edit("b", value=factual)), view(Edit("b", value=factual + 2))]
    )
    assert np.array_equal(plain.bgrx, same.bgrx)
    assert not np.array_equal(plain.bgrx, other.bgrx)


def test_other_sets_have_no_outcome(causes_engine: Engine) -> None:
    with pytest.raises(CausalError, match="sets no variables"):
        causes_engine.outcome(MODEL, ControlSetRef(method="random_orthogonal", k=2), Start(Seed(0)))


def test_a_picture_of_one_s_own_is_where_do_starts(causes_engine: Engine, tmp_path: Path) -> None:
    generator = ToyCauses()
    latent = generator.sample([9])
    pixels = ((generator.render(latent, view().quality)[0, 0] + 1) * 127.5).round().byte().numpy()
    Image.fromarray(pixels).resize((16, 16), Image.Resampling.NEAREST).save(tmp_path / "own.png")
    options = InversionOptions()
    point = causes_engine.inverted(MODEL, tmp_path / "own.png", "own.png", options).point
    assert isinstance(point, StoredLatent)
    z = torch.frombuffer(bytearray(point.data), dtype=torch.float32)
    assert (z - latent.tensors["z"][0]).abs().max() < 0.1
    with pytest.raises(ExplorerError, match="no picture"):
        causes_engine.inverted(MODEL, tmp_path / "none.png", "none.png", options)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ExplorerError, match="choose another picture"):
        causes_engine.inverted(MODEL, tmp_path / "text.png", "text.png", options)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command.run(["do", "toy0", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_says_what_became_of_every_variable(
    causes_engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "done.png"
    code, text, _ = run(capsys, "--set", "a=3", "--seed", "4", "--psi", "1", "--json", "-o", str(out))
    assert code == 0
    document = json.loads(text)
    assert document["set"] == {"a": 3.0}
    by = 3.0 - document["factual"]["a"]
    assert document["counterfactual"]["c"] == pytest.approx(document["factual"]["c"] + 6 * by, abs=1e-4)
    assert document["achieved"] == {}  # no reader: the toy has no world
    assert out.is_file()
    (tmp_path / "again.png").unlink(missing_ok=True)
    assert command.run(["replay", str(out), "-o", str(tmp_path / "again.png")]) == 0
    with Image.open(out) as first, Image.open(tmp_path / "again.png") as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))
    capsys.readouterr()
    _, text, _ = run(capsys, "--set", "b=1")
    assert "do(b)" in text
    assert "counterfactual" in text


def test_a_graph_file_of_one_s_own_is_followed_and_travels_with_the_picture(
    causes_engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "none.json").write_text('{"a": [], "b": [], "c": []}')
    code, text, _ = run(capsys, "--set", "a=3", "--graph", "none.json", "--json", "-o", "cut.png")
    assert code == 0
    document = json.loads(text)
    assert document["counterfactual"]["b"] == document["factual"]["b"]
    assert command.run(["replay", "cut.png", "-o", "again.png"]) == 0
    with Image.open("cut.png") as first, Image.open("again.png") as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))
    capsys.readouterr()
    (tmp_path / "other.dot").write_text("digraph { x -> y }")
    code, _, error = run(capsys, "--set", "a=3", "--graph", "other.dot")
    assert (code, error.count("\n")) == (2, 1)
    assert "the model's variables are a, b, c" in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--set", "a=1", "--graph", "none.dot"), "cannot be read"),
        (("--set", "d=1"), "The graph has no variable 'd'; it has a, b, c"),
        (("--set", "a"), "not of the form NAME=VALUE"),
        (("--set", "a=x"), "Invalid value for '--set a'"),
        (("--set", "a=1", "--set", "a=2"), "names 'a' twice"),
        (("--set", "a=1", "--image", "none.png"), "no picture 'none.png'"),
        (("--set", "a=1", "--image", "none.png", "--seed", "1"), "give one of --seed and --image"),
        (("--set", "a=1", "-o", "x.jpg"), "does not end in .png"),
    ],
)
def test_bad_input_is_one_sentence(
    causes_engine: Engine, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert sentence in error
    assert error.count("\n") == 1
