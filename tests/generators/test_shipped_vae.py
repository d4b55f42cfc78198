"""The shipped VAE is the one that its card describes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.files import package_folder
from explorer.generators import registry
from explorer.metrics import latent_activity
from explorer.scene.model import Quality
from explorer.worlds import registry as worlds

FOLDER = package_folder("models") / "shapes-btcvae"


@pytest.fixture(scope="module")
def generator() -> Any:
    return registry.load("shapes-btcvae", torch.device("cpu"))


@pytest.fixture(scope="module")
def outputs() -> torch.Tensor:
    world = worlds.world("shapes")
    return torch.from_numpy(world.render(world.sample(300, 1234))).permute(0, 3, 1, 2) / 127.5 - 1


def test_it_is_small_and_documented() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 4_000_000
    assert {path.name for path in FOLDER.iterdir()} == {
        "README.md", "card.json", "config.json", "model.safetensors", "samples.png",
    }  # fmt: skip
    card = registry.describe("shapes-btcvae")
    assert (card.family, card.size, card.channels, card.licence) == ("vae", (64, 64), 3, "Apache-2.0")


def test_it_reconstructs_as_well_as_its_card_says(generator: Any, outputs: torch.Tensor) -> None:
    again = generator.render(generator.encode(outputs), Quality())
    error = ((again - outputs) / 2).square().mean().item()
    figures = json.loads((FOLDER / "card.json").read_text())["figures"]
    assert error == pytest.approx(figures["reconstruction_mse"], rel=0.15)


def test_its_axes_are_as_active_as_its_card_says(generator: Any, outputs: torch.Tensor) -> None:
    stored = latent_activity.from_generator(generator)
    assert (stored.data, stored.n) == ("shapes", 10_000)
    measured = latent_activity.from_posterior(*generator.posterior(outputs))
    assert measured.kl == pytest.approx(stored.kl, abs=0.2)
    assert stored.counts["active"] >= 6


def test_its_sample_sheet_shows_its_samples(generator: Any) -> None:
    sheet = np.asarray(Image.open(FOLDER / "samples.png"))
    pictures = generator.render(generator.sample(range(8)), Quality())
    levels = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    for index, picture in enumerate(levels):
        shown = sheet[:64, index * 66 : index * 66 + 64]
        assert np.abs(shown.astype(int) - picture).max() <= 2  # another processor rounds the last bits differently


def test_every_factor_of_its_world_can_be_read_from_its_code(generator: Any) -> None:
    """Least squares on the code, its squares and products: what the card calls captured (R² on pictures left out)."""
    world = worlds.world("shapes")
    factors = world.sample(1600, 77)
    pictures = torch.from_numpy(world.render(factors)).permute(0, 3, 1, 2)
    code = torch.cat([generator.encode(part / 127.5 - 1).tensors["z"] for part in pictures.split(200)]).double().numpy()
    width = code.shape[1]
    products = [code[:, i : i + 1] * code[:, i:] for i in range(width)]
    features = np.concatenate([np.ones((len(code), 1)), code, code**3, *products], axis=1)
    turns = 2 * np.pi * factors[:, :3]
    targets = np.concatenate([np.cos(turns), np.sin(turns), factors[:, [3, 5]]], axis=1)
    weights = np.linalg.lstsq(features[:1200], targets[:1200], rcond=None)[0]
    left_over = (targets[1200:] - features[1200:] @ weights).var(axis=0) / targets[1200:].var(axis=0)
    assert (1 - left_over > 0.85).all()
