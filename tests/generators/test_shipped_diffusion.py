"""The diffusion models that come with the program: small, whole, and samples like the worlds they learned."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from explorer.generators.base import Latent
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.flow_generator import FlowGenerator
from explorer.generators.flow_scheduler import FlowSchedule
from explorer.generators.registry import load, shipped_models
from explorer.numerics.rectified_flow import solved
from explorer.scene.model import Quality
from explorer.training.diffusion_figures import energy_distance
from explorer.worlds.attributes import attributes_of
from explorer.worlds.registry import world

WORLDS = {"shapes-diffusion": "shapes", "faces-diffusion": "faces", "faces-flow": "faces"}
STEPS = {"shapes-diffusion": (50, 5), "faces-diffusion": (50, 5), "faces-flow": (10, 5)}
CONDITIONAL: dict[str, dict[str, tuple[int, ...]]] = {"faces-flow": {"label": (4,), "steering": (4, 4)}}


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
    spaces = {"x_T": (4, 16, 16), "h": (128, 4, 4), **CONDITIONAL.get(card.name, {})}
    assert {name: space.shape for name, space in card.spaces.items()} == spaces
    assert (card.full_steps, card.interactive_steps) == STEPS[card.name]
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


# --- the flow ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flow() -> FlowGenerator:
    loaded = load("faces-flow", torch.device("cpu"))
    assert isinstance(loaded, FlowGenerator)
    return loaded


@torch.inference_mode()
def test_the_way_back_of_second_order_is_better_than_eulers(flow: FlowGenerator) -> None:
    found = world("faces")
    rows = found.sample(6, 321)
    pictures = torch.from_numpy(found.render(rows)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    levels = found.levels_of(rows)
    classes = torch.from_numpy(2 * levels[:, found.column("sex")] + levels[:, found.column("glasses")])
    like = replace(flow.sample(range(6)), label=torch.nn.functional.one_hot(classes, 4).float())

    def missed(latent: Latent) -> float:
        return float(((flow.render(latent, Quality()) - pictures) / 2).square().mean().sqrt())

    schedule = flow.samplers.schedule
    assert isinstance(schedule, FlowSchedule)
    sigmas = schedule.sigmas(schedule.plan(10))
    unet, decoding = flow._unet, flow._decoding
    flow._add(None, len(pictures))
    labels = torch.nn.functional.one_hot(classes, 4).float()
    plain = solved(  # Euler's steps, the other way along
        "euler",
        lambda x, sigma: unet(x, torch.tensor([1000 * sigma]), class_labels=labels).sample,
        decoding.encoded(pictures),
        [max(sigma, 1e-3) for sigma in reversed(sigmas)],
    )
    second, refined = (missed(flow.encode(pictures, 10, count, like)) for count in (0, 5))
    assert second < 0.7 * missed(replace(like, tensors={"x_T": plain}))
    assert refined < 0.6 * second


@torch.inference_mode()
def test_steering_reaches_the_class_and_keeps_more_than_another_class_from_the_same_noise(flow: FlowGenerator) -> None:
    start = flow.advance(flow.sample(range(500, 516)), "h")
    assert start.label is not None
    own = start.label.argmax(1)
    target = (own + 2) % 4  # the other sex
    steering = torch.zeros(16, *flow.card.spaces["steering"].shape)
    steering[torch.arange(16), :, target] = 1.0
    steered = flow.render(start.with_space("steering", steering), Quality())
    label = torch.nn.functional.one_hot(target, 4).float()
    exchanged = flow.render(replace(start, tensors={"x_T": start.tensors["x_T"]}, label=label), Quality())
    plain = flow.render(start, Quality())
    attributes = attributes_of("faces")
    sex = world("faces").column("sex")
    read = attributes.measure(steered)[:, sex]
    assert (read.round() == (target // 2).numpy()).mean() >= 0.9
    assert (steered - plain).abs().mean() < (exchanged - plain).abs().mean()
