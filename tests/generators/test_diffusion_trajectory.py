"""What is predicted at each step of a picture: against the schedulers of diffusers and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import diffusers
import pytest
import torch
from causal_folders import write_causal_diffusion
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, FlowMatchEulerDiscreteScheduler
from tiny_pipelines import change_json, save_ddim, save_flow, save_latent, save_pixels, tiny_taesd, tiny_unet
from torch import Tensor

from explorer.controls.base import WEIGHTS, Move, WeightEdit
from explorer.controls.linear import LinearControl
from explorer.controls.low_rank import LowRank, LowRankControl
from explorer.errors import ModelError
from explorer.generators import diffusion, registry
from explorer.generators.base import Foreseeing
from explorer.generators.causal_diffusion_generator import CausalDiffusionGenerator
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.diffusion_scheduler import CLASSES
from explorer.generators.editing import edited, reweighted
from explorer.generators.flow_generator import FlowGenerator
from explorer.generators.flow_steering import SPACE as STEERING
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality, StepWindow

CPU = torch.device("cpu")
EIGHT = Quality(steps=8)
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # of diffusers


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


def saved(folder: Path, scheduler: Any) -> Path:
    DDPMPipeline(tiny_unet(), scheduler).save_pretrained(folder)
    change_json(folder / "model_index.json", scheduler=["diffusers", type(scheduler).__name__])
    return folder


def seen(generator: Any, latent: Any, quality: Quality = EIGHT) -> list[Tensor]:
    """Of every step."""
    pictures = [one.picture for one in generator.trajectory(latent, quality)]
    assert all(picture is not None for picture in pictures)
    return [picture for picture in pictures if picture is not None]


def told(scheduler: Any, index: int, x: Tensor, given: Tensor, predicted: Tensor, stepped: Any) -> Tensor:
    """x_0 as diffusers has it: what a step returns, what a multi-step solver converts a prediction to, or, where
    there is none of these, the formula of Song et al. 2021, eq. 12."""
    match type(scheduler).__name__:
        case "LCMScheduler":  # returns what the boundary condition makes of it
            skip, out = scheduler.get_scalings_for_boundary_condition_discrete(scheduler.timesteps[index])
            return (stepped.denoised - skip * x) / out
        case "DEISMultistepScheduler":  # whose conversion leads back to the noise
            signal, noise = scheduler._sigma_to_alpha_sigma_t(scheduler.sigmas[index])
            if scheduler.config.prediction_type == "v_prediction":
                return signal * given - noise * predicted
            x0 = (given - noise * predicted) / signal
            return scheduler._threshold_sample(x0) if scheduler.config.thresholding else x0
        case "DPMSolverMultistepScheduler" | "UniPCMultistepScheduler":
            scheduler._step_index = index
            x0 = scheduler.convert_model_output(predicted, sample=x)
            scheduler._step_index = index + 1
            return x0
        case "PNDMScheduler" | "TCDScheduler":
            alpha = scheduler.alphas_cumprod[scheduler.timesteps[index]]
            if scheduler.config.prediction_type == "v_prediction":
                return alpha.sqrt() * given - (1 - alpha).sqrt() * predicted
            x0 = (given - (1 - alpha).sqrt() * predicted) / alpha.sqrt()
            limit = scheduler.config.get("clip_sample") and scheduler.config.clip_sample_range
            return x0.clamp(-limit, limit) if limit else x0
        case _:
            return stepped.pred_original_sample


@torch.no_grad()
def by_diffusers(scheduler: Any, seed: int, steps: int) -> list[Tensor]:
    unet, source = tiny_unet().eval(), torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(steps)
    x = torch.randn((1, 3, 16, 16), generator=source) * scheduler.init_noise_sigma
    takes_noise = "generator" in scheduler.step.__code__.co_varnames
    pictures: dict[float, Tensor] = {}  # of each noise level, from what the sampler goes on
    for index, t in enumerate(scheduler.timesteps):
        given = scheduler.scale_model_input(x, t)
        predicted = unet(given, t).sample
        stepped = scheduler.step(predicted, t, x, **({"generator": source} if takes_noise else {}))
        pictures[float(t)] = told(scheduler, index, x, given, predicted, stepped).clamp(-1, 1)
        x = stepped.prev_sample
    return list(pictures.values())


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("sampler", CLASSES)
def test_by_every_sampler_it_is_what_diffusers_predicts(tmp_path: Path, sampler: str, prediction: str) -> None:
    folder = saved(tmp_path / "model", DDIMScheduler(clip_sample=False, prediction_type=prediction))
    scheduler = getattr(diffusers, CLASSES[sampler]).from_config(DDIMScheduler.load_config(folder / "scheduler"))
    generator = opened(folder)
    ours = seen(generator, generator.sample([3]), Quality(steps=7, sampler=sampler))
    torch.testing.assert_close(torch.cat(ours), torch.cat(by_diffusers(scheduler, 3, 7)), atol=5e-4, rtol=0)


OWN = {
    "ddpm": {"clip_sample": True, "clip_sample_range": 0.5, "variance_type": "fixed_large"},
    "ddim": {"thresholding": True, "dynamic_thresholding_ratio": 0.8, "sample_max_value": 1.5},
    "pndm": {"skip_prk_steps": True, "steps_offset": 1},
    "euler": {"use_karras_sigmas": True, "timestep_spacing": "trailing"},
    "euler_ancestral": {"timestep_spacing": "trailing"},
    "dpmpp_2m": {"thresholding": True, "dynamic_thresholding_ratio": 0.8, "use_karras_sigmas": True},
    "unipc": {"use_karras_sigmas": True, "solver_order": 3},
    "heun": {"clip_sample": True, "clip_sample_range": 0.6, "use_karras_sigmas": True},
    "lms": {"use_karras_sigmas": True},
    "deis": {"thresholding": True, "dynamic_thresholding_ratio": 0.8},
    "tcd": {"clip_sample": True, "clip_sample_range": 0.7},
    "lcm": {"clip_sample": True, "clip_sample_range": 0.7, "original_inference_steps": 20},
}


@pytest.mark.parametrize("sampler", OWN)
def test_limits_and_levels_of_a_folder_are_those_of_its_scheduler(tmp_path: Path, sampler: str) -> None:
    kind = getattr(diffusers, CLASSES[sampler])
    generator = opened(saved(tmp_path / "model", kind(**OWN[sampler])))
    ours = seen(generator, generator.sample([3]), Quality(steps=6, sampler=sampler))
    expected = by_diffusers(kind(**OWN[sampler]), 3, 6)
    torch.testing.assert_close(torch.cat(ours), torch.cat(expected), atol=5e-4, rtol=0)


def test_of_a_flow_it_is_where_the_velocity_leads(tmp_path: Path) -> None:
    generator, unet = opened(save_flow(tmp_path / "flow")), tiny_unet().eval()
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(5)
    x, expected = generator.sample([3]).tensors["x_T"], []
    with torch.no_grad():
        for t, sigma in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
            velocity = unet(x, t).sample
            expected.append((x - sigma * velocity).clamp(-1, 1))
            x = scheduler.step(velocity, t, x).prev_sample
    steps = list(generator.trajectory(generator.sample([3]), Quality(steps=5)))
    torch.testing.assert_close(torch.cat([one.picture for one in steps]), torch.cat(expected), atol=2e-5, rtol=0)
    assert [one.noise for one in steps] == pytest.approx(scheduler.sigmas[:-1].tolist(), abs=1e-6)


def direction(generator: DiffusionGenerator, seed: int) -> LinearControl:
    vector = torch.randn(generator.card.spaces["h"].shape, generator=torch.Generator().manual_seed(seed))
    return LinearControl(ControlCard(name=f"{seed}", space="h"), 3 * vector)


def test_the_last_prediction_of_ddim_is_the_picture_and_a_window_changes_it_from_its_beginning_on(
    tmp_path: Path,
) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    start, window = generator.sample([5]), StepWindow(0.5, 0.2)
    plain = seen(generator, start)
    torch.testing.assert_close(plain[-1], generator.render(start, EIGHT), atol=1e-5, rtol=0)
    moved = edited(generator, start, [Move(direction(generator, 1), torch.tensor([1.0]), window=window)])
    steps = list(generator.trajectory(moved, EIGHT))
    inside = [index for index, one in enumerate(steps) if window.holds(one.noise)]
    for index, (one, before) in enumerate(zip(steps, plain, strict=True)):
        assert one.picture is not None
        assert torch.equal(one.picture, before) == (index < inside[0])
    assert steps[-1].picture is not None
    torch.testing.assert_close(steps[-1].picture, generator.render(moved, EIGHT), atol=1e-5, rtol=0)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpmpp_2m"])
def test_it_touches_no_picture_and_no_kept_beginning_and_others_are_drawn_in_between(
    tmp_path: Path, sampler: str
) -> None:
    generator, quality = opened(save_pixels(tmp_path / "model")), Quality(steps=8, sampler=sampler)
    move = Move(direction(generator, 1), torch.tensor([1.0]), window=StepWindow(0.5, 0.0))
    start, other = edited(generator, generator.sample([5]), [move]), generator.sample([6])
    picture, undisturbed = generator.render(start, quality), seen(generator, start, quality)
    kept = generator.prefixes
    before = kept.hits, kept.misses, kept.size
    seen(generator, start, quality)
    assert (kept.hits, kept.misses, kept.size) == before
    assert torch.equal(generator.render(start, quality), picture)
    between = []
    for one in generator.trajectory(start, quality):
        between.append(one.picture)
        generator.render(generator.advance(other, "h"), quality)
    assert all(torch.equal(one, expected) for one, expected in zip(between, undisturbed, strict=True))


def test_only_as_many_as_are_looked_at_are_decoded_by_the_small_decoder(tmp_path: Path) -> None:
    folder = save_latent(tmp_path / "model")
    tiny_taesd().save_pretrained(folder / "taesd")
    generator = opened(folder)
    decoders: list[str] = []
    decode: Callable[..., Tensor] = generator._decoding.decoded

    def counted(x: Tensor, half: bool = False, decoder: Any = "") -> Tensor:
        decoders.append(decoder)
        return decode(x, half, decoder)

    generator._decoding.decoded = counted  # type: ignore[method-assign]
    steps = list(generator.trajectory(generator.sample([1]), EIGHT, 3))
    assert [one.step for one in steps if one.picture is not None] == [1, 4, 6]
    assert len(steps) == 8
    assert decoders == ["tiny"] * 3
    assert all(one.picture.shape == (1, 3, 16, 16) for one in steps if one.picture is not None)


def test_changed_weights_predict_in_their_steps_alone(tmp_path: Path) -> None:
    generator, name = opened(save_ddim(tmp_path / "model")), "mid_block.resnets.0.conv1.weight"
    outputs, inputs, *kernel = tiny_unet().state_dict()[name].shape
    pair = LowRank(torch.ones(2, inputs, *kernel), torch.ones(outputs, 2, 1, 1))
    adapter = LowRankControl(ControlCard(name="adapter", space=WEIGHTS), {name: pair})
    changed = reweighted(generator, (WeightEdit(adapter, 1.0, StepWindow(0.5, 0.0)),))
    start = generator.sample([5])
    steps = list(cast(Foreseeing, changed).trajectory(start, EIGHT))
    for one, before in zip(steps, seen(generator, start), strict=True):
        assert one.picture is not None
        assert torch.equal(one.picture, before) == (one.noise >= 0.5)


def test_a_steered_picture_is_seen_as_far_as_it_was_changed(tmp_path: Path) -> None:
    unet = tiny_unet(num_class_embeds=3)
    DDPMPipeline(unet, FlowMatchEulerDiscreteScheduler()).save_pretrained(tmp_path / "flow")
    generator = opened(tmp_path / "flow")
    assert isinstance(generator, FlowGenerator)
    start = generator.sample([3])
    control = LinearControl(ControlCard(name="to 1", space=STEERING), torch.eye(3)[1])
    moved = edited(generator, start, [Move(control, torch.tensor([2.0]), window=StepWindow(0.5, 0.0))])
    steps = list(generator.trajectory(moved, EIGHT))
    plain = generator.render(start, EIGHT)
    for one in steps:
        assert one.picture is not None
        assert torch.equal(one.picture, plain) == (one.noise >= 0.5)
    assert torch.equal(steps[-1].picture, generator.render(moved, EIGHT))  # type: ignore[arg-type]


def test_a_prediction_without_a_picture_says_so(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", DDPMScheduler(rescale_betas_zero_snr=True))
    generator = opened(folder)
    with pytest.raises(ModelError, match="no picture"):
        list(generator.trajectory(generator.sample([1]), Quality(steps=1000, sampler="ddpm")))


def test_a_causal_diffusion_model_shows_its_steps_and_keeps_to_windows(tmp_path: Path) -> None:
    generator = registry.load(str(write_causal_diffusion(tmp_path / "own")), CPU)
    assert isinstance(generator, CausalDiffusionGenerator)
    start, quality = generator.sample([2]), Quality(steps=5)
    plain = seen(generator, start, quality)
    torch.testing.assert_close(plain[-1], generator.render(start, quality), atol=1e-5, rtol=0)
    control = generator.axis_controls()[0]
    late = edited(generator, start, [Move(control, torch.tensor([1.0]), window=StepWindow(0.5, 0.0))])
    steps = list(generator.trajectory(late, quality))
    for one, before in zip(steps, plain, strict=True):
        assert one.picture is not None
        assert torch.equal(one.picture, before) == (one.noise >= 0.5)
    everywhere = edited(generator, start, [Move(control, torch.tensor([1.0]))])
    pictures = [generator.render(one, quality) for one in (start, late, everywhere)]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])
    torch.testing.assert_close(steps[-1].picture, pictures[1], atol=1e-5, rtol=0)
