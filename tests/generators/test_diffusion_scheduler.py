"""What a scheduler's configuration says of pictures: every key that DDIM knows, against the pipelines of diffusers."""

from __future__ import annotations

import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, LDMPipeline, PNDMScheduler
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny_pipelines import DECODERS, change_json, tiny_unet
from torch import Tensor

from explorer.generators import diffusion
from explorer.generators.diffusion_scheduler import CLASSES, OF_OTHERS, SchedulerConfig
from explorer.scene.model import Quality

CPU = torch.device("cpu")
SCHEDULER = "scheduler/scheduler_config.json"


def save(folder: Path, scheduler: Any, size: int = 16, **entries: Any) -> Path:
    """A pipeline in pixels around ``scheduler``, whose file is then changed to hold ``entries``."""
    DDPMPipeline(tiny_unet(size=size), scheduler).save_pretrained(folder)
    change_json(folder / SCHEDULER, **entries)
    return folder


def ours(folder: Path, seed: int, steps: int, sampler: str = "") -> Tensor:
    """(C, H, W) in 0..1."""
    generator = diffusion.FAMILY.load(folder, CPU)
    with torch.inference_mode():
        return generator.render(generator.sample([seed]), Quality(steps=steps, sampler=sampler))[0] / 2 + 0.5


def theirs(pipeline: Any, seed: int, steps: int) -> Tensor:
    """(C, H, W) in 0..1, of the pipeline's own call, from the noise of the same seed."""
    pipeline.set_progress_bar_config(disable=True)
    source = torch.Generator().manual_seed(seed)
    found = pipeline(num_inference_steps=steps, generator=source, output_type="np").images[0]
    return torch.from_numpy(found).permute(2, 0, 1)


