"""Training of rectified flows: what is taught, by its definition, then toy runs from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UNet2DModel
from PIL import Image

from explorer.errors import ExplorerError
from explorer.generators.class_labels import drawn_labels
from explorer.generators.diffusion_component import load_component
from explorer.generators.diffusion_folder import open_folder
from explorer.generators.registry import load, shipped_models
from explorer.scene.model import Quality
from explorer.training.base import Recipe, read_recipe
from explorer.training.batch import Batch
from explorer.training.data import source_of
from explorer.training.loop import train
from explorer.training.rectified_flow import RectifiedFlowTrainer, noise_levels

CPU = torch.device("cpu")


def recipe(data: str, steps: int = 3, size: int = 0, **settings: Any) -> Recipe:
    small = {"autoencoder_steps": 0, "unet_widths": [16, 16], "evaluation": 4, "full_steps": 4}
    return Recipe(
        name="toy", trainer="rectified_flow", data=data, size=size, steps=steps, batch=4, checkpoint_every=100,
        settings={**small, **settings},
    )  # fmt: skip


def trainer(chosen: Recipe) -> RectifiedFlowTrainer:
    return RectifiedFlowTrainer(chosen, source_of(chosen), CPU)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 grey pictures of a user's, 16 pixels."""
    made = tmp_path_factory.mktemp("pictures")
    source = np.random.default_rng(0)
    for index in range(20):
        coarse = Image.fromarray(source.integers(0, 256, (4, 4), dtype=np.uint8))
        coarse.resize((16, 16), Image.Resampling.BILINEAR).save(made / f"{index:02}.png")
    return made


def test_a_network_that_says_nothing_misses_the_velocity_by_the_power_of_picture_and_noise(folder: Path) -> None:
    """noise - x_0 of one flat picture has the mean square 1 + x_0²."""
    chosen = trainer(recipe(str(folder), size=16, draws=64))
    for parameter in chosen.unet.conv_out.parameters():
        torch.nn.init.zeros_(parameter)
    losses = chosen.step(0, Batch(torch.full((4, 1, 16, 16), 0.5), None))
    assert losses == {"velocity_error": pytest.approx(1.25, rel=0.03)}


def test_what_is_noised_lies_on_the_line_and_the_time_says_where(folder: Path) -> None:
    chosen = trainer(recipe(str(folder), size=16, times="uniform"))
    z, noise = torch.full((3, 1, 16, 16), 2.0), torch.full((3, 1, 16, 16), -1.0)
    noisy, times, target = chosen.noised(z, noise, torch.tensor([0.0, 0.25, 1.0]))
    assert noisy[:, 0, 0, 0].tolist() == [2.0, 1.25, -1.0]
    assert times.tolist() == [0.0, 250.0, 1000.0]
    assert (target == -3.0).all()


def test_noise_levels_are_those_of_their_definitions() -> None:
    share = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    assert torch.equal(noise_levels(share, "uniform"), share)
    normal = torch.logit(noise_levels(share, "logit_normal"))
    torch.testing.assert_close(torch.special.ndtr(normal), share)
    # Esser et al. 2024, eq. 20, of 1 - u, with s = 1.29.
    u = 1.0 - share
    mode = 1.0 - u - 1.29 * (torch.cos(torch.pi / 2 * u) ** 2 - 1.0 + u)
    torch.testing.assert_close(noise_levels(share, "mode"), mode)
    ends = noise_levels(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64), "mode")
    assert ends.tolist() == pytest.approx([0.0, 0.5, 1.0])


def test_classes_are_combinations_of_the_levels_of_categories() -> None:
    chosen = trainer(recipe("faces", draws=2, classes=["sex", "glasses"]))
    world = chosen.source.world
    assert world is not None
    assert chosen.class_count == 4
    rows = world.sample(6, 0)
    rows[:4, world.column("sex")] = [0.0, 0.0, 1.0, 1.0]
    rows[:4, world.column("glasses")] = [0.0, 1.0, 0.0, 1.0]
    labels = chosen.labels_of(torch.from_numpy(rows))
    assert labels is not None
    assert labels[:4].tolist() == [0, 1, 2, 3]
    assert torch.equal(labels[6:], labels[:6])  # once more for the second draw
    assert "0 female, none; 1 female, worn; 2 male, none; 3 male, worn" in chosen.class_text


