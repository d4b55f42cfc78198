"""The shipped StyleGAN2 models are what their cards say."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.numerics.distances import pyramid_sliced_wasserstein
from explorer.scene.defaults import FIRST_MODEL
from explorer.scene.model import Quality
from explorer.training.base import read_recipe
from explorer.training.data import source_of

SHIPPED = {"shapes-stylegan2": (64, 64, 3), "faces-stylegan2": (64, 64, 3), "digits-stylegan2": (32, 32, 1)}


@pytest.fixture(scope="module", params=SHIPPED)
def generator(request: pytest.FixtureRequest) -> StyleGAN2Generator:
    loaded = registry.load(request.param, torch.device("cpu"))
    assert isinstance(loaded, StyleGAN2Generator)
    return loaded


def test_it_is_small_and_of_its_size(generator: StyleGAN2Generator) -> None:
    card = generator.card
    assert (*card.size, card.shape[0]) == SHIPPED[card.name]
    assert (card.shipped, card.licence) == (True, "Apache-2.0")
    folder = registry.resolve(card.name)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 16 << 20
    assert {"README.md", "samples.png"} <= {path.name for path in folder.iterdir()}


def test_the_sample_sheet_shows_seeds_0_to_63(generator: StyleGAN2Generator) -> None:
    """Two white pixels between the pictures."""
    sheet = np.asarray(Image.open(registry.resolve(generator.card.name) / "samples.png")).astype(float)
    pictures = (generator.render(generator.sample(range(64)), Quality()) + 1) * 127.5
    side = generator.card.size[0]
    for index in (0, 9, 37, 63):
        top, left = index // 8 * (side + 2), index % 8 * (side + 2)
        shown = sheet[top : top + side, left : left + side].reshape(side, side, -1)
        assert np.abs(shown - pictures[index].permute(1, 2, 0).numpy()).max() < 1.5


def test_it_follows_the_recipe_that_ships(generator: StyleGAN2Generator) -> None:
    name = generator.card.name
    card = json.loads((registry.resolve(name) / "card.json").read_text())
    recipe = read_recipe(name)
    assert card["recipe"]["settings"] == recipe.settings
    assert (card["recipe"]["steps"], card["recipe"]["seed"]) == (recipe.steps, recipe.seed)
    assert generator.card.notes.startswith("StyleGAN2 with a warm start")


def test_the_first_model_says_which_seed_a_window_begins_with() -> None:
    """A seed somebody has looked at: with new weights it must be chosen anew, and a new card says none."""
    said = json.loads((registry.resolve(FIRST_MODEL) / "card.json").read_text())
    assert registry.describe(FIRST_MODEL).example_seed == said["example_seed"]


def test_samples_are_close_to_data(generator: StyleGAN2Generator) -> None:
    """At every size at most two and a half times as far as two samples of data are apart: the strokes of the digits are
    a tenth heavier than the data's, as their card says."""
    recipe = read_recipe(generator.card.name)
    source = source_of(recipe)
    data, other = (source.draw(512, 10**7 + half).images for half in (0, 1))
    drawn = torch.cat([generator.render(generator.sample(range(k, k + 64)), Quality()) for k in range(0, 512, 64)])
    reached, chance = pyramid_sliced_wasserstein(drawn, data), pyramid_sliced_wasserstein(other, data)
    for side, distance in reached.items():
        assert distance < 2.5 * chance[side], side


def test_statistics_of_w(generator: StyleGAN2Generator) -> None:
    z = torch.randn(8000, 64, generator=torch.Generator().manual_seed(5))
    w = generator.advance(Latent({"z": z}), "w").tensors["w"]
    deviation = generator.network.get_buffer("w_std")
    assert float(((w.mean(0) - generator.network.get_buffer("w_mean")) / deviation).abs().max()) < 0.06
    assert torch.allclose(w.std(0), deviation, rtol=0.05)
