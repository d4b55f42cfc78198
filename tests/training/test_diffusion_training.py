"""Latent diffusion training: the parts by their definitions, then a toy run from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from explorer.errors import ExplorerError
from explorer.generators.registry import identify, load
from explorer.scene.model import Quality
from explorer.training.averaging import average_into
from explorer.training.base import Recipe, read_recipe
from explorer.training.batch import Batch
from explorer.training.data import source_of
from explorer.training.diffusion import DiffusionTrainer
from explorer.training.diffusion_figures import energy_distance
from explorer.training.diffusion_networks import build_autoencoder, build_unet, standardise_latents
from explorer.training.loop import train

CPU = torch.device("cpu")
SMALL = {"autoencoder_widths": [8, 8, 16], "unet_widths": [16, 16], "evaluation": 4, "full_steps": 4}


def made(recipe: Recipe) -> DiffusionTrainer:
    return DiffusionTrainer(recipe, source_of(recipe), CPU)


def recipe(steps: int, autoencoder_steps: int, **settings: object) -> Recipe:
    return Recipe(
        name="toy", trainer="diffusion", data="shapes", steps=steps, batch=4, checkpoint_every=100,
        settings={**SMALL, "autoencoder_steps": autoencoder_steps, **settings},
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 grey pictures of a user's, 16 pixels."""
    made = tmp_path_factory.mktemp("pictures")
    source = np.random.default_rng(0)
    for index in range(20):
        coarse = Image.fromarray(source.integers(0, 256, (4, 4), dtype=np.uint8))
        coarse.resize((16, 16), Image.Resampling.BILINEAR).save(made / f"{index:02}.png")
    return made


def in_pixels(folder: Path, steps: int, **settings: object) -> Recipe:
    return Recipe(
        name="toy", trainer="diffusion", data=str(folder), size=16, steps=steps, batch=4, checkpoint_every=100,
        settings={"autoencoder_steps": 0, "unet_widths": [16, 16], "evaluation": 4, "full_steps": 4, **settings},
    )  # fmt: skip


