"""The probe with a network: against closed forms, one picture at a time, and at no cost where the picture is there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler
from tiny_pipelines import save_ddim, save_flow, save_latent, save_pixels, tiny_unet
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators import diffusion
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.diffusion_probe import finished, renoised_samples, window_variance
from explorer.generators.editing import rows_of
from explorer.numerics.renoise import noisings
from explorer.scene.model import Quality

CPU = torch.device("cpu")
EIGHT = Quality(steps=8)
DEVIATION = 0.6


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


class Optimal(torch.nn.Module):
    """In place of a U-Net: the best that can be predicted of normal data of deviation :data:`DEVIATION`. ``kind``: what
    it predicts."""

    def __init__(self, generator: DiffusionGenerator, kind: str) -> None:
        super().__init__()
        self._schedule, self._kind = generator.samplers.schedule, kind
        self.calls: list[tuple[int, float]] = []

    def forward(self, x: Tensor, time: Tensor, return_dict: bool = True) -> tuple[Tensor]:
        t = float(time)
        self.calls.append((len(x), t))
        signal, noise = self._schedule.mixture(t)
        clean = signal * DEVIATION**2 / (signal**2 * DEVIATION**2 + noise**2) * x
        eps = (x - signal * clean) / noise
        kinds = {"epsilon": eps, "sample": clean, "v_prediction": signal * eps - noise * clean, "flow": eps - clean}
        return (kinds[self._kind],)


def with_optimal(folder: Path, kind: str) -> DiffusionGenerator:
    save = save_flow if kind == "flow" else save_pixels
    generator = opened(save(folder, **({} if kind == "flow" else {"prediction_type": kind})))
    generator._unet = Optimal(generator, kind)
    return generator


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction", "flow"])
@pytest.mark.parametrize("noise", [0.03, 0.075, 0.4])
def test_of_an_optimal_network_it_is_the_closed_form(tmp_path: Path, kind: str, noise: float) -> None:
    generator = with_optimal(tmp_path / "model", kind)
    latent = generator.sample([1, 2])
    x = 2 * latent.tensors["x_T"]
    found = renoised_samples(generator, x, latent, noise).variance
    ((rows, t),) = generator._unet.calls
    assert rows == 8 * 2  # one batch
    signal, deviation = generator.samplers.schedule.mixture(t)
    assert deviation == pytest.approx(noise, abs=0.01)
    assert signal == pytest.approx(1 - deviation if kind == "flow" else math.sqrt(1 - deviation**2))
    gain = deviation * signal * DEVIATION**2 / (signal**2 * DEVIATION**2 + deviation**2)
    expected = gain**2 * noisings(x.shape[1:]).var(0, unbiased=False)
    torch.testing.assert_close(found, expected.expand_as(x), rtol=2e-3, atol=1e-7)


def conditional(folder: Path) -> Path:
    network = tiny_unet(num_class_embeds=4)
    torch.nn.init.normal_(network.class_embedding.weight, std=8.0)
    DDPMPipeline(network, DDPMScheduler(clip_sample=False)).save_pretrained(folder)
    (folder / "card.json").write_text(json.dumps({"null_class": 3, "guidance": 2.0}))
    return folder


@pytest.mark.parametrize("save", [save_ddim, save_latent, save_flow, conditional])
def test_a_batch_is_one_at_a_time_each_told_its_own(tmp_path: Path, save: Any) -> None:
    generator = opened(save(tmp_path / "model"))
    latent = generator.sample([3, 4, 5])
    x = finished(generator, latent, EIGHT)
    together = renoised_samples(generator, x, latent).variance
    assert together.shape == x.shape
    alone = torch.cat(
        [renoised_samples(generator, x[row : row + 1], rows_of(latent, [row])).variance for row in range(3)]
    )
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-9)
    assert torch.equal(together, renoised_samples(generator, x, latent).variance)  # seeded


def test_h_is_left_out(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    latent = generator.sample([3])
    x = finished(generator, latent, EIGHT)
    plain = renoised_samples(generator, x, latent).variance
    moved = generator.advance(latent, "h")
    moved = moved.with_space("h", moved.tensors["h"] + 5.0)
    assert not torch.equal(finished(generator, moved, EIGHT), x)
    assert torch.equal(renoised_samples(generator, x, moved).variance, plain)


@pytest.mark.parametrize("save", [save_ddim, save_latent, save_flow])
def test_the_sample_of_a_picture_is_there_when_the_picture_is(tmp_path: Path, save: Any) -> None:
    generator = opened(save(tmp_path / "model"))
    latent = generator.sample([3, 4])
    picture = generator.render(latent, EIGHT)
    calls = []
    generator._unet.register_forward_pre_hook(lambda module, inputs: calls.append(1))
    x = finished(generator, latent, EIGHT)
    assert not calls
    torch.testing.assert_close(generator._decoding.decoded(x), picture, rtol=0, atol=0)
    assert torch.equal(generator.render(latent, EIGHT), picture)
    assert calls  # pictures are the engine's to keep


@torch.no_grad()
def test_the_window_is_that_of_diffusers_own_way(tmp_path: Path) -> None:
    generator = opened(save_pixels(tmp_path / "model", clip_sample=False))
    latent = generator.sample([6])
    network, scheduler = tiny_unet().eval(), DDPMScheduler(clip_sample=False)
    scheduler.set_timesteps(250)
    source = torch.Generator().manual_seed(6)
    x = torch.randn((1, 3, 16, 16), generator=source)
    clean = []
    for t in scheduler.timesteps:
        step = scheduler.step(network(x, t).sample, t, x, generator=source)
        x = step.prev_sample
        if t < 10:
            clean.append(step.pred_original_sample)
    assert len(clean) == 3
    quality = Quality(steps=250, sampler="ddpm")
    generator.render(latent, quality)  # whose end is kept, and is not taken
    found = window_variance(generator, latent, quality)
    torch.testing.assert_close(found, torch.stack(clean).var(0, unbiased=False), rtol=2e-2, atol=1e-7)


def test_the_window_is_refused_where_it_says_nothing(tmp_path: Path) -> None:
    generator = opened(save_pixels(tmp_path / "model"))
    latent = generator.sample([6])
    for quality in (Quality(steps=250), Quality(steps=250, sampler="euler_ancestral")):
        with pytest.raises(ModelError, match="under DDPM alone; choose DDPM"):
            window_variance(generator, latent, quality)
    with pytest.raises(ModelError, match="200 steps or more; raise the steps"):
        window_variance(generator, latent, Quality(steps=50, sampler="ddpm"))
