"""What a flow-matching scheduler's configuration says of pictures, against diffusers' own pipeline and scheduler."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDPMPipeline,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    LDMPipeline,
)
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_pipelines import DECODERS, change_json, tiny_unet
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators import diffusion
from explorer.generators.base import standard_normal
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.flow_scheduler import OF_DYNAMIC_SHIFTING, REFUSED, SCHEDULES, EulerFlowSchedule, FlowSchedule
from explorer.scene.model import Quality

CPU = torch.device("cpu")
FILE = "scheduler/scheduler_config.json"
SIZE = (3, 16, 16)


def save(folder: Path, scheduler: Any, **entries: Any) -> Path:
    """A pipeline in pixels around ``scheduler``, whose file is then changed to hold ``entries``."""
    DDPMPipeline(tiny_unet(), scheduler).save_pretrained(folder)
    change_json(folder / FILE, **entries)
    return folder


def load(folder: Path) -> DiffusionGenerator:
    return diffusion.FAMILY.load(folder, CPU)


def by_hand(scheduler: Any, unet: Any, x: Tensor, steps: int) -> Tensor:
    """The sample that diffusers' own ``scheduler`` arrives at from ``x``."""
    scheduler.set_timesteps(steps)
    with torch.inference_mode():
        for t in scheduler.timesteps:
            x = scheduler.step(unet(x, t).sample, t, x).prev_sample
    return x


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"shift": 3.0},
        {"shift_terminal": 0.1},
        {"shift": 2.0, "shift_terminal": 0.02},
        {"use_karras_sigmas": True},
        {"use_exponential_sigmas": True, "shift": 1.5},
        {"use_beta_sigmas": True},
        {"num_train_timesteps": 200},
        {"base_shift": 0.3, "max_shift": 2.0, "time_shift_type": "linear"},  # of the shifting that is off
    ],
    ids=str,
)
@pytest.mark.parametrize("steps", [4, 9])
def test_a_folder_is_drawn_as_its_pipelines_own_call_draws_it(tmp_path: Path, keys: dict[str, Any], steps: int) -> None:
    folder = save(tmp_path / "flow", FlowMatchEulerDiscreteScheduler(**keys))
    pipeline = DDPMPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(num_inference_steps=steps, generator=torch.Generator().manual_seed(3), output_type="np").images[0]
    generator = load(folder)
    ours = generator.render(generator.sample([3]), Quality(steps=steps))[0] / 2 + 0.5
    torch.testing.assert_close(ours, torch.from_numpy(made).permute(2, 0, 1), atol=1e-3, rtol=0)


@pytest.mark.parametrize("scheduler", [FlowMatchHeunDiscreteScheduler, FlowMatchEulerDiscreteScheduler])
@pytest.mark.parametrize("shift", [1.0, 2.5])
def test_latents_are_those_of_the_scheduler_stepped_by_hand(tmp_path: Path, scheduler: Any, shift: float) -> None:
    folder = tmp_path / "latent"
    LDMPipeline(DECODERS["AutoencoderKL"](), tiny_unet(4, 8), scheduler(shift=shift)).save_pretrained(folder)
    decoder = AutoencoderKL.from_pretrained(folder / "vqvae").eval()
    z = by_hand(scheduler(shift=shift), tiny_unet(4, 8).eval(), standard_normal([5, 6], (4, 8, 8)), 6)
    with torch.inference_mode():
        expected = decoder.decode(z / decoder.config.scaling_factor).sample.clamp(-1, 1)
    generator = load(folder)
    torch.testing.assert_close(
        generator.render(generator.sample([5, 6]), Quality(steps=6)), expected, atol=1e-3, rtol=0
    )


