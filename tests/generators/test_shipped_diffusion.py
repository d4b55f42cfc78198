"""The diffusion models that come with the program: small, whole, and samples like the worlds they learned."""

from __future__ import annotations

import json

import pytest
import torch

from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.registry import load, shipped_models
from explorer.scene.model import Quality
from explorer.training.diffusion_figures import energy_distance
from explorer.worlds.registry import world

WORLDS = {"shapes-diffusion": "shapes", "faces-diffusion": "faces"}


@pytest.fixture(scope="module", params=WORLDS)
def model(request: pytest.FixtureRequest) -> DiffusionGenerator:
    loaded = load(request.param, torch.device("cpu"))
    assert isinstance(loaded, DiffusionGenerator)
    return loaded


@pytest.fixture(scope="module")
def data(model: DiffusionGenerator) -> torch.Tensor:
    found = world(WORLDS[model.card.name])
    pictures = torch.from_numpy(found.render(found.sample(48, 123)))
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def test_the_card_says_what_it_is(model: DiffusionGenerator) -> None:
    card = model.card
    assert (card.shipped, card.size, card.shape[0], card.licence) == (True, (64, 64), 3, "Apache-2.0")
    assert {name: space.shape for name, space in card.spaces.items()} == {"x_T": (4, 16, 16), "h": (128, 4, 4)}
    assert (card.full_steps, card.interactive_steps) == (50, 5)
    folder = shipped_models()[card.name]
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 16 << 20
    figures = json.loads((folder / "card.json").read_text())["figures"]
    assert figures["energy_distance_full"] < 0.01


@torch.inference_mode()
def test_samples_look_like_the_world(model: DiffusionGenerator, data: torch.Tensor) -> None:
    samples = model.render(model.sample(range(48)), Quality(steps=model.card.interactive_steps))
    grey = torch.rand(data.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert energy_distance(samples, data) < 0.02 < energy_distance(grey, data)


@torch.inference_mode()
def test_pictures_survive_the_way_to_noise_and_back(model: DiffusionGenerator, data: torch.Tensor) -> None:
    again = model.render(model.encode(data[:4], steps=20), Quality(steps=20))
    assert float(((again - data[:4]) / 2).square().mean().sqrt()) < 0.04  # 28 dB


@torch.inference_mode()
def test_an_edit_of_h_needs_one_step_less(model: DiffusionGenerator) -> None:
    latent = model.advance(model.sample([0]), "h")
    quality = Quality(steps=model.card.interactive_steps)
    base = model.render(latent, quality)
    done: list[int] = []
    h = 20.0 * torch.randn(1, 128, 4, 4, generator=torch.Generator().manual_seed(0))
    moved = model.render(latent.with_space("h", h), quality, callback=lambda step, x: done.append(step))
    assert done == [2, 3, 4, 5]
    assert float((moved - base).abs().mean()) > 0.005
