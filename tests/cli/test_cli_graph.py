"""``graph``: what it shows, checks, estimates and writes of a model's causal graph, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from explorer.causal.formats.registry import read_graph
from explorer.causal.suggested import INSTALL, is_installed
from explorer.cli.causal_choices import value_of
from explorer.cli.main import run
from explorer.errors import CausalError, ExplorerError
from explorer.scene.causal_graph import Variable
from explorer.worlds.registry import world

DSCM = "pendulum-dscm"
OTHER = "digraph { sun -> shadow_length; Angle -> shadow_length; soil -> sun; soil -> shadow_length }"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(["graph", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err.removeprefix("error: ").strip()


def test_the_graph_of_a_model_is_shown_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", DSCM]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "angle",
        "light",
        "shadow_length ← angle, light",
        "shadow_position ← angle, light",
        "implied: angle ⟂ light; shadow_length ⟂ shadow_position | angle, light",
    ]
    for name in ("own.graph.json", "own.json", "own.dot", "own.dagitty"):
        assert run(["graph", DSCM, "--save", name]) == 0
        out, err = capsys.readouterr()
        assert out.endswith(f"wrote {name}\n")
        assert ("does not keep kinds" in err) is (name != "own.graph.json")
        assert ("light", "shadow_length") in read_graph(Path(name)).graph.edges


def test_json_has_the_graph_its_tests_and_the_effect(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["graph", DSCM, "--check", "--effect", "light", "shadow_position", "--from", "70", "--to", "110", "--json"]
    assert run(wanted) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] == DSCM
    assert document["edges"][0] == ["angle", "shadow_length"]
    assert [test["independence"] for test in document["tests"]] == document["implied"]
    for test in document["tests"]:
        assert test["low"] <= test["correlation"] <= test["high"]
        assert test["verdict"] in ("holds", "open")
    effect = document["effect"]
    assert (effect["way"], effect["values"], effect["rows"]) == ("back-door", [70.0, 110.0], 2048)
    total = effect["outcomes"][0]["total"]
    assert 4 < total["low"] < total["value"] < total["high"] < 6  # 10 / tan of the light, and so on
    assert effect["warnings"] == []


def test_other_names_are_one_sentence_and_are_mapped(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.dot").write_text(OTHER)
    assert refused([DSCM, "--graph", "other.dot"], capsys) == (
        "'other.dot' is about 'sun', 'Angle', 'soil', and the model's variables are angle, light, shadow_length, "
        "shadow_position; say which is meant, such as --map sun= --map Angle=angle --map soil=, where nothing after "
        "'=' leaves a variable out."
    )
    mapped = ["--graph", "other.dot", "--map", "sun=light", "--map", "Angle=angle", "--map", "soil="]
    assert run(["graph", DSCM, *mapped, "--effect", "light", "shadow_length"]) == 0
    out = capsys.readouterr().out
    assert "shadow_length ← angle, light\n" in out
    assert "light ↔ shadow_length  a hidden common cause" in out  # of soil, which nobody measures
    assert "not identified: nothing closes light ↔ shadow_length" in out
    assert "changes" not in out


def test_do_takes_the_same_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.json").write_text('{"sun": [], "shadow_length": ["sun"]}')
    wanted = ["do", DSCM, "--graph", "two.json", "--set", "light=100", "--json"]
    assert run(wanted) == 2
    assert "--map sun=" in capsys.readouterr().err
    assert run([*wanted, "--map", "sun=light"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["factual"]) == ["light", "shadow_length"]


def test_values_of_levels_are_their_labels() -> None:
    sex = Variable(name="sex", kind="binary", labels=("female", "male"))
    light = Variable(name="light", kind="number", low=54.0, high=132.0)
    assert (value_of(sex, "male", "--set sex"), value_of(sex, "0", "--set sex")) == (1.0, 0.0)
    assert value_of(light, "110", "--set light") == 110.0
    with pytest.raises(CausalError, match=r"^'sex' cannot be 'man'; it is one of female, male\.$"):
        value_of(sex, "man", "--set sex")
    with pytest.raises(ExplorerError, match="'--set light': 'high' is no number"):
        value_of(light, "high", "--set light")


def test_a_question_that_there_is_not_is_refused_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["do", DSCM, "--set", "light=100", "--rung", "maybe"]) == 2
    refusal = capsys.readouterr().err
    assert refusal.startswith("error: Invalid value for '--rung': 'maybe' is not one of 'imagine', 'do', 'see'.")


def test_do_says_of_a_map_without_its_graph_that_it_lacks_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["do", DSCM, "--set", "light=100", "--map", "sun=light"]) == 2
    assert "give the file with --graph" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--draw", "3"], "--draw says which of the other pictures that answer do and see"),
        (["--draw", "1", "--rung", "imagine"], "give --rung do or --rung see"),
        (["--noise", "light=2"], "--noise light counts for nothing where --set light sets it"),
        (["--noise", "angle=2", "--rung", "see"], "--noise angle counts for nothing among rows that are seen"),
        (
            ["--variables", "hue"],
            "the latent of 'pendulum-dscm' holds them; leave it out, or give --",
        ),
        (["--attributes", "pendulum"], "--attributes is about variables that are read from pictures"),
        (["--controls", "own.safetensors", "--variables", "hue"], "'own.safetensors' brings its own; leave it out"),
        (["--controls", "own.safetensors", "--graph", "own.dot"], "made before, so graph cannot be chosen; name a m"),
    ],
)
def test_what_would_count_for_nothing_is_refused(
    more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own.safetensors").touch()
    Path("own.dot").write_text("digraph { light -> angle }")
    assert run(["do", DSCM, "--set", "light=100", *more]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_draws_and_noises_that_count_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["do", DSCM, "--set", "light=100", "--rung", "see", "--draw", "2", "--noise", "picture=1"]) == 0
    assert "see, draw 2" in capsys.readouterr().out


def test_values_and_ranges_are_written_without_digits_of_32_bits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["do", DSCM, "--set", "light=132.3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["factual"]["light"], document["set"]) == (66.6, {"light": 132.3})
    assert all(len(str(value)) < 12 for value in (*document["factual"].values(), *document["achieved"].values()))
    assert run(["graph", DSCM, "--json"]) == 0
    assert [(one["low"], one["high"]) for one in json.loads(capsys.readouterr().out)["variables"][:2]] == [
        (-36.0, 38.7),
        (54.0, 132.3),
    ]


def test_a_picture_that_is_hardly_of_the_model_s_world_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    scene = world("pendulum")
    Image.fromarray(scene.render(scene.sample(1, seed=5))[0]).save("world.png")
    Image.new("RGB", (64, 64), (128, 128, 128)).save("plain.png")
    for name, is_unusual in (("world.png", False), ("plain.png", True)):
        assert run(["do", DSCM, "--set", "light=100", "--image", name, "--json"]) == 0
        out, err = capsys.readouterr()
        assert ("warning" in json.loads(out)) == is_unusual
        assert (f"warning: The model gives '{name}' back at" in err) == is_unusual


def test_an_interval_without_width_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["do", DSCM, "--set", "light=110", "--noise", "angle=2"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("shadow_length")]
    assert "not unique: 3 with 90 %" in line
    assert run(["do", DSCM, "--set", "light=110"]) == 0
    assert "not unique: 4.599 to 5.197" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--graph", "gone.dot"], "'gone.dot' cannot be read"),
        (["--graph", "circle.dot"], "'circle.dot' cannot be read as DOT: these arrows make a circle: light → angle"),
        (["--effect", "light", "hue"], "The graph has no variable 'hue'"),
        (["--effect", "light", "light"], "'light' has no effect on itself"),
        (["--effect", "light", "angle", "--from", "1"], "give --from and --to"),
        (
            ["--effect", "light", "angle", "--from", "1", "--to", "70"],
            "'light' cannot be 1; it goes from 54",
        ),
        (["--effect", "light", "angle", "--from", "low", "--to", "70"], "'--from': 'low' is no number"),
        (["--from", "1", "--to", "2"], "give --effect CAUSE EFFECT"),
        (["--map", "sun=light"], "give the file with --graph"),
        (["--graph", "own.dot", "--map", "sun"], "'--map sun' is not of the form NAME=VARIABLE"),
        (["--graph", "own.dot", "--map", "sun=hue"], "no variable 'hue'"),
        (["--graph", "own.dot", "--map", "sun=light", "--map", "sun=angle"], "'--map' names 'sun' twice"),
        (["--graph", "own.dot", "--map", "moon=light"], "no variable 'moon'"),
        (["--suggest", "magic"], "'--suggest magic' is not one of pc, pc-kci, ges"),
        (["--save", "own.png"], "'own.png' ends in none of .dagitty, .txt, .dot, .gv, .graph.json, .json"),
    ],
)
def test_bad_input_is_one_sentence(more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("circle.dot").write_text("digraph { light -> angle -> light }")
    Path("own.dot").write_text("digraph { sun -> angle }")
    assert sentence in refused([DSCM, *more], capsys)
    assert not Path("own.png").exists()


def test_a_model_without_causes_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(["shapes-btcvae"], capsys) == "'shapes-btcvae' holds no causal model; choose one that does."


@pytest.mark.skipif(is_installed(), reason="causal-learn is installed")
def test_a_missing_extra_says_how_it_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused([DSCM, "--suggest", "pc"], capsys) == INSTALL


@pytest.mark.skipif(not is_installed(), reason="needs causal-learn (pip install 'latent-explorer[causal]')")
def test_suggestions_are_shown_and_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    Path("part.json").write_text('{"light": [], "angle": [], "shadow_position": ["light"]}')
    assert run(["graph", DSCM, "--graph", "part.json", "--suggest", "pc", "--save", "s.graph.json"]) == 0
    assert "suggested" in capsys.readouterr().out
    saved = read_graph(Path("s.graph.json")).graph
    assert saved.edges == (("light", "shadow_position"),)
    assert saved.suggested
