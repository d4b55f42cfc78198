"""Prompts, guidance and samplers on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_texts import save_stable

from explorer.cli.main import run
from explorer.export.embed import read


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_stable(tmp_path_factory.mktemp("stable") / "model"))


def pixels(name: str) -> np.ndarray:
    return np.asarray(Image.open(name))


def test_a_prompt_is_drawn_and_travels_with_the_picture(stable: str) -> None:
    options = ["--prompt", "a red cat", "--negative-prompt", "blue", "--guidance", "9", "--sampler", "unipc"]
    assert run(["render", stable, "--steps", "4", "-o", "a.png"]) == 0
    assert run(["render", stable, "--steps", "4", *options, "-o", "b.png"]) == 0
    scene = read(Path("b.png"))[0]
    assert (scene.condition.prompt, scene.condition.negative_prompt) == ("a red cat", "blue")
    assert (scene.condition.guidance, scene.quality.sampler) == (9.0, "unipc")
    assert not np.array_equal(pixels("a.png"), pixels("b.png"))
    assert run(["replay", "b.png", "-o", "again.png"]) == 0
    assert np.array_equal(pixels("again.png"), pixels("b.png"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--sampler", "dpm"], "there is no sampler 'dpm'"),
        (["--guidance", "101"], "101"),
        (["--guidance", "much"], "much"),
    ],
)
def test_what_cannot_be_is_refused(
    stable: str, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["render", stable, *options, "-o", "a.png"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_model_that_reads_no_text_says_so(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option, value in (
        ("--prompt", "a cat"),
        ("--negative-prompt", "blue"),
        ("--guidance", "3"),
        ("--sampler", "ddim"),
    ):
        assert run(["render", model, option, value, "-o", "a.png"]) == 2
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert "out." in told
