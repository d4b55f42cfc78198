"""The trainer of conditional VAEs: what is conditioned on, the loss, a bit-exact resume, and what it exports."""

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
from explorer.scene.model import Quality
from explorer.training.base import Recipe
from explorer.training.cvae import ROWS, ConditionalVaeTrainer
from explorer.training.data import EVALUATION_SEED, source_of
from explorer.training.loop import batch_of, train

CPU = torch.device("cpu")
SMALL = {"widths": [4, 4, 4, 4], "hidden": 8, "latents": 2, "evaluation": 40}
RECIPE = Recipe(
    name="toy-cvae", trainer="cvae", data="shapes", uniform=True, steps=4, batch=8, checkpoint_every=2, settings=SMALL
)


def made(**settings: object) -> ConditionalVaeTrainer:
    recipe = msgspec.structs.replace(RECIPE, settings={**SMALL, **settings})
    return ConditionalVaeTrainer(recipe, source_of(recipe), CPU)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cvae")
    train(RECIPE, folder, CPU)
    return folder


def test_the_conditions_are_the_worlds_factors_standardised() -> None:
    trainer = made()
    factors = torch.from_numpy(trainer.world.independent(4000, 3))
    coordinates = trainer.coordinates(factors)
    assert [condition.width for condition in trainer.network.config.conditions] == [2, 2, 2, 1, 4, 1]
    for column in (0, 1, 2, 3, 5):
        assert coordinates[:, column].mean().item() == pytest.approx(0.0, abs=0.12)
        assert coordinates[:, column].std().item() == pytest.approx(1.0, abs=0.08)
    assert torch.equal(coordinates[:, 4], factors[:, 4])  # shape: the index of its level
    embedded = trainer.network.embed(coordinates)
    angle = 2 * np.pi * factors[:, 0].double()
    assert torch.allclose(embedded[:, 0].double(), angle.cos(), atol=1e-4)
    assert torch.allclose(embedded[:, 1].double(), angle.sin(), atol=1e-4)
    one_hot = functional.one_hot(factors[:, 4].long(), 4)
    assert torch.equal(embedded[:, 7:11], one_hot.float())


def test_the_loss_is_the_sum_of_its_terms() -> None:
    batch = batch_of(source_of(RECIPE), RECIPE, 0)
    found = made(beta=3.0, reading=7.0).step(0, batch)
    expected = found["reconstruction"] + 3 * found["kl"] + 7 * found["factors"]
    assert found["loss"] == pytest.approx(expected, rel=1e-6)
    trainer = made(beta=3.0, reading=7.0)
    assert batch.factors is not None
    with torch.no_grad():
        features = trainer.network.encoder((batch.images + 1) / 2)
        embedded = trainer.network.embed(trainer.coordinates(batch.factors))
        mean, log_variance = trainer.network.posterior(features, embedded)
        told = trainer.network.reader(features)
    assert found["factors"] == pytest.approx(0.5 * (told - embedded).square().sum().item() / 8, rel=1e-5)
    prior = torch.distributions.Normal(torch.zeros(8, 2), torch.ones(8, 2))
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = torch.distributions.kl_divergence(posterior, prior).sum(dim=1).mean()
    assert found["kl"] == pytest.approx(divergence.item(), rel=1e-4)


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_repeats_every_bit(run: Path, tmp_path: Path, stop: int) -> None:
    train(RECIPE, tmp_path, CPU, stop_after=stop)
    resumed = train(RECIPE, tmp_path, CPU)
    for name in ("model.safetensors", "config.json", "samples.png"):
        assert (resumed / name).read_bytes() == (run / "model" / name).read_bytes()


def test_the_export_is_loaded_by_its_family_and_shows_the_same_pictures(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    assert (generator.card.family, generator.card.spaces["z"].shape) == ("cvae", (8,))
    sheet = np.asarray(Image.open(run / "model" / "samples.png"))
    picture = generator.render(generator.sample([9]), Quality())[0]
    levels = ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    assert np.abs(levels.astype(int) - sheet[66 : 66 + 64, 66 : 66 + 64]).max() <= 1


def test_the_card_holds_figures_that_the_exported_weights_have(run: Path) -> None:
    figures = json.loads((run / "model" / "card.json").read_text())["figures"]
    generator = registry.load(str(run / "model"), CPU)
    batch = source_of(RECIPE).held_out(40, 0)
    point = generator.encode(batch.images)  # type: ignore[attr-defined]
    squared = (generator.render(point, Quality()) - batch.images).square().mean() / 4
    assert figures["reconstruction_mse_factors_read"] == pytest.approx(squared.item(), rel=1e-4)
    assert batch.factors is not None
    told = point.tensors["z"][:, 2:]
    wrong = (told[:, 4] != batch.factors[:, 4]).double().mean()
    assert figures["shape_reading_error"] == pytest.approx(wrong.item())
    orientation = generator._network.config.conditions[5]  # type: ignore[attr-defined]
    degrees = told[:, 5].double() * orientation.deviation + orientation.mean
    assert figures["orientation_reading_error"] == pytest.approx(
        (degrees - batch.factors[:, 5]).abs().mean().item(), rel=1e-4
    )
    assert 0 <= figures["floor_hue_reading_error"] <= 0.5  # half a turn is the furthest


def test_samples_have_factors_that_the_world_draws_together(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    trainer = made()
    wanted = trainer.coordinates(torch.from_numpy(trainer.world.independent(ROWS, EVALUATION_SEED)))
    for point in generator.sample(range(10)).tensors["z"]:
        assert (wanted - point[2:]).abs().max(dim=1).values.min() < 1e-4


def test_it_learns_to_draw_what_it_is_told() -> None:
    """After a short run the floor's colour follows the factor, whatever the noise."""
    settings = {**SMALL, "widths": [8, 8, 8, 8], "hidden": 64, "learning_rate": 6e-3}
    recipe = msgspec.structs.replace(RECIPE, steps=200, batch=16, settings=settings)
    trainer = ConditionalVaeTrainer(recipe, source_of(recipe), CPU)
    batches = [batch_of(source_of(recipe), recipe, number) for number in range(6)]
    seen = [trainer.step(number, batches[number % 6])["reconstruction"] for number in range(200)]
    assert np.mean(seen[-10:]) < 0.97 * np.mean(seen[:10])
    points = torch.zeros(2, 8)
    points[1, 2] = 0.5 / trainer.network.config.conditions[0].deviation  # half a turn of the floor's hue
    floor = trainer.network.decode(points)[:, :, -8:].mean(dim=(2, 3))
    assert (floor[0] - floor[1]).abs().max() > 0.1


def test_pictures_without_factors_are_refused_in_one_sentence(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(20):
        colour = (10 * number, 100, 200)
        Image.new("RGB", (64, 64), colour).save(pictures / f"{number}.png")
    recipe = msgspec.structs.replace(RECIPE, data=str(pictures), size=64, uniform=False)
    with pytest.raises(ExplorerError, match="needs to know the factors of every picture"):
        train(recipe, tmp_path / "run", CPU)
