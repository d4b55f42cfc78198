"""The recipes of autoencoders that come with the program: readable, and their settings fit their worlds."""

from __future__ import annotations

import pytest
import torch

from explorer.training.autoencoder import AutoencoderTrainer
from explorer.training.base import RECIPES, read_recipe
from explorer.training.data import source_of
from explorer.training.loop import trainer_for
from explorer.training.vae_losses import LOSSES

TRAINERS = ("vae", "flow_vae", "qlae", "cvae")
OURS = [path.stem for path in sorted(RECIPES.glob("*.toml")) if read_recipe(path.stem).trainer in TRAINERS]


def test_every_trainer_and_loss_has_an_example() -> None:
    recipes = [read_recipe(name) for name in OURS]
    assert {recipe.trainer for recipe in recipes} == set(TRAINERS)
    assert {recipe.settings["loss"] for recipe in recipes if recipe.trainer == "vae"} == set(LOSSES)


@pytest.mark.parametrize("name", OURS)
def test_a_recipe_makes_a_network_for_the_pictures_of_its_world(name: str) -> None:
    recipe = read_recipe(name)
    source = source_of(recipe)
    trainer = trainer_for(recipe, source, torch.device("cpu"))
    assert isinstance(trainer, AutoencoderTrainer)
    config = trainer.network.config
    assert (config.size, config.channels) == (source.size, source.channels)
    assert config.problem() == ""
