"""``measure`` on models that the program has trained: what it prints and writes, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import msgspec
import pytest

from explorer.cli import measure, progress
from explorer.cli.main import run
from explorer.export import card_measures
from explorer.export.embed import from_pdf
from explorer.generators.base import specimen
from explorer.scene.measures import MeasureOptions, MeasureReport, Score

QUICK = ["-n", "600", "--measures", "mig,unsupervised"]


def test_json_is_the_report_and_nothing_else(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", model, *QUICK, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["world"] == "shapes"
    assert document["n"] == 600
    assert document["model"] == "model"
    assert set(document["metrics"]["mig"]) >= {"value", "null", "null_high", "title", "paper", "estimator", "parts"}
    assert 0 <= document["metrics"]["mig"]["value"] <= 1
    report = msgspec.convert(document, MeasureReport)
    assert report.latents == ("z0", "z1", "z2")
    assert len(report.nmi) == len(report.factors) == 6


def test_the_table_has_every_number_beside_its_chance(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", model, *QUICK]) == 0
    out = capsys.readouterr().out
    assert "model · world shapes · 600 pictures · seed 0 · 3 latents" in out
    row = next(line for line in out.splitlines() if line.strip().startswith("MIG"))
    value, chance, high = (float(part.replace("−", "-")) for part in row.split()[1:4])
    assert 0 <= chance <= high <= 1
    # A VAE of two steps has learned nothing: the truth about it is chance.
    assert value < 0.1
    for text in ("chance", "95 %", "less is better", "floor_hue", "I(factor; latent) / H(factor)"):
        assert text in out
    assert "Chen et al. 2018" not in out
    assert run(["measure", model, *QUICK, "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "MIG: plug-in, 20 equal bins" in out
    assert "(Chen et al. 2018)" in out


def test_files_hold_what_was_printed(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    written = {}
    for suffix in ("csv", "tex", "pdf", "json"):
        assert run(["measure", model, *QUICK, "--json", "-o", f"a.{suffix}"]) == 0
        out, err = capsys.readouterr()
        written[suffix] = json.loads(out)
        assert err.endswith(f"wrote a.{suffix}\n")
    value = written["csv"]["metrics"]["mig"]["value"]
    assert json.loads(Path("a.json").read_text())["metrics"] == written["csv"]["metrics"]
    with Path("a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["value"]) for row in rows if row["measure"] == "mig" and not row["part"]] == [value]
    assert len([row for row in rows if row["measure"] == "nmi"]) == 18
    assert f"MIG & {value:.3f}" in Path("a.tex").read_text()
    (report,) = msgspec.json.decode(from_pdf(Path("a.pdf").read_bytes()) or b"", type=list[MeasureReport])
    assert report.metrics["mig"].value == value


def test_a_card_keeps_scores_with_the_command_that_gives_them(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, "kept")
    for arguments in (["-n", "600", "--measures", "mig"], ["-n", "700", "--measures", "mig"]):
        assert run(["measure", "kept", *arguments, "--card"]) == 0
    capsys.readouterr()
    card = json.loads(Path("kept/card.json").read_text())
    assert card["recipe"] == json.loads((Path(model) / "card.json").read_text())["recipe"]
    first, second = card["measures"]
    assert (first["n"], second["n"], first["world"]) == (600, 700, "shapes")
    before = first["scores"]["mig"]
    program, *words = first["command"].split()
    assert program == "latent-explorer"
    assert run([*words, "--card", "--json"]) == 0  # the card's own command: replaces, and says the same
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"]["mig"]["value"] == pytest.approx(before["value"], rel=1e-3, abs=1e-3)
    again = json.loads(Path("kept/card.json").read_text())["measures"]
    assert [entry["command"] for entry in again] == [second["command"], first["command"]]
    assert again[1]["scores"]["mig"] == before


def test_causal_factors_are_said_wherever_the_scores_are(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, "drawn")
    assert run(["measure", "drawn", *QUICK, "--sampling", "causal", "--card", "-o", "a.csv"]) == 0
    assert "drawn · world shapes, factors drawn from its causal model · 600 pictures" in capsys.readouterr().out
    (entry,) = json.loads(Path("drawn/card.json").read_text())["measures"]
    assert entry["command"].endswith("-n 600 --seed 0 --sampling causal --measures mig,unsupervised")
    with Path("a.csv").open(newline="") as file:
        assert {row["sampling"] for row in csv.DictReader(file)} == {"causal"}


def test_several_models_are_compared(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copytree(model, tmp_path / "copy")
    assert run(["measure", model, str(copy), "-n", "600", "--measures", "mig,udr", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["model"], second["model"]) == ("model", "copy")
    assert first["metrics"] == second["metrics"]
    assert first["metrics"]["udr"]["title"] == "UDR"


def test_a_pair_is_turned_and_latents_are_chosen(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", model, *QUICK, "--rotate", "z0,z2,30", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rotation"] == {"first": "z0", "second": "z2", "degrees": 30.0}
    assert document["latents"] == ["z0'", "z1", "z2'"]
    assert run(["measure", model, *QUICK, "--rotate", "z0,z2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rotation"]["degrees"] == 45.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope"], "'{here}/nope' does not exist"),
        (["{model}", "--world", "nowhere"], "There is no world 'nowhere'; there are:"),
        (["{model}", "--world", "sprites", "--measures", "migg"], "There is no measure 'migg'; did you mean 'mig'"),
        (["{model}", "-n", "100"], "100 pictures are so few that chance would swamp every measure"),
        (["{model}", "-n", "600", "--measures", "infomec"], "'infomec' needs at least 1000 pictures, not 600"),
        (["{model}", "-n", "1"], "'-n'"),
        (["{model}", "-n", "600", "--selection", "some"], "'--selection some' is not one of all, non-passive, active."),
        (["{model}", "-n", "600", "--sampling", "odd"], "'--sampling odd' is not one of independent, causal."),
        (["{model}", "-n", "600", "--selection", "active"], "None of the 3 latents of 'model' is active"),
        (["{model}", "-n", "600", "--rotate", "z0"], "'--rotate z0' is not two latents and an angle"),
        (["{model}", "-n", "600", "--rotate", "z0,z1,x"], "'--rotate': 'x' is no number"),
        (["{model}", "-n", "600", "--rotate", "z0,z9,best"], "no latent 'z9' to turn"),
        (["{model}", "-n", "600", "--measures", "udr"], "'udr' compares models; give at least two"),
        (["{model}", "-o", "a.docx"], "'a.docx' is no table; use .csv, .tex, .pdf or .json."),
        (["shapes-stylegan2", "-n", "600", "--measures", "mig"], "has no encoder, so 'mig' cannot be taken"),
        (["shapes-stylegan2", "-n", "600", "--sampling", "causal"], "has no encoder, so no pictures of a world are"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    filled = [text.format(model=model) for text in arguments]
    assert run(["measure", *filled]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert sentence.format(here=tmp_path) in err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_it(model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As where it is pressed while the progress is shown."""

    def pressed() -> float:
        if len(ticks) == 5:
            raise KeyboardInterrupt
        ticks.append(None)
        return 0.0

    ticks: list[None] = []
    monkeypatch.setattr(progress.time, "monotonic", pressed)
    assert run(["measure", model, *QUICK, "-o", "a.csv"]) == 130
    out, err = capsys.readouterr()
    assert (out, err) == ("", "stopped\n")
    assert not Path("a.csv").exists()