@pytest.mark.parametrize(
    "keys",
    [
        {},  # clips to 1 by default
        {"clip_sample": False},
        {"clip_sample_range": 0.3},
        {"thresholding": True, "sample_max_value": 1.5, "dynamic_thresholding_ratio": 0.8},
        {"thresholding": True},
        {"prediction_type": "v_prediction"},
        {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
        {"prediction_type": "sample", "beta_schedule": "squaredcos_cap_v2"},
        {"timestep_spacing": "linspace"},
        {"timestep_spacing": "trailing", "beta_schedule": "squaredcos_cap_v2"},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"variance_type": "fixed_large", "steps_offset": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("steps", [7, 10])
def test_a_ddpm_folder_is_drawn_as_the_deterministic_pipeline_draws_it(
    tmp_path: Path, keys: dict[str, Any], steps: int
) -> None:
    folder = save(tmp_path / "ddpm", DDPMScheduler(**keys))
    expected = theirs(DDIMPipeline.from_pretrained(folder), 3, steps)
    torch.testing.assert_close(ours(folder, 3, steps), expected, atol=1e-4, rtol=0)


def test_a_folder_may_leave_every_key_out(tmp_path: Path) -> None:
    folder = save(tmp_path / "bare", DDPMScheduler())
    (folder / SCHEDULER).write_text('{"_class_name": "DDPMScheduler"}')
    expected = theirs(DDIMPipeline.from_pretrained(folder), 3, 10)
    torch.testing.assert_close(ours(folder, 3, 10), expected, atol=1e-4, rtol=0)
    change_json(folder / SCHEDULER, clip_sample=False)
    assert (ours(folder, 3, 10) - expected).abs().max() > 0.05


@pytest.mark.parametrize("schedule", ["sigmoid", "laplace"])
def test_schedules_that_ddpm_alone_knows(tmp_path: Path, schedule: str) -> None:
    scheduler = DDPMScheduler(beta_schedule=schedule)
    folder = save(tmp_path / "ddpm", scheduler)
    same = DDIMScheduler(trained_betas=scheduler.betas.tolist())
    expected = theirs(DDIMPipeline(tiny_unet().eval(), same), 3, 10)
    torch.testing.assert_close(ours(folder, 3, 10), expected, atol=1e-4, rtol=0)


def test_by_ddim_a_pndm_folder_is_drawn_without_limits_and_ends_as_pndm_does(tmp_path: Path) -> None:
    folder = save(tmp_path / "pndm", PNDMScheduler(skip_prk_steps=True), set_alpha_to_one=...)
    same = DDIMScheduler(clip_sample=False, set_alpha_to_one=False)
    expected = theirs(DDIMPipeline(tiny_unet().eval(), same), 3, 10)
    torch.testing.assert_close(ours(folder, 3, 10, "ddim"), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("clip", [True, False])
def test_latents_are_limited_as_pixels_are(tmp_path: Path, clip: bool) -> None:
    folder = tmp_path / "latent"
    scheduler = DDIMScheduler(clip_sample=clip)
    LDMPipeline(vqvae=DECODERS["AutoencoderKL"](), unet=tiny_unet(4, 8), scheduler=scheduler).save_pretrained(folder)
    expected = theirs(LDMPipeline.from_pretrained(folder), 3, 10)
    torch.testing.assert_close(ours(folder, 3, 10), expected, atol=1e-4, rtol=0)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    total = draw(st.sampled_from([50, 100, 1000]))
    return {
        "num_train_timesteps": total,
        "beta_start": draw(st.floats(1e-4, 5e-3)),
        "beta_end": draw(st.floats(6e-3, 0.05)),
        "beta_schedule": draw(st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2"])),
        "prediction_type": draw(st.sampled_from(["epsilon", "sample", "v_prediction"])),
        "clip_sample": draw(st.booleans()),
        "clip_sample_range": draw(st.floats(0.1, 3.0)),
        "thresholding": draw(st.booleans()),
        "dynamic_thresholding_ratio": draw(st.floats(0.5, 1.0)),
        "sample_max_value": draw(st.floats(0.5, 3.0)),
        "timestep_spacing": draw(st.sampled_from(["leading", "trailing", "linspace"])),
        "steps_offset": draw(st.integers(0, 2)),
        "set_alpha_to_one": draw(st.booleans()),
        "rescale_betas_zero_snr": draw(st.booleans()),
    }


@settings(max_examples=60, deadline=None)
@given(configurations(), st.sets(st.sampled_from(sorted(SchedulerConfig.__struct_fields__))), st.integers(1, 12))
def test_any_configuration_is_drawn_as_diffusers_draws_it(keys: dict[str, Any], left_out: set[str], steps: int) -> None:
    keys = {key: value for key, value in keys.items() if key not in left_out}
    scheduler = DDIMScheduler(**keys)
    scheduler.set_timesteps(steps)
    visited = scheduler.timesteps.tolist()
    total = scheduler.config.num_train_timesteps
    assume(len(visited) == steps and visited[0] < total)  # diffusers may visit a step -1, or one beyond the last
    # What is left of the signal is the divisor of predicted noise: below that no two ways of computing agree.
    assume(scheduler.config.prediction_type != "epsilon" or float(scheduler.alphas_cumprod[visited[0]]) > 1e-5)
    with tempfile.TemporaryDirectory() as name:
        folder = save(Path(name) / "ddim", scheduler, size=8, **dict.fromkeys(left_out - {"trained_betas"}, ...))
        change_json(folder / "model_index.json", _class_name="DDIMPipeline")
        (folder / "card.json").write_text(json.dumps({"full_steps": steps, "interactive_steps": steps}))
        expected = theirs(DDIMPipeline.from_pretrained(folder), 5, steps)
        torch.testing.assert_close(ours(folder, 5, steps), expected, atol=1e-3, rtol=0)


def test_the_keys_and_their_defaults_are_those_of_diffusers() -> None:
    arguments = inspect.signature(DDIMScheduler.__init__).parameters
    expected = {name: argument.default for name, argument in arguments.items() if name != "self"}
    own = SchedulerConfig()
    assert {name: getattr(own, name) for name in own.__struct_fields__} == expected


def test_every_key_of_the_schedulers_of_diffusers_is_known() -> None:
    names = {*CLASSES.values(), *(member.name for member in KarrasDiffusionSchedulers)}
    found: set[str] = set()
    for name in names - {"DPMSolverSDEScheduler"}:  # needs a package that is not here
        found |= set(inspect.signature(getattr(diffusers, name).__init__).parameters)
    assert found - {"self", "kwargs"} <= {*SchedulerConfig.__struct_fields__, *OF_OTHERS}


def test_what_is_switched_off_or_of_another_scheduler_is_let_pass(tmp_path: Path) -> None:
    folder = save(tmp_path / "ddpm", DDPMScheduler(), use_karras_sigmas=True, tensor_format="pt", new_trick=False)
    expected = theirs(DDIMPipeline.from_pretrained(folder), 3, 5)
    torch.testing.assert_close(ours(folder, 3, 5), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        (DDPMScheduler(), ["deterministic DDIM", "add noise at every step", "clipped to ±1"]),
        (DDIMScheduler(clip_sample_range=2.5), ["deterministic DDIM", "clipped to ±2.5"]),
        (DDIMScheduler(thresholding=True, sample_max_value=1.5), ["thresholded at the 99.50% quantile, at most 1.5"]),
        (PNDMScheduler(), ["PNDM", "as the folder sets it"]),
    ],
)
def test_the_card_says_how_pictures_are_drawn(tmp_path: Path, scheduler: Any, words: list[str]) -> None:
    card = diffusion.FAMILY.describe(save(tmp_path / "model", scheduler))
    assert all(word in card.sampler for word in words), card.sampler
    if not isinstance(scheduler, DDPMScheduler | DDIMScheduler):
        assert "clipped" not in card.sampler
