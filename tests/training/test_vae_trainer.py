"""The VAE trainer: its losses against closed forms, and what it exports."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from explorer.generators import registry
from explorer.metrics import latent_activity
from explorer.scene.model import Quality
from explorer.training.base import Recipe, read_recipe
from explorer.training.batch import Batch
from explorer.training.data import source_of
from explorer.training.loop import batch_of, train
from explorer.training.vae import VaeTrainer
from explorer.training.vae_losses import loss_of

CPU = torch.device("cpu")
SMALL = {"widths": [8, 8, 8, 8], "hidden": 16, "latents": 4, "evaluation": 30, "warm_up": 1}
RECIPE = Recipe(name="toy-vae", trainer="vae", data="shapes", steps=3, batch=8, settings=SMALL)


def made(recipe: Recipe) -> VaeTrainer:
    return VaeTrainer(recipe, source_of(recipe), CPU)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(RECIPE, tmp_path_factory.mktemp("vae"), CPU)


def test_the_export_is_loaded_by_its_family_and_shows_the_same_pictures(model: Path) -> None:
    assert sorted(path.name for path in model.iterdir()) == [
        "card.json", "config.json", "model.safetensors", "samples.png",
    ]  # fmt: skip
    generator = registry.load(str(model), CPU)
    assert generator.card.family == "vae"
    assert generator.card.licence == "Apache-2.0"
    assert generator.card.origin == "trained by the recipe in this card"
    sheet = np.asarray(Image.open(model / "samples.png"))
    assert sheet.shape == (8 * 66 - 2, 8 * 66 - 2, 3)
    picture = generator.render(generator.sample([9]), Quality())[0]
    levels = ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    shown = sheet[66 : 66 + 64, 66 : 66 + 64]  # row 1, column 1 of eight: number 9
    assert np.abs(levels.astype(int) - shown).max() <= 1  # batches differ in the last bit of a sum


def test_the_card_holds_the_recipe_and_figures_that_the_exported_weights_have(model: Path) -> None:
    card = json.loads((model / "card.json").read_text())
    assert card["recipe"]["settings"] == SMALL
    assert card["figures"]["training_pictures"] == 24
    generator = registry.load(str(model), CPU)
    stored = latent_activity.from_generator(generator)
    assert (stored.data, stored.n, len(stored.kl)) == ("shapes", 30, 4)
    outputs = source_of(RECIPE).draw(30, 20_000_000).images
    mean, log_variance = generator.posterior(outputs)  # type: ignore[attr-defined]
    again = latent_activity.from_posterior(mean, log_variance, "shapes")
    assert again.kl == pytest.approx(stored.kl, abs=1e-5)
    assert again.variance_of_mean == pytest.approx(stored.variance_of_mean, abs=1e-5)
    assert again.highest_mean == pytest.approx(stored.highest_mean, abs=1e-5)
    squared = (generator.render(generator.encode(outputs), Quality()) - outputs).square().mean() / 4  # type: ignore[attr-defined]
    assert card["figures"]["reconstruction_mse"] == pytest.approx(squared.item(), rel=1e-4)


def test_figures_of_other_weights_are_not_believed(model: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    card = json.loads((model / "card.json").read_text())
    card["latent_activity"]["fingerprint"] = "0" * 64
    (tmp_path / "card.json").write_text(json.dumps(card))
    found = latent_activity.from_generator(registry.load(str(tmp_path), CPU), n=16)
    assert (found.data, found.n) == ("shapes", 16)  # drawn anew: the recipe still says what it was trained on
    del card["recipe"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    found = latent_activity.from_generator(registry.load(str(tmp_path), CPU), n=16)
    assert (found.data, found.n) == (latent_activity.SELF_ENCODED, 16)


def losses(**settings: object) -> dict[str, float]:
    recipe = msgspec.structs.replace(RECIPE, settings={**SMALL, **settings})
    return made(recipe).step(0, batch_of(source_of(recipe), recipe, 0))


def test_losses_are_the_weighted_sums_of_their_parts() -> None:
    plain, beta, total = losses(loss="vae"), losses(loss="beta", beta=7.0), losses(loss="btcvae", beta=7.0)
    assert plain["loss"] == pytest.approx(plain["reconstruction"] + plain["kl"], rel=1e-6)
    assert beta["loss"] == pytest.approx(beta["reconstruction"] + 7 * beta["kl"], rel=1e-6)
    expected = total["reconstruction"] + total["mutual_information"] + 7 * total["total_correlation"]
    assert total["loss"] == pytest.approx(expected + total["dimension_wise"], rel=1e-6)
    assert plain["reconstruction"] == beta["reconstruction"] == total["reconstruction"]


def test_an_untrained_network_pays_one_bit_a_subpixel() -> None:
    """Logits near 0 mean p = 1/2 for every subpixel: ln 2 nats each, whatever the target."""
    assert losses()["reconstruction"] == pytest.approx(np.log(2) * 3 * 64 * 64, rel=0.03)


def test_training_lowers_the_loss() -> None:
    recipe = msgspec.structs.replace(RECIPE, steps=60, settings={**SMALL, "learning_rate": 1e-2})
    trainer = made(recipe)
    images = batch_of(source_of(recipe), recipe, 0).images
    seen = [trainer.step(number, Batch(images, None))["reconstruction"] for number in range(60)]
    assert seen[-1] < 0.97 * seen[0]


def test_the_shipped_recipe_is_readable_and_its_settings_are_known() -> None:
    recipe = read_recipe("shapes-btcvae")
    assert (recipe.trainer, recipe.data) == ("vae", "shapes")
    kind, settings = loss_of(recipe)
    assert (kind.name, settings.latents) == ("btcvae", 10)
