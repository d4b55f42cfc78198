"""The QLAE trainer: what decays, what is clipped, a bit-exact resume, and what it exports."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.generators.qlae_network import QlaeNetwork
from explorer.scene.model import Quality
from explorer.training.base import Recipe, read_recipe
from explorer.training.data import source_of
from explorer.training.loop import batch_of, train
from explorer.training.qlae import QlaeSettings, QlaeTrainer, parameter_groups

CPU = torch.device("cpu")
SMALL = {"widths": [4, 4, 4, 4], "hidden": 8, "latents": 3, "codes": 5, "evaluation": 40}
RECIPE = Recipe(
    name="toy-qlae", trainer="qlae", data="shapes", uniform=True, steps=4, batch=8, checkpoint_every=2, settings=SMALL
)


def made(**settings: object) -> QlaeTrainer:
    recipe = msgspec.structs.replace(RECIPE, settings={**SMALL, **settings})
    return QlaeTrainer(recipe, source_of(recipe), CPU)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qlae")
    train(RECIPE, folder, CPU)
    return folder


def test_weights_decay_but_for_biases_and_the_codebook() -> None:
    trainer = made(weight_decay=0.7)
    named = {id(parameter): name for name, parameter in trainer.network.named_parameters()}
    decaying, kept = parameter_groups(trainer.network, 0.7)
    assert (decaying["weight_decay"], kept["weight_decay"]) == (0.7, 0.0)
    assert {named[id(p)] for p in kept["params"]} == {n for n in named.values() if "bias" in n} | {"codebook"}
    assert len(decaying["params"]) + len(kept["params"]) == len(named)
    assert all(named[id(p)].endswith(".weight") for p in decaying["params"])


def test_the_loss_is_the_papers_sum_of_means() -> None:
    trainer = made(quantisation=0.3, commitment=0.2)
    batch = batch_of(source_of(RECIPE), RECIPE, 0)
    targets = (batch.images + 1) / 2
    with torch.no_grad():
        quantised = trainer.network.quantise(trainer.network.continuous(targets))
        probability = trainer.network.decode(quantised.codes)
        reconstruction = functional.binary_cross_entropy(probability, targets)  # mean over pictures and subpixels
    found = trainer.step(0, batch)
    assert found["reconstruction"] == pytest.approx(reconstruction.item(), rel=1e-5)
    expected = reconstruction + 0.3 * quantised.quantisation + 0.2 * quantised.commitment
    assert found["loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_a_step_is_adamw_with_decoupled_decay_and_gradients_clipped_by_value() -> None:
    """Adam's first step moves every number by the learning rate against the gradient's sign, however small it is; the
    decay comes on top."""
    trainer = made(weight_decay=0.5, learning_rate=0.01)
    before = {name: value.detach().clone() for name, value in trainer.network.named_parameters()}
    trainer.step(0, batch_of(source_of(RECIPE), RECIPE, 0))
    for name, after in trainer.network.named_parameters():
        assert after.grad is not None
        decay = 0.0 if "bias" in name or name == "codebook" else 0.01 * 0.5
        moved = after.grad.abs() > 1e-5  # far above Adam's epsilon
        expected = before[name] * (1 - decay) - 0.01 * after.grad.sign()
        assert torch.allclose(after[moved], expected[moved], atol=2e-5), name


def test_large_gradients_are_clipped_number_by_number() -> None:
    trainer = made(commitment=1e6)
    trainer.step(0, batch_of(source_of(RECIPE), RECIPE, 0))
    decaying, kept = (group["params"] for group in trainer.optimiser.param_groups)
    limits = [parameter.grad.abs().max().item() for parameter in decaying]
    assert max(limits) == 1.0
    assert max(parameter.grad.abs().max().item() for parameter in kept) > 1.0


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_resumed_run_repeats_every_bit(run: Path, tmp_path: Path, stop: int) -> None:
    train(RECIPE, tmp_path, CPU, stop_after=stop)
    resumed = train(RECIPE, tmp_path, CPU)
    for name in ("model.safetensors", "samples.png"):
        assert (resumed / name).read_bytes() == (run / "model" / name).read_bytes()


def test_the_export_is_loaded_by_its_family_and_shows_the_same_pictures(run: Path) -> None:
    folder = run / "model"
    assert {path.name for path in folder.iterdir()} == {
        "card.json", "config.json", "model.safetensors", "samples.png",
    }  # fmt: skip
    generator = registry.load(str(folder), CPU)
    assert (generator.card.family, generator.card.spaces["z"].shape) == ("qlae", (3,))
    sheet = np.asarray(Image.open(folder / "samples.png"))
    picture = generator.render(generator.sample([9]), Quality())[0]
    levels = ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    assert np.abs(levels.astype(int) - sheet[66 : 66 + 64, 66 : 66 + 64]).max() <= 1


def test_the_card_holds_figures_that_the_exported_weights_have(run: Path) -> None:
    card = json.loads((run / "model" / "card.json").read_text())
    assert card["figures"]["training_pictures"] == 32
    generator = registry.load(str(run / "model"), CPU)
    outputs = source_of(RECIPE).held_out(40, 0).images
    z = generator.encode(outputs).tensors["z"]  # type: ignore[attr-defined]
    squared = (generator.render(generator.encode(outputs), Quality()) - outputs).square().mean() / 4  # type: ignore[attr-defined]
    assert card["figures"]["reconstruction_mse"] == pytest.approx(squared.item(), rel=1e-4)
    shares = (z[:, :, None] == generator.codebook).double().mean(dim=0)  # type: ignore[attr-defined]
    assert torch.allclose(shares, generator.usage, atol=1e-6)  # type: ignore[attr-defined]
    assert card["figures"]["codes_in_use"] == int((shares > 0).sum())
    expected = sum(-p * np.log(p) for p in shares.flatten().tolist() if p > 0)
    assert card["figures"]["code_entropy_nats"] == pytest.approx(expected, rel=1e-6)


def test_training_lowers_the_loss() -> None:
    recipe = msgspec.structs.replace(RECIPE, steps=60, settings={**SMALL, "learning_rate": 1e-2})
    trainer = QlaeTrainer(recipe, source_of(recipe), CPU)
    batch = batch_of(source_of(recipe), recipe, 0)
    seen = [trainer.step(number, batch)["reconstruction"] for number in range(60)]
    assert seen[-1] < 0.97 * seen[0]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"codes": 1}, "codes must be 2..1024"),
        ({"beta": 1.0}, "unknown field `beta`"),
        ({"latents": 0}, "latents must"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        made(**settings)


def test_the_shipped_recipe_is_readable_and_its_settings_are_known() -> None:
    recipe = read_recipe("shapes-qlae")
    assert (recipe.trainer, recipe.data, recipe.uniform) == ("qlae", "shapes", True)
    settings = msgspec.convert(recipe.settings, QlaeSettings)
    assert (settings.latents, settings.codes) == (12, 10)
    assert QlaeNetwork(QlaeTrainer(recipe, source_of(recipe), CPU).network.config).codebook.shape == (12, 10)
