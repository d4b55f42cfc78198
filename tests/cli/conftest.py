"""A tiny VAE, trained by the command itself, for every test of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.cli.main import run

RECIPE = """
name = "tiny"
trainer = "vae"
data = "shapes"
steps = 2
batch = 4
checkpoint_every = 1

[settings]
widths = [4, 4, 4, 4]
hidden = 8
latents = 3
evaluation = 8
warm_up = 1
"""


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def model(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENT_EXPLORER_DEVICE", "cpu")
        assert run(["train", str(tiny_recipe), "-o", str(folder)]) == 0
    return str(folder / "model")