def test_the_class_reaches_the_network() -> None:
    chosen = trainer(recipe("digits", classes=["digit"], draws=1))
    batch = chosen.source.draw(4, 0)
    plain = chosen.predicted(0, batch.images, torch.full((4,), 500.0), batch.factors)
    assert batch.factors is not None
    assert chosen.source.world is not None
    column = chosen.source.world.column("digit")
    other = batch.factors.clone()
    other[:, column] = (other[:, column] + 1) % 10
    changed = chosen.predicted(0, batch.images, torch.full((4,), 500.0), other)
    assert ((changed - plain).abs().amax((1, 2, 3)) > 1e-4).all()


@pytest.mark.parametrize(
    ("data", "changes", "named"),
    [
        ("faces", {"classes": ["hat"]}, "'hat'.*sex, glasses"),
        ("faces", {"classes": ["age"]}, "'age'"),
        ("faces", {"times": "cosine"}, "times"),
        ("faces", {"autoencoder": "faces-diffusion", "autoencoder_steps": 2}, "as well"),
        ("faces", {"autoencoder": "faces-stylegan2"}, "model_index.json"),
        ("digits", {"autoencoder": "faces-diffusion"}, "shape"),
    ],
    ids=str,
)
def test_impossible_recipes_are_refused(data: str, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ExplorerError, match=named):
        trainer(recipe(data, **changes))


def test_a_folder_has_no_classes(folder: Path) -> None:
    with pytest.raises(ExplorerError, match="leave out 'classes'"):
        trainer(recipe(str(folder), size=16, classes=["sex"]))


def test_a_borrowed_autoencoder_stays_as_it_is_and_the_flow_runs_in_its_latents(tmp_path: Path) -> None:
    model = train(recipe("faces", 2, autoencoder="faces-diffusion"), tmp_path / "run", CPU)
    borrowed = open_folder(shipped_models()["faces-diffusion"]).decoder
    own = open_folder(model).decoder
    assert borrowed is not None
    assert own is not None
    theirs, ours = load_component(borrowed).state_dict(), load_component(own).state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
    unet = UNet2DModel.from_pretrained(model / "unet")
    assert unet.config.sample_size == 16


def test_a_users_own_pictures_become_a_flow_that_the_program_opens(folder: Path, tmp_path: Path) -> None:
    model = train(recipe(str(folder), 4, size=16), tmp_path / "run", CPU)
    card = json.loads((model / "card.json").read_text())
    assert "Rectified flow in pixels (velocity, Euler's method)" in card["notes"]
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(model / "scheduler")
    scheduler.set_timesteps(4)
    assert scheduler.sigmas.tolist() == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0])
    generator = load(str(model), CPU)
    assert generator.card.full_steps == 4
    assert generator.card.sampler == "Euler's method along the flow"
    assert generator.render(generator.sample([1]), Quality()).shape == (1, 1, 16, 16)


def test_a_resumed_run_ends_on_the_same_bits(folder: Path, tmp_path: Path) -> None:
    chosen = recipe(str(folder), 4, size=16)
    straight = train(chosen, tmp_path / "straight", CPU)
    train(chosen, tmp_path / "resumed", CPU, stop_after=2)
    resumed = train(chosen, tmp_path / "resumed", CPU)
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (straight / weights).read_bytes() == (resumed / weights).read_bytes()


def test_samples_are_of_the_classes_that_their_seeds_draw() -> None:
    chosen = trainer(recipe("digits", classes=["digit"]))
    asked: list[Any] = []

    def average(x: torch.Tensor, time: torch.Tensor, class_labels: torch.Tensor) -> Any:
        asked.append(class_labels)
        return type("Said", (), {"sample": torch.zeros_like(x)})

    chosen.average = average
    chosen.samples(3, seed=7, steps=2)
    assert all(torch.equal(labels, drawn_labels([7, 8, 9], 10).argmax(1)) for labels in asked)
    assert len(asked) == 2


def test_the_shipped_recipe_is_one_of_this_trainer() -> None:
    shipped = read_recipe("faces-flow")
    chosen = trainer(shipped)
    assert chosen.class_count == 4
    assert chosen.latent_shape == (4, 16, 16)
