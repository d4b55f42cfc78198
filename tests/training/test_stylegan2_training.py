"""The StyleGAN2 trainer at toy size: every stage, resume bit for bit, the finished folder; and its optimiser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.generators.base import Latent, standard_normal
from explorer.numerics.flow_matching import integrate, on_sphere
from explorer.scene.model import Quality
from explorer.training.base import Recipe, read_recipe
from explorer.training.batch import Batch
from explorer.training.data import source_of
from explorer.training.loop import train
from explorer.training.muon import Muon, orthogonalise
from explorer.training.stylegan2 import StyleGAN2Trainer
from explorer.training.stylegan2_settings import pyramid_distance

CPU = torch.device("cpu")
TOY = Recipe(
    name="toy", trainer="stylegan2", data="", size=16, steps=16, batch=4, seed=3, checkpoint_every=100,
    settings={
        "channels": [8, 8, 6], "z_dim": 5, "w_dim": 5, "mapping_layers": 2, "mapping_width": 8,
        "encoder_channels": [4, 8], "discriminator_channels": [4, 8], "autoencoder_steps": 4, "small_steps": [1, 1],
        "flow_steps": 3, "flow_updates": 2, "flow_batch": 8, "flow_width": 8, "distillation_steps": 2,
        "distillation_updates": 2, "discriminator_warm_up": 1, "r1_every": 2, "evaluation": 6,
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: 20 colour pictures of 16 pixels, and no world that knows more of them."""
    made = tmp_path_factory.mktemp("pictures")
    source = np.random.default_rng(0)
    for index in range(20):
        coarse = Image.fromarray(source.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((16, 16), Image.Resampling.BILINEAR).save(made / f"{index:02}.png")
    return made


@pytest.fixture(scope="module")
def toy(folder: Path) -> Recipe:
    return msgspec.structs.replace(TOY, data=str(folder))


def made(recipe: Recipe) -> StyleGAN2Trainer:
    return StyleGAN2Trainer(recipe, source_of(recipe), CPU)


def changed(recipe: Recipe, **settings: Any) -> Recipe:
    return msgspec.structs.replace(recipe, settings={**recipe.settings, **settings})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("ada_target", [0.0, 0.6])
def test_a_resumed_run_repeats_bit_for_bit(tmp_path: Path, toy: Recipe, precision: str, ada_target: float) -> None:
    """Stopped in every stage; and the finished folder is a model that the family opens and draws the same with."""
    recipe = changed(toy, precision=precision, ada_target=ada_target, ada_kimg=0.02)
    seen: list[set[str]] = []
    chances: list[float] = []

    def report(done: int, steps: int, losses: dict[str, float], rate: float) -> None:
        seen.append(set(losses))
        chances.append(losses.get("augmentation", 0.0))

    straight = train(recipe, tmp_path / "straight", CPU, report=report)
    for stop in (3, 6, 8, 11, 14):
        train(recipe, tmp_path / "resumed", CPU, stop_after=stop)
    resumed = train(recipe, tmp_path / "resumed", CPU)
    for name in ("config.json", "model.safetensors", "samples.png"):
        assert (straight / name).read_bytes() == (resumed / name).read_bytes(), name
    warm_up = {"discriminator"} | ({"augmentation", "real_signs"} if ada_target else set())
    adversarial = {*warm_up, "generator", "reconstruction"}
    stages = [{"reconstruction"}] * 4 + [{"flow"}] * 3 + [{"distillation"}] * 2 + [warm_up] + [adversarial] * 6
    assert seen == stages

    card = json.loads((straight / "card.json").read_text())
    assert card["recipe"]["seed"] == 3
    assert card["figures"]["training_pictures"] == 64
    assert card["figures"]["sliced_wasserstein_16px_data_to_data"] > 0
    generator = registry.load(str(straight), CPU)
    pictures = generator.render(generator.sample([0, 1]), Quality())
    trainer = made(recipe)
    trainer.restore(torch.load(tmp_path / "straight" / "checkpoint.pt", weights_only=True)["trainer"])
    assert torch.allclose(trainer.samples(2, seed=0), pictures, atol=1e-6)


def test_the_adversarial_stage_alone_is_a_run(tmp_path: Path, toy: Recipe) -> None:
    recipe = changed(toy, autoencoder_steps=0, flow_steps=0, distillation_steps=0, anchor_weight=0.0, w_dim=7)
    seen: list[set[str]] = []
    model = train(recipe, tmp_path, CPU, report=lambda done, steps, losses, rate: seen.append(set(losses)))
    assert seen == [{"discriminator"}] + [{"discriminator", "generator"}] * 15
    card = json.loads((model / "card.json").read_text())
    assert "warm start" not in card["notes"]
    assert "reconstruction_l1" not in card["figures"]
    assert registry.load(str(model), CPU).card.spaces["w"].shape == (7,)


def test_samples_come_from_what_is_trained_so_far(toy: Recipe) -> None:
    """N(0, I) while the codes are being learned, then the flow, then the mapping network."""
    trainer = made(toy)
    z = standard_normal([3], (5,))
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    for number in range(9):
        trainer.step(number, Batch(images, None))
        with torch.no_grad():
            flowed = integrate(trainer.prior.average_velocity, on_sphere(z), trainer.settings.integration_steps)
            expected = {3: z, 6: flowed, 8: trainer.average.mapping(z)}
            if number in expected:
                network = trainer.average
                drawn = network.synthesis(network.styles(network.broadcast(expected[number]))).clamp(-1, 1)
                assert torch.allclose(trainer.samples(1, seed=3), drawn, atol=1e-6), number


def test_statistics_of_w_are_those_of_the_mapping(tmp_path: Path, toy: Recipe) -> None:
    generator = registry.load(str(train(toy, tmp_path, CPU)), CPU)
    z = torch.randn(20000, 5, generator=torch.Generator().manual_seed(99))
    w = generator.advance(Latent({"z": z}), "w").tensors["w"]
    network = generator.network  # type: ignore[attr-defined]
    assert torch.allclose(network.w_mean, w.mean(0), atol=4 * float(w.std()) / 100)
    assert torch.allclose(network.w_std, w.std(0), rtol=0.05)


def test_the_autoencoder_learns_a_few_pictures(toy: Recipe) -> None:
    trainer = made(changed(toy, autoencoder_steps=1000, small_steps=[], code_noise=0.0, w_dim=8, z_dim=8))
    images = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    images = torch.nn.functional.interpolate(images, size=16, mode="bilinear")
    first = trainer.step(0, Batch(images, None))["reconstruction"]
    for number in range(1, 80):
        last = trainer.step(number, Batch(images, None))["reconstruction"]
    assert last < 0.35 * first


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_about_the_same(toy: Recipe, precision: str) -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    full, half = made(toy), made(changed(toy, precision=precision))
    for number in (0, 2, 3, 10, 11):
        a, b = full.step(number, Batch(images, None)), half.step(number, Batch(images, None))
        assert a.keys() == b.keys()
        for name, value in a.items():
            assert b[name] == pytest.approx(value, rel=0.1, abs=0.05)


def test_augmentation_rises_while_the_discriminator_is_sure(toy: Recipe) -> None:
    """A discriminator that calls every real picture real: p rises by the pictures seen over ``ada_kimg``."""
    trainer = made(changed(toy, ada_target=0.6, ada_kimg=0.1, ada_groups=["shift", "colour"]))
    with torch.no_grad():
        trainer.discriminator.out.bias.fill_(50.0)
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    losses = [trainer.step(9 + number, Batch(images, None)) for number in range(4)]
    assert [one["augmentation"] for one in losses] == pytest.approx([0.0, 0.0, 0.0, 16 / 100])
    assert losses[-1]["real_signs"] == 1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"colour": 3}, "unknown field"),
        ({"channels": [8, 8]}, "2 channel counts"),
        ({"encoder_channels": [4]}, "do not bring 16 pixels down to 4"),
        ({"z_dim": 4}, "needs z_dim = w_dim"),
        ({"autoencoder_steps": 0}, "trains no autoencoder"),
        ({"precision": "int8"}, "not 'float32', 'bfloat16', 'float16'"),
        ({"ada_groups": ["hue"]}, "Invalid enum value"),
    ],
)
def test_wrong_settings_are_one_sentence(toy: Recipe, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ExplorerError, match="The recipe 'toy'") as caught:
        made(changed(toy, **settings))
    assert words in str(caught.value)


