"""``effects`` on a generator whose factors are known: what it prints and writes, and what it refuses."""

from __future__ import annotations

import base64
import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from PIL import Image

from explorer.cli.main import run
from explorer.export.effect_files import ATTACHMENT, COLUMNS
from explorer.export.embed import from_pdf
from explorer.scene.effects import Effect

FEW = [
    "effects",
    "known-distinct",
    "--controls",
    "latent_axes",
    "-k",
    "3",
    "-n",
    "6",
    "--levels",
    "5",
    "--observed",
    "100",
]


def test_json_has_the_shape_that_scripts_rely_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FEW, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document)[:4] == ["effects", "n", "level", "multiplicity"]
    assert (document["n"], document["level"], document["model"]) == (6, 0.95, "known-distinct")
    assert "Benjamini and Hochberg for the 15 effects tested" in document["multiplicity"]
    assert len(document["effects"]) == 15
    for effect in document["effects"]:
        assert list(effect)[:6] == ["cause", "outcome", "effect", "low", "high", "p"]
        assert effect["low"] <= effect["effect"] <= effect["high"]
        assert 0 <= effect["p"] <= effect["q"] <= 1
        assert len(effect["individual"]) == 6
        assert len(effect["curve"]) == 5
        msgspec.convert(effect, Effect)
    assert document["controls"]["method"] == "latent_axes"
    assert len(document["fingerprint"]) == 64
    assert document["options"]["levels"] == 5


def test_the_table_has_every_effect_with_its_interval_and_says_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FEW, "--outcomes", "x, hue", "--control", "z1", "--multiplicity", "holm"]) == 0
    out = capsys.readouterr().out
    assert "known-distinct · Latent axes · 6 base codes · 5 levels · seed 0 · 130 pictures" in out
    for text in (
        "hue (turns)",
        "z1",
        "−3 to 3 σ",
        "q < 0.001",
        "Holm for the 2 effects tested",
        "Hall 1992",
        "Paired:",
    ):
        assert text in out
    assert re.search(r"\[−0\.\d+, −0\.\d+\]", out)
    assert "z0" not in out


def test_files_hold_what_was_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printed = {}
    for suffix in ("csv", "json", "pdf", "svg", "png"):
        assert run([*FEW, "--json", "-o", f"a.{suffix}"]) == 0
        out, err = capsys.readouterr()
        printed[suffix] = json.loads(out)
        assert err.endswith(f"wrote a.{suffix}\n")
    effects = printed["csv"]["effects"]
    assert json.loads(Path("a.json").read_text())["effects"] == effects
    with Path("a.csv").open(newline="") as file:
        table = csv.DictReader(file)
        rows = list(table)
    assert tuple(table.fieldnames or ()) == COLUMNS
    whole = [row for row in rows if row["measure"] == "effect"]
    assert [float(row["value"]) for row in whole] == [effect["effect"] for effect in effects]
    assert [float(row["q"]) for row in whole] == [effect["q"] for effect in effects]
    curve = [float(row["value"]) for row in rows if row["measure"] == "change" and row["cause"] == "z0"]
    assert curve == [value for effect in effects[:5] for value in effect["curve"]]
    own = [float(row["value"]) for row in rows if row["measure"] == "individual"]
    assert own == [value for effect in effects for value in effect["individual"]]
    # Every figure carries the numbers.
    assert json.loads(from_pdf(Path("a.pdf").read_bytes()) or b"")["effects"] == effects
    with Image.open("a.png") as image:
        assert json.loads(image.text[ATTACHMENT])["effects"] == effects  # type: ignore[attr-defined]
    drawing = ElementTree.parse("a.svg").getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}
    metadata = drawing.find("svg:metadata", space)
    assert metadata is not None
    assert json.loads(base64.b64decode(metadata.text or ""))["effects"] == effects
    texts = [one.text for one in drawing.findall("svg:text", space)]
    assert {"Effects on known-distinct", "z0", "z2", "hue (turns)"} <= set(texts)
    assert len(drawing.findall("svg:polygon", space)) == 15  # the interval of every curve


def test_values_are_set_and_others_randomised(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--values", "--from", "-12", "--to", "12", "--others", "randomised", "--draws", "2", "--json"]
    assert run([*FEW, *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["causes"][0]["levels"] == [-12, -6, -3, 0, 3, 6, 12]
    assert document["causes"][0]["holds"] == "value"
    assert document["pictures"] == 3 * 7 * 12 + 100


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-n", "2"], "The number of base codes is 2; it must be between 4 and 4096."),
        (["--control", "zz"], "There is no control 'zz' in this set of Latent axes; it has z0, z1, z2."),
        (["--outcomes", "smile"], "'known_factors' reads no attribute 'smile'"),
        (["--outcomes", "x,,y"], "'--outcomes x,,y' has an empty name"),
        (["--attributes", "nowhere.onnx"], "nowhere.onnx"),
        (["--others", "gone"], "'--others gone' is not one of held, randomised."),
        (["--multiplicity", "none"], "'--multiplicity none' is not one of bh, holm."),
        (["--draws", "3"], "Several draws at a base code differ only where"),
        (["--from", "3", "--to", "-3"], "A range from 3 to -3 is empty"),
        (["--controls", "nothing.safetensors"], "'nothing.safetensors' is neither a control set's file nor a method"),
        (["-o", "a.txt"], "'a.txt' is no table or figure; use .csv, .json, .pdf, .svg or .png."),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FEW, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert not list(Path().iterdir())