@given(
    steps=st.integers(2, 40),
    shift=st.floats(0.2, 8.0),
    terminal=st.sampled_from([None, 0.0, 0.01, 0.2]),
    total=st.sampled_from([50, 1000]),
    spacing=st.sampled_from(["", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"]),
)
@settings(max_examples=60, deadline=None)
def test_noise_levels_are_those_of_diffusers(
    steps: int, shift: float, terminal: float | None, total: int, spacing: str
) -> None:
    keys: dict[str, Any] = {"num_train_timesteps": total, "shift": shift, "shift_terminal": terminal}
    if spacing:
        keys[spacing] = True
    theirs = FlowMatchEulerDiscreteScheduler(**keys)
    theirs.set_timesteps(steps)
    schedule = EulerFlowSchedule(**keys)
    plan = schedule.plan(steps)
    torch.testing.assert_close(torch.tensor(plan.timesteps), theirs.timesteps, atol=1e-3 * total, rtol=0)
    torch.testing.assert_close(torch.tensor(schedule.sigmas(plan)), theirs.sigmas, atol=1e-5, rtol=0)


def test_one_step_is_a_step_whatever_the_spacing() -> None:
    for keys in ({}, {"shift_terminal": 0.3}, {"use_karras_sigmas": True}, {"use_beta_sigmas": True}):
        schedule = EulerFlowSchedule(**keys)
        assert schedule.sigmas(schedule.plan(1)) == pytest.approx((1.0, 0.0))
    assert len(FlowSchedule(num_train_timesteps=20).plan(5000).timesteps) == 20


@pytest.mark.parametrize("key", REFUSED)
def test_what_would_change_pictures_in_a_way_that_is_not_followed_is_refused_by_name(tmp_path: Path, key: str) -> None:
    folder = save(tmp_path / "flow", FlowMatchEulerDiscreteScheduler(), **{key: True})
    with pytest.raises(ModelError, match=f"'{key}'"):
        load(folder)
    verdict = diffusion.FAMILY.identify(folder)
    assert verdict.problem
    assert f"'{key}'" in verdict.reason


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({"late_start": 3}, "'late_start'"),
        ({"shift": 0}, "'shift'"),
        ({"shift": "much"}, "shift"),
        ({"shift_terminal": 1.5}, "'shift_terminal'"),
        ({"num_train_timesteps": 0}, "training steps"),
        ({"use_karras_sigmas": True, "use_beta_sigmas": True}, "two ways"),
    ],
    ids=str,
)
def test_impossible_values_are_one_sentence(tmp_path: Path, entries: dict[str, Any], named: str) -> None:
    folder = save(tmp_path / "flow", FlowMatchEulerDiscreteScheduler(), **entries)
    with pytest.raises(ModelError, match=named):
        load(folder)


def test_keys_of_other_schedulers_change_nothing(tmp_path: Path) -> None:
    """diffusers writes them when it makes one scheduler from another."""
    keys: set[str] = set()
    for member in KarrasDiffusionSchedulers:
        kind = getattr(__import__("diffusers"), member.name)
        keys |= {*inspect.signature(kind).parameters}
    own = {*inspect.signature(FlowMatchEulerDiscreteScheduler).parameters}
    others = keys - own - {"args", "kwargs"}
    folder = save(tmp_path / "flow", FlowMatchEulerDiscreteScheduler(), **dict.fromkeys(others, 0.01))
    plain = load(save(tmp_path / "plain", FlowMatchEulerDiscreteScheduler()))
    generator = load(folder)
    quality = Quality(steps=3)
    assert torch.equal(generator.render(generator.sample([1]), quality), plain.render(plain.sample([1]), quality))


def test_every_key_of_both_schedulers_is_followed_refused_or_has_no_effect() -> None:
    for name, kind in SCHEDULES.items():
        theirs = {*inspect.signature(getattr(__import__("diffusers"), name)).parameters}
        assert theirs <= {*kind.__struct_fields__, *REFUSED, *OF_DYNAMIC_SHIFTING}


def test_the_card_says_how_pictures_are_drawn(tmp_path: Path) -> None:
    euler = save(tmp_path / "euler", FlowMatchEulerDiscreteScheduler())
    heun = save(tmp_path / "heun", FlowMatchHeunDiscreteScheduler())
    assert diffusion.FAMILY.describe(euler).sampler == "Euler's method along the flow"
    assert diffusion.FAMILY.describe(heun).sampler == "Heun's method along the flow"


# --- the generator ----------------------------------------------------------------------------------------------------


@pytest.fixture
def flow(tmp_path: Path) -> DiffusionGenerator:
    return load(save(tmp_path / "flow", FlowMatchEulerDiscreteScheduler(shift_terminal=0.1)))


def test_h_moves_a_flow_and_nothing_is_the_identity(flow: DiffusionGenerator) -> None:
    latent, quality = flow.sample([1, 2]), Quality(steps=5)
    plain = flow.render(latent, quality)
    still = flow.advance(latent, "h")
    assert torch.equal(flow.render(still, quality), plain)
    moved = flow.render(still.with_space("h", still.tensors["h"] + 1.0), quality)
    assert (moved - plain).abs().max() > 0.01


def test_slopes_reach_the_noise(flow: DiffusionGenerator) -> None:
    latent = flow.sample([1])
    x = latent.tensors["x_T"].clone().requires_grad_()
    flow.render(latent.with_space("x_T", x), Quality(steps=3)).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_a_picture_is_encoded_and_drawn_again(flow: DiffusionGenerator) -> None:
    picture = flow.render(flow.sample([4]), Quality(steps=10)) * 0.8
    off = []
    for refinements in (0, 2, 8):
        found = flow.encode(picture, steps=10, refinements=refinements)
        off.append(float((flow.render(found, Quality(steps=10)) - picture).abs().mean()))
    assert off[0] > off[1] > off[2]
    assert off[2] < 1e-3
