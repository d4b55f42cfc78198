"""Samplers that a user chooses: what each draws is what the folder's pipeline draws with that scheduler in its
place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
from tiny_pipelines import change_json, save_latent, save_pixels, tiny_unet
from torch import Tensor

from explorer.errors import ExplorerError, ModelError
from explorer.generators import diffusion
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.diffusion_samplers import noise_after_start
from explorer.generators.diffusion_scheduler import CLASSES
from explorer.memory import BoundedCache, bytes_of
from explorer.scene.model import Quality
from explorer.scene.samplers import SAMPLERS, require_sampler

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # of diffusers


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


@torch.inference_mode()
def drawn(folder: Path, seeds: list[int], steps: int, sampler: str) -> Tensor:
    generator = opened(folder)
    return generator.render(generator.sample(seeds), Quality(steps=steps, sampler=sampler))


@torch.no_grad()
def stepped(unet: UNet2DModel, scheduler: Any, seed: int, steps: int) -> Tensor:
    """The loop that all pipelines of diffusers have, around an unconditional U-Net."""
    source = torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(steps)
    x = torch.randn((1, 3, 16, 16), generator=source) * scheduler.init_noise_sigma
    takes_noise = "generator" in scheduler.step.__code__.co_varnames
    for t in scheduler.timesteps:
        predicted = unet(scheduler.scale_model_input(x, t), t).sample
        x = scheduler.step(predicted, t, x, **({"generator": source} if takes_noise else {})).prev_sample
    return x.clamp(-1, 1)


def pixels(folder: Path, scheduler: Any) -> Path:
    DDPMPipeline(tiny_unet(), scheduler).save_pretrained(folder)
    change_json(folder / "model_index.json", scheduler=["diffusers", type(scheduler).__name__])
    return folder


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("sampler", CLASSES)
def test_each_draws_what_its_scheduler_draws(tmp_path: Path, sampler: str, prediction: str) -> None:
    folder = pixels(tmp_path / "model", DDIMScheduler(clip_sample=False, prediction_type=prediction))
    scheduler = getattr(diffusers, CLASSES[sampler]).from_config(DDIMScheduler.load_config(folder / "scheduler"))
    expected = stepped(tiny_unet().eval(), scheduler, 3, 7)
    torch.testing.assert_close(drawn(folder, [3], 7, sampler), expected, atol=2e-4, rtol=0)


OWN = {
    "ddpm": {"clip_sample": True, "variance_type": "fixed_large"},
    "pndm": {"skip_prk_steps": False, "steps_offset": 1},
    "euler": {"use_karras_sigmas": True, "timestep_spacing": "trailing", "final_sigmas_type": "sigma_min"},
    "euler_ancestral": {"timestep_spacing": "trailing", "rescale_betas_zero_snr": False},
    "dpmpp_2m": {"algorithm_type": "sde-dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    "unipc": {"use_karras_sigmas": True, "solver_order": 3, "timestep_spacing": "leading"},
    "heun": {"use_karras_sigmas": True, "clip_sample": True, "clip_sample_range": 0.5},
    "lms": {"use_karras_sigmas": True, "timestep_spacing": "leading", "steps_offset": 1},
    "deis": {"solver_order": 3, "thresholding": True, "sample_max_value": 0.5},
    "lcm": {"original_inference_steps": 20, "timestep_scaling": 5.0},
    "tcd": {"original_inference_steps": 20, "beta_schedule": "squaredcos_cap_v2"},
}


@pytest.mark.parametrize("sampler", OWN)
def test_a_folder_is_drawn_by_its_own_scheduler_with_all_its_keys(tmp_path: Path, sampler: str) -> None:
    kind = getattr(diffusers, CLASSES[sampler])
    folder = pixels(tmp_path / "model", kind(**OWN[sampler]))
    card = diffusion.FAMILY.describe(folder)
    asked = sampler if sampler == "ddpm" else ""
    assert card.samplers[0] == ("ddim" if sampler == "ddpm" else sampler)
    expected = stepped(tiny_unet().eval(), kind(**OWN[sampler]), 3, 6)
    torch.testing.assert_close(drawn(folder, [3], 6, asked), expected, atol=2e-4, rtol=0)
    plain = pixels(tmp_path / "plain", kind())
    assert (drawn(plain, [3], 6, asked) - expected).abs().max() > 1e-3  # so the keys matter


def test_a_learned_variance_is_that_of_the_noise(tmp_path: Path) -> None:
    scheduler = DDPMScheduler(variance_type="learned_range")
    folder = tmp_path / "learned"
    DDPMPipeline(tiny_unet(out_channels=6), scheduler).save_pretrained(folder)
    expected = stepped(tiny_unet(out_channels=6).eval(), DDPMScheduler(variance_type="learned_range"), 3, 5)
    torch.testing.assert_close(drawn(folder, [3], 5, "ddpm"), expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("sampler", CLASSES)
def test_a_picture_is_repeated_and_does_not_depend_on_its_neighbours(tmp_path: Path, sampler: str) -> None:
    folder = save_pixels(tmp_path / "model", clip_sample=False)
    both = drawn(folder, [3, 4], 5, sampler)
    assert torch.equal(both, drawn(folder, [3, 4], 5, sampler))
    torch.testing.assert_close(both[1:], drawn(folder, [4], 5, sampler), atol=1e-3, rtol=0)


def test_noise_goes_on_where_that_of_the_start_ends() -> None:
    source = torch.Generator().manual_seed(9)
    start, first = torch.randn((3, 4), generator=source), torch.randn((3, 4), generator=source)
    assert torch.equal(torch.randn((3, 4), generator=noise_after_start(9, (3, 4))), first)
    assert not torch.equal(start, first)


@pytest.mark.parametrize("sampler", CLASSES)
def test_a_kept_beginning_gives_the_same_bits_by_every_sampler(tmp_path: Path, sampler: str) -> None:
    folder = save_latent(tmp_path / "latent")
    (folder / "card.json").write_text(json.dumps({"h_window": [500, 0]}))
    generator, fresh = opened(folder), opened(folder)
    quality = Quality(steps=6, sampler=sampler)
    latent = generator.advance(generator.sample([0, 1]), "h")
    with torch.inference_mode():
        generator.render(latent, quality)
    hits, misses = generator.prefixes.hits, generator.prefixes.misses
    steps: list[int] = []
    for amount in (0.5, 2.0, 0.0):
        moved = latent.with_space("h", latent.tensors["h"] + amount)
        picture = generator.render(moved, quality, callback=lambda done, x: steps.append(done))
        fresh.prefixes = BoundedCache(0, bytes_of)
        assert torch.equal(picture, fresh.render(moved, quality))
    assert (generator.prefixes.hits - hits, generator.prefixes.misses - misses) == (3, 0)
    assert 1 not in steps
    other = generator.sample([0, 2])
    generator.render(other.with_space("x_T", latent.tensors["x_T"]), quality)  # the same start, and other noise later
    assert generator.prefixes.hits == hits + 3


@pytest.mark.parametrize("sampler", CLASSES)
def test_pictures_are_differentiable_by_every_sampler(tmp_path: Path, sampler: str) -> None:
    generator = opened(save_latent(tmp_path / "latent"))
    latent = generator.advance(generator.sample([0]), "h")
    for space in ("x_T", "h"):
        point = latent.tensors[space].clone().requires_grad_()
        picture = generator.render(latent.with_space(space, point), Quality(steps=4, sampler=sampler))
        (slope,) = torch.autograd.grad(picture.sum(), point)
        # A sampler of consistency models starts anew at every step, and its start may be forgotten.
        assert slope.isfinite().all()
        assert slope.abs().sum() > 0


def test_a_film_between_two_seeds_keeps_the_noise_of_the_first(tmp_path: Path) -> None:
    from explorer.engine.origins import latent_of
    from explorer.scene.model import Blend, Seed, Start

    generator = opened(save_pixels(tmp_path / "model"))
    mixed = latent_of(generator, Start(Blend((Seed(3), Seed(4)), (1.0, 0.0), "slerp")))
    quality = Quality(steps=4, sampler="ddpm")
    torch.testing.assert_close(generator.render(mixed, quality), generator.render(generator.sample([3]), quality))


def test_samplers_that_cannot_follow_a_schedule_are_not_offered(tmp_path: Path) -> None:
    rescaled = pixels(tmp_path / "a", DDIMScheduler(rescale_betas_zero_snr=True, prediction_type="v_prediction"))
    assert not {"pndm", "heun", "lms", "deis"} & set(diffusion.FAMILY.describe(rescaled).samplers)
    sample = pixels(tmp_path / "b", DDIMScheduler(prediction_type="sample"))
    assert not {"pndm", "euler_ancestral"} & set(diffusion.FAMILY.describe(sample).samplers)
    sigmoid = pixels(tmp_path / "c", DDPMScheduler(beta_schedule="sigmoid"))
    assert diffusion.FAMILY.describe(sigmoid).samplers == ("ddim", "ddpm")
    with pytest.raises(ModelError, match=r"cannot be drawn by 'euler'; it is drawn by ddim, ddpm\."):
        drawn(sigmoid, [0], 3, "euler")


def test_h_acts_at_levels_that_are_counted_below_0(tmp_path: Path) -> None:
    keys = {"timestep_type": "continuous", "prediction_type": "v_prediction", "sigma_min": 0.002, "sigma_max": 20.0}
    generator = opened(pixels(tmp_path / "model", diffusers.EulerDiscreteScheduler(**keys, use_karras_sigmas=True)))
    quality = Quality(steps=4)
    assert min(generator.steps(quality)) < 0
    latent = generator.advance(generator.sample([0]), "h")
    plain = generator.render(latent, quality)
    seen: list[bool] = []
    generator._unet.mid_block.register_forward_hook(lambda *_: seen.append(bool(generator._injection.added.any())))
    moved = generator.render(latent.with_space("h", latent.tensors["h"] + 1.0), quality)
    assert seen == [True] * 4
    assert not torch.equal(moved, plain)


def test_names_are_asked_before_anything_is_drawn(tmp_path: Path) -> None:
    assert set(SAMPLERS) == set(CLASSES)
    card = diffusion.FAMILY.describe(save_pixels(tmp_path / "model"))
    require_sampler(card, "")
    require_sampler(card, "unipc")
    with pytest.raises(ExplorerError, match="no sampler 'dpm'"):
        require_sampler(card, "dpm")


@pytest.mark.parametrize("sampler", ["lcm", "tcd"])
def test_more_steps_than_a_sampler_was_distilled_from_are_refused_in_one_sentence(tmp_path: Path, sampler: str) -> None:
    folder = save_pixels(tmp_path / "model")
    refused = f"cannot be drawn in 60 steps: {sampler.upper()} takes some of the 50 steps that it was distilled from"
    with pytest.raises(ModelError, match=rf"{refused}\.$"):
        drawn(folder, [0], 60, sampler)
    few = pixels(tmp_path / "few", getattr(diffusers, CLASSES[sampler])(original_inference_steps=8))
    assert diffusion.FAMILY.describe(few).full_steps == 4
    with pytest.raises(ModelError, match=r"some of the 8 steps"):
        drawn(few, [0], 9, "")


def test_a_step_of_heun_asks_the_network_twice_and_may_be_kept_between(tmp_path: Path) -> None:
    """A window may end between the two: what the first of them left behind is kept with the sample."""
    generator = opened(save_pixels(tmp_path / "model"))
    quality, latent = Quality(steps=5, sampler="heun"), generator.sample([0])
    seen: list[int] = []
    whole = generator.render(latent, quality, callback=lambda done, x: seen.append(done))
    assert seen == list(range(1, 2 * 5))
    course = generator._course(quality, [0])
    noise = latent.tensors["x_T"]

    def denoise(x: Tensor, t: float) -> Tensor:
        return generator._unet(x, torch.tensor([t])).sample

    for stop in range(1, 9):
        begun = generator._course(quality, [0])
        middle = begun.run(denoise, begun.begin(noise), 0, stop, None)
        assert begun.nbytes > course.nbytes or stop % 2 == 0
        picture = begun.copied().run(denoise, middle, stop, 9, None)
        assert torch.equal(picture.clamp(-1, 1), whole)
