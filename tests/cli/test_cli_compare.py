"""``compare`` on a model that the program has trained: what it prints and writes, plugins, what it refuses."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import plugin_package
import pytest

from explorer.cli import progress
from explorer.cli.main import run
from explorer.comparison import recognition, table
from explorer.discovery import registry

QUICK = ["-k", "2", "--seeds", "0", "--bases", "4", "--observed", "200", "--nulls", "2"]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BOOTSTRAP", 5)
    monkeypatch.setattr(recognition, "EPOCHS", 1)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with a method: one file, named in the entry-point group."""
    place = tmp_path / "site"
    plugin_package.install(place)
    monkeypatch.syspath_prepend(str(place))
    importlib.invalidate_caches()
    registry.methods.cache_clear()
    yield
    registry.methods.cache_clear()
    sys.modules.pop("dice_plugin", None)


@pytest.mark.usefixtures("plugin")
def test_a_plugin_stands_in_the_list_and_in_the_table(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods"]) == 0
    assert "Also called die." in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("dice"))
    assert run(["compare", model, "--methods", "die,sefa", *QUICK, "--json", "-o", "report"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err.endswith("wrote report\n")
    assert (document["model"], document["k"]) == ("model", 2)
    # By the names that were asked for; chance and ceiling stand there without being asked for.
    assert list(document["methods"]) == ["random_orthogonal", "die", "sefa", "attribute_regression"]
    dice = document["methods"]["die"]
    assert dice["method"] == "dice"
    assert {"value", "low", "high", "null"} <= set(dice["columns"]["modularity"])
    assert dice["columns"]["modularity"]["value"] is not None
    assert dice["evaluations"] == 0
    assert document["methods"]["sefa"]["problem"]
    ceiling = document["methods"]["attribute_regression"]
    assert ceiling["problem"] == ""
    assert ceiling["labels"] > 0
    written = json.loads(Path("report/compare.json").read_text())
    assert written == document
    assert "Thrown dice" in Path("report/index.html").read_text()
    assert "Thrown dice" in Path("report/table.tex").read_text()


def test_the_terminal_shows_the_table_and_the_contract(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    setting = "attribute_regression.samples=250"
    assert run(["compare", model, "--methods", "axes", *QUICK, "--quick", "--set", setting]) == 0
    out, _ = capsys.readouterr()
    assert "model · 2 directions · seed 0 · 4 base codes · 200 observed pictures · τ = 0.06" in out
    for wanted in ("Random directions", "Latent axes", "Attribute regression", "Calibrated step", "Quick:"):
        assert wanted in out


def test_units_along_the_path_are_asked_for_and_said(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", model, "--methods", "axes", *QUICK, "--calibration", "arc", "--json"]) == 0
    along = json.loads(capsys.readouterr().out)
    assert run(["compare", model, "--methods", "axes", *QUICK, "--json"]) == 0
    straight = json.loads(capsys.readouterr().out)
    assert (along["options"]["calibration"], straight["options"]["calibration"]) == ("arc", "chord")
    assert any("from each of 8 parts to the next, add up to 0.06 of the range" in one for one in along["contract"])
    assert any("that changes a picture by 0.06 of the range" in one for one in straight["contract"])
    steps = [one["methods"]["axes"]["directions"][0]["alpha"] for one in (along, straight)]
    assert 0 < steps[0] < steps[1], "the way is longer than the distance, so its unit is shorter"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope", "--methods", "pca"], "'{here}/nope' does not exist"),
        (["{model}"], "Missing option '--methods'"),
        (["{model}", "--methods", "pcaa"], "There is no method 'pcaa'; did you mean 'pca'?"),
        (["{model}", "--methods", ","], "No method is named"),
        (["{model}", "--methods", "pca", "-k", "9"], "9 controls were asked for, but space 'z' of 'model' has 3"),
        (["{model}", "--methods", "pca", "--seeds", "x"], "'--seeds': 'x' is no list of seeds"),
        (["{model}", "--methods", "pca", "--seeds", ""], "'--seeds': An empty text is no list of seeds"),
        (["{model}", "--methods", "pca", "--tau", "2"], "τ is 2; it must be between 0.001 and 0.5."),
        (["{model}", "--methods", "pca", "--calibration", "path"], "'--calibration path' is not one of chord, arc."),
        (["{model}", "--methods", "pca", "--bases", "1"], "base codes is 1"),
        (["{model}", "--methods", "pca", "-k", "2", "--attributes", "nowhere"], "'nowhere' is not"),
        (["{model}", "--methods", "pca", "--set", "samples=3"], "not of the form METHOD.NAME=VALUE"),
        (["{model}", "--methods", "pca", "--set", "pca.colour=3"], "has no setting 'colour'"),
        (["{model}", "--methods", "pca", "-o", "a.docx"], "'a.docx' is no report"),
        (["{model}", "{model}", "--methods", "pca", "-o", "a.pdf"], "can hold one model's report"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert run(["compare", *(text.format(model=model) for text in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert sentence.format(here=tmp_path) in err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(
    model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where it is pressed while the progress is shown."""

    def pressed() -> float:
        if len(ticks) == 5:
            raise KeyboardInterrupt
        ticks.append(None)
        return 0.0

    ticks: list[None] = []
    monkeypatch.setattr(progress.time, "monotonic", pressed)
    assert run(["compare", model, "--methods", "pca", *QUICK, "-o", "report"]) == 130
    assert capsys.readouterr() == ("", "stopped\n")
    assert list(tmp_path.iterdir()) == []
