"""Diffusion models of classes: they draw what diffusers draws of a class, are blended, and are led away from none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler
from tiny_pipelines import tiny_unet
from torch import Tensor

from explorer.controls.base import Move
from explorer.controls.class_blend import ClassControl
from explorer.discovery import registry as methods
from explorer.engine.origins import latent_of
from explorer.errors import ModelError, SceneError
from explorer.generators import diffusion
from explorer.generators.base import Latent
from explorer.generators.class_labels import drawn_labels
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.editing import edited, stacked
from explorer.scene.cards import ControlCard
from explorer.scene.model import Condition, Quality, Seed, Start, StoredLatent

CPU = torch.device("cpu")
CLASSES = 5
FOUR = Quality(steps=4)


def unet() -> Any:
    made = tiny_unet(num_class_embeds=CLASSES)
    torch.nn.init.normal_(made.class_embedding.weight, std=8.0)  # so that classes differ
    return made.eval()


def save(folder: Path, scheduler: Any = None, **card: Any) -> Path:
    DDPMPipeline(unet(), scheduler or DDPMScheduler(clip_sample=False)).save_pretrained(folder)
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


def start(seed: int = 3, **condition: Any) -> Start:
    return Start(Seed(seed), 1.0, Condition(**condition))


@torch.no_grad()
def theirs(scheduler: Any, number: int, steps: int, seed: int = 3, null: int = -1, guidance: float = 1.0) -> Tensor:
    """A picture of class ``number`` by diffusers' own network and scheduler, guided away from the class ``null``."""
    network = unet()
    source = torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(steps)
    x = torch.randn((1, 3, 16, 16), generator=source)
    for t in scheduler.timesteps:
        predicted = network(x, t, class_labels=torch.tensor([number])).sample
        if null >= 0:
            away = network(x, t, class_labels=torch.tensor([null])).sample
            predicted = away + guidance * (predicted - away)
        x = scheduler.step(predicted, t, x, generator=source).prev_sample
    return x.clamp(-1, 1)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("sampler", ["", "ddpm"])
def test_a_class_is_drawn_as_diffusers_draws_it(tmp_path: Path, sampler: str, number: int, clip: bool) -> None:
    generator = opened(save(tmp_path / "model", DDPMScheduler(clip_sample=clip)))
    kind = DDPMScheduler if sampler else DDIMScheduler
    expected = theirs(kind(clip_sample=clip), number, 5)
    made = generator.render(latent_of(generator, start(classes=((number, 1.0),))), Quality(steps=5, sampler=sampler))
    torch.testing.assert_close(made, expected, atol=2e-4, rtol=0)


def test_a_seed_draws_its_class(tmp_path: Path) -> None:
    generator = opened(save(tmp_path / "model"))
    card = generator.card
    assert (card.classes, list(card.spaces), card.guidance) == (CLASSES, ["x_T", "label", "h"], 0.0)
    latent = generator.sample(range(20))
    assert latent.label is not None
    assert torch.equal(latent.label, drawn_labels(range(20), CLASSES))
    number = int(latent.label[7].argmax())
    alone = generator.sample([7])
    expected = generator.render(latent_of(generator, start(7, classes=((number, 1.0),))), FOUR)
    assert torch.equal(generator.render(alone, FOUR), expected)
    others = [generator.render(latent_of(generator, start(7, classes=((k, 1.0),))), FOUR) for k in range(CLASSES)]
    assert all((one - expected).abs().max() > 0.01 for k, one in enumerate(others) if k != number)


def test_points_without_a_class_are_of_the_first(tmp_path: Path) -> None:
    generator = opened(save(tmp_path / "model"))
    noise = generator.sample([3]).tensors["x_T"]
    first = generator.render(latent_of(generator, start(classes=((0, 1.0),))), FOUR)
    assert torch.equal(generator.render(Latent({"x_T": noise}), FOUR), first)
    stored = StoredLatent("x_T", (3, 16, 16), noise.numpy().astype("<f4").tobytes())
    kept = latent_of(generator, Start(stored))
    assert torch.equal(generator.render(kept, FOUR), first)
    # and in one batch with a seed neither takes the other's class
    seed = generator.sample([7])
    both = generator.render(stacked(generator, [kept, seed]), FOUR)
    torch.testing.assert_close(both, torch.cat([first, generator.render(seed, FOUR)]), atol=1e-4, rtol=0)


def test_classes_are_blended_by_their_sliders_and_by_the_scene(tmp_path: Path) -> None:
    generator = opened(save(tmp_path / "model"))
    assert "classes" in methods.fitting(generator.card)
    latent = latent_of(generator, start(classes=((1, 1.0),)))
    half = latent_of(generator, start(classes=((1, 0.5), (2, 0.5))))
    assert half.label is not None
    assert half.label.tolist() == [[0.0, 0.5, 0.5, 0.0, 0.0]]
    control = ClassControl(ControlCard(name="class 2", space="label"), 2, CLASSES)
    moved = edited(generator, latent, [Move(control, torch.tensor([0.5]))])
    assert torch.equal(generator.render(moved, FOUR), generator.render(half, FOUR))
    with pytest.raises(SceneError, match="0 to 4"):
        latent_of(generator, start(classes=((5, 1.0),)))


@pytest.mark.parametrize("null", [4, 0])
def test_pictures_are_led_away_from_the_class_that_is_none(tmp_path: Path, null: int) -> None:
    folder = save(tmp_path / "model", null_class=null, guidance=3.0)
    generator = opened(folder)
    assert (generator.card.classes, generator.card.guidance) == (CLASSES - 1, 3.0)
    number = 1  # among those to choose from
    row = number if null == 4 else number + 1
    for guidance in (None, 5.0, 1.0):
        made = generator.render(latent_of(generator, start(classes=((number, 1.0),), guidance=guidance)), FOUR)
        strength = 3.0 if guidance is None else guidance
        expected = theirs(DDIMScheduler(clip_sample=False), row, 4, null=null, guidance=strength)
        torch.testing.assert_close(made, expected, atol=1e-3, rtol=0)
    plain = diffusion.FAMILY.describe(save(tmp_path / "plain"))
    assert plain.fingerprint != generator.card.fingerprint


def test_a_class_has_slopes(tmp_path: Path) -> None:
    generator = opened(save(tmp_path / "model"))
    latent = generator.advance(generator.sample([3]), "label")
    point = latent.tensors["label"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(generator.render(latent.with_space("label", point), FOUR).sum(), point)
    assert slope.abs().min() > 0


def test_one_class_that_is_none_is_no_model_of_classes(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="null_class"):
        opened(save(tmp_path / "model", null_class=9))