def test_what_a_number_is_held_against_is_named_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = {
        "length": Score(
            value=0.0421234,
            null=1.4,
            baselines={"propagate with noise 0": 0.0661234, "truth": None},
            title="do(angle): error of length",
            better="lower",
            group="counterfactuals",
        ),
        "frechet": Score(value=3.0, null=0.5, null_name="data", title="Fréchet", better="lower", group="quality"),
    }
    report = MeasureReport(model="toy", fingerprint="f", world="pendulum", n=600, metrics=scores)
    measure._print([report], verbose=False)
    lines = capsys.readouterr().out.splitlines()
    (length,) = [line for line in lines if "error of length" in line]
    assert "0.042" in length
    assert "1.400" in length
    assert "propagate with noise 0 0.066 · truth –" in length
    (frechet,) = [line for line in lines if "Fréchet" in line]
    assert "data 0.500" in frechet
    assert any(line.strip() == "Counterfactuals" for line in lines)
    (tmp_path / "card.json").write_text("{}")
    options = MeasureOptions(n=600, measures=("counterfactuals",))
    card_measures.keep(report, options, msgspec.structs.replace(specimen("toy", {}, ()), path=str(tmp_path)))
    (entry,) = json.loads((tmp_path / "card.json").read_text())["measures"]
    assert entry["scores"]["length"]["baselines"] == {"propagate with noise 0": 0.06612, "truth": None}
    assert "baselines" not in entry["scores"]["frechet"]