def test_the_shipped_recipe_is_sound() -> None:
    recipe = read_recipe("shapes-stylegan2")
    trainer = made(recipe)
    assert 0 < trainer.adversarial_start <= recipe.steps
    assert trainer.samples(2, 0).shape == (2, 3, 64, 64)


def test_pyramid_distance_weighs_sizes_alike() -> None:
    a, b = torch.zeros(1, 1, 32, 32), torch.full((1, 1, 32, 32), 0.5)
    assert float(pyramid_distance(a, b)) == pytest.approx(0.5)
    checkers = ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1.0)[None, None]
    assert float(pyramid_distance(a, checkers)) == pytest.approx(1 / 3)  # 1 at 32 pixels, 0 at 16 and 8


def test_orthogonalise_brings_singular_values_to_one() -> None:
    source = torch.Generator().manual_seed(0)
    for shape in ((6, 20), (20, 6), (9, 9)):
        matrix = torch.randn(*shape, generator=source, dtype=torch.float64)
        u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
        found = orthogonalise(matrix)
        values = torch.linalg.svdvals(found)
        assert float(values.min()) > 0.3
        assert float(values.max()) < 1.3
        # Same singular vectors: in their frame it is diagonal.
        frame = u.T @ found @ vh.T
        assert torch.allclose(frame, torch.diag(frame.diagonal()), atol=1e-6)


def test_muon_steps_by_its_rate_and_descends() -> None:
    source = torch.Generator().manual_seed(0)
    target, parameter = torch.randn(8, 4, 3, generator=source), torch.nn.Parameter(torch.zeros(8, 4, 3))
    optimiser = Muon([parameter], lr=0.05)
    losses = []
    for step in range(60):
        loss = (parameter - target).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if step == 0:
            assert float(parameter.detach().square().mean().sqrt()) == pytest.approx(0.05, rel=0.4)
    assert losses[-1] < 0.05 * losses[0]
