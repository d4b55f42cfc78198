"""The classes of a conditional model, chosen on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_files import exported, own_stylegan2, write_official
from PIL import Image

from explorer.cli.main import run
from explorer.export.embed import read


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("conditional")
    return str(write_official(folder / "classes.pkl", exported(own_stylegan2(classes=3, label_width=4)), {}))


def test_a_class_is_drawn_and_travels_with_the_picture(conditional: str) -> None:
    for name, options in (("a", []), ("b", ["--class", "0"]), ("c", ["--class", "2"])):
        assert run(["render", conditional, "--seed", "3", *options, "-o", f"{name}.png"]) == 0
    scenes = [read(Path(f"{name}.png"))[0] for name in "abc"]
    assert [scene.condition.classes for scene in scenes] == [(), ((0, 1.0),), ((2, 1.0),)]
    _, first, last = (np.asarray(Image.open(f"{name}.png")) for name in "abc")
    assert not np.array_equal(first, last)
    assert run(["replay", "c.png", "-o", "again.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("again.png")), last)


def test_weights_are_shares(conditional: str) -> None:
    assert run(["render", conditional, "--class", "0=3", "--class", "2=1", "-o", "a.png"]) == 0
    assert read(Path("a.png"))[0].condition.classes == ((0, 0.75), (2, 0.25))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--class", "3"], "3 is out of range; it must be between 0 and 2"),
        (["--class", "cat"], "'--class'"),
        (["--class", "1=x"], "'x' is no number"),
        (["--class", "1", "--class", "1=2"], "names class 1 twice"),
        (["--class", "1=-1", "--class", "2=2"], "none below 0"),
        (["--class", "1=0"], "not all of them 0"),
    ],
)
def test_what_is_no_class_is_refused(
    conditional: str, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["render", conditional, *options, "-o", "a.png"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert sentence in told


def test_a_model_without_classes_says_so(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", model, "--class", "0", "-o", "a.png"]) == 2
    assert "was trained without classes; leave --class out" in capsys.readouterr().err