@pytest.fixture(scope="module")
def one_geometry() -> torch.Tensor:
    """(4, 3, 64, 64) pictures of flat colours: nothing to ray-cast."""
    colours = torch.rand(4, 3, 1, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return colours.expand(4, 3, 64, 64).contiguous()


@torch.no_grad()
def test_standardised_latents_have_unit_scale_and_decode_to_the_same() -> None:
    autoencoder = build_autoencoder(16, 3, (8, 8), 4, seed=0)
    pictures = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before = autoencoder.encode(pictures).latent_dist
    decoded = autoencoder.decode(before.mean).sample
    standardise_latents(autoencoder, before.mean)
    after = autoencoder.encode(pictures).latent_dist
    torch.testing.assert_close(after.mean.mean((0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(after.mean.std((0, 2, 3), correction=0), torch.ones(4))
    torch.testing.assert_close(autoencoder.decode(after.mean).sample, decoded, atol=1e-5, rtol=1e-5)
    spread = before.mean.std((0, 2, 3), correction=0)[None, :, None, None]
    torch.testing.assert_close(after.std, before.std / spread)


def test_the_average_follows_its_recurrence() -> None:
    average, network = build_unet(8, 4, (8, 8), seed=0), build_unet(8, 4, (8, 8), seed=1)
    old, new = average.conv_in.weight.detach().clone(), network.conv_in.weight.detach().clone()
    average_into(average, network, 0.9)
    torch.testing.assert_close(average.conv_in.weight, 0.9 * old + 0.1 * new)


def test_energy_distance_is_that_of_its_definition() -> None:
    source = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 1, 2, 2, generator=source), torch.randn(50, 1, 2, 2, generator=source) + 1.0

    def mean_distance(a: torch.Tensor, b: torch.Tensor, same: bool) -> float:
        pairs = [
            float(((p - q) / 2).square().mean().sqrt())
            for i, p in enumerate(a) for j, q in enumerate(b) if not (same and i == j)
        ]  # fmt: skip
        return sum(pairs) / len(pairs)

    expected = 2 * mean_distance(x, y, False) - mean_distance(x, x, True) - mean_distance(y, y, True)
    assert energy_distance(x, y) == pytest.approx(expected, rel=1e-5)
    assert abs(energy_distance(x, torch.randn(40, 1, 2, 2, generator=source))) < expected / 5


def test_both_phases_learn(one_geometry: torch.Tensor) -> None:
    trainer = made(recipe(65, 40, warm_up=1, learning_rate=3e-3, average=0.9))
    losses = [trainer.step(number, Batch(one_geometry, None)) for number in range(65)]
    errors = [loss["absolute_error"] for loss in losses[:40]]
    assert sum(errors[-5:]) < 0.5 * sum(errors[:5])
    noise_errors = [loss["v_error"] for loss in losses[40:]]
    assert sum(noise_errors[-5:]) < 0.6 * sum(noise_errors[:5])
    assert trainer.spent["autoencoder_pictures"] == 160
    assert trainer.spent["unet_pictures"] == 100
    assert torch.equal(trainer.samples(3, seed=5)[1:], trainer.samples(3, seed=5)[1:])


def same(a: DiffusionTrainer, b: DiffusionTrainer) -> bool:
    states = [trainer.state()["networks"] for trainer in (a, b)]
    return all(
        torch.equal(value, states[1][name][key])
        for name, network in states[0].items()
        for key, value in network.items()
    )


@pytest.mark.parametrize("cut", [2, 4])
def test_a_resumed_run_repeats_bit_for_bit(cut: int, one_geometry: torch.Tensor) -> None:
    whole, first, second = (made(recipe(6, 3, precision="bfloat16")) for _ in range(3))
    for number in range(6):
        whole.step(number, Batch(one_geometry, None))
    for number in range(cut):
        first.step(number, Batch(one_geometry, None))
    second.restore(first.state())
    for number in range(cut, 6):
        second.step(number, Batch(one_geometry, None))
    assert same(whole, second)
    assert set(whole.state()["networks"]) == {"autoencoder", "unet", "average"}


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_pixels_train_resume_and_open_here_and_in_diffusers(tmp_path: Path, folder: Path, prediction: str) -> None:
    """From a folder of images to a pipeline that diffusers opens as it is and draws the same with."""
    chosen = in_pixels(folder, 6, prediction=prediction)
    straight = train(chosen, tmp_path / "straight", CPU)
    train(chosen, tmp_path / "resumed", CPU, stop_after=3)
    resumed = train(chosen, tmp_path / "resumed", CPU)
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (straight / weights).read_bytes() == (resumed / weights).read_bytes()
    assert sorted(p.name for p in straight.iterdir() if p.is_dir()) == ["scheduler", "unet"]

    config = json.loads((straight / "scheduler" / "scheduler_config.json").read_text())
    schedule = {"v_prediction": "squaredcos_cap_v2", "epsilon": "linear"}[prediction]
    assert (config["prediction_type"], config["beta_schedule"]) == (prediction, schedule)
    figures = json.loads((straight / "card.json").read_text())["figures"]
    assert (figures["autoencoder_pictures"], figures["unet_pictures"]) == (0, 24)
    assert "reconstruction_psnr_db" not in figures

    generator = load(str(straight), CPU)
    assert (generator.card.shape[0], generator.card.spaces["x_T"].shape) == (1, (1, 16, 16))
    trainer = made(chosen)
    trainer.restore(torch.load(tmp_path / "straight" / "checkpoint.pt", weights_only=True)["trainer"])
    expected = trainer.samples(2, seed=3)
    latent = generator.sample([3, 4])
    assert torch.equal(generator.render(latent, Quality()), expected)

    pipeline = diffusers.DDIMPipeline.from_pretrained(straight, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    seeds = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
    drawn = pipeline(batch_size=2, generator=seeds, num_inference_steps=4, output_type="np").images
    again = torch.from_numpy(drawn).permute(0, 3, 1, 2) * 2 - 1
    assert float((again - expected).abs().max()) < 1e-3


def test_noise_is_what_epsilon_predicts(folder: Path) -> None:
    """Of one flat picture, at the loss's definition: a U-Net that answers 0 misses noise of unit variance, and v by
    alpha + (1 - alpha) x_0^2."""
    for prediction, value in (("epsilon", 0.5), ("v_prediction", 0.5)):
        trainer = made(in_pixels(folder, 6, prediction=prediction, draws=64))
        for parameter in trainer.unet.conv_out.parameters():
            torch.nn.init.zeros_(parameter)
        (loss,) = trainer.step(0, Batch(torch.full((4, 1, 16, 16), value), None)).values()
        share = float(trainer.scheduler.alphas_cumprod().mean()) if prediction == "v_prediction" else 1.0
        assert loss == pytest.approx(share + (1.0 - share) * value**2, rel=0.03)


def test_a_run_ends_in_a_pipeline_that_the_program_opens(tmp_path: Path) -> None:
    chosen = recipe(4, 2)
    train(chosen, tmp_path / "run", CPU, stop_after=3)
    assert not (tmp_path / "run" / "model").exists()
    model = train(chosen, tmp_path / "run", CPU)
    assert sorted(p.name for p in model.iterdir()) == [
        "card.json", "model_index.json", "samples.png", "scheduler", "unet", "vqvae",
    ]  # fmt: skip
    modes = {path.stat().st_mode for path in model.rglob("*") if path.is_file()}
    assert len(modes) == 1  # every file as readable as the others
    assert identify(model).family == "diffusion"
    generator = load(str(model), CPU)
    card = generator.card
    assert (card.size, card.shape[0], card.full_steps, card.licence) == ((64, 64), 3, 4, "Apache-2.0")
    assert card.spaces["x_T"].shape == (4, 16, 16)

    trainer = made(chosen)
    trainer.restore(torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["trainer"])
    expected = trainer.samples(2, seed=3)
    assert torch.equal(generator.render(generator.sample([3, 4]), Quality()), expected)

    figures = json.loads((model / "card.json").read_text())["figures"]
    assert figures["unet_pictures"] == 8
    assert figures["energy_distance_full"] > figures["energy_distance_null"]


def test_the_shipped_recipe_can_be_followed() -> None:
    trainer = made(read_recipe("shapes-diffusion"))
    assert trainer.latent_shape == (4, 16, 16)
    numbers = sum(p.numel() for m in (trainer.unet, trainer.autoencoder) for p in m.parameters())
    assert numbers * 4 < 17.5e6  # what ships stays small


@pytest.mark.parametrize(
    "wrong", [{"precision": "float8"}, {"colour": 1}, {"unet_widths": [8] * 8}, {"prediction": "score"}]
)
def test_settings_that_cannot_be_used_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ExplorerError, match="The settings of recipe 'toy'"):
        made(recipe(2, 1, **wrong))
