"""Diffusion pipelines: loading, the sampling loop, the bottleneck hook, kept prefixes, inversion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, LDMPipeline
from tiny_pipelines import DECODERS, save_ddim, save_latent, save_pixels
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators import diffusion
from explorer.generators.base import standard_normal
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.digests import digest_of
from explorer.generators.registry import describe, identify, load
from explorer.memory import BoundedCache, bytes_of
from explorer.scene.model import Quality

CPU = torch.device("cpu")
FOUR = Quality(steps=4)


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


def with_card(folder: Path, **entries: object) -> Path:
    (folder / "card.json").write_text(json.dumps(entries))
    return folder


def test_a_pixel_pipeline_is_found_and_described(tmp_path: Path) -> None:
    folder = save_pixels(tmp_path / "pixels")
    found = identify(folder)
    assert found.family == "diffusion", found.verdicts
    card = describe(str(folder))
    assert (card.size, card.shape[0], list(card.spaces)) == ((16, 16), 3, ["x_T", "h"])
    assert card.spaces["x_T"].shape == (3, 16, 16)
    assert card.spaces["x_T"].prior == "normal"
    assert (card.spaces["h"].shape, card.spaces["h"].prior) == ((16, 8, 8), "")
    assert (card.full_steps, card.interactive_steps) == (50, 8)
    assert card.parameters == sum(p.numel() for p in opened(folder)._unet.parameters())
    progress: list[float] = []
    generator = load(str(folder), CPU, progress=progress.append)
    assert generator.card == card
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


@pytest.mark.parametrize("decoder", DECODERS)
def test_pictures_equal_those_of_the_pipeline_of_diffusers(tmp_path: Path, decoder: str) -> None:
    folder = save_latent(tmp_path / "latent", decoder, timestep_spacing="trailing", prediction_type="v_prediction")
    generator = opened(folder)
    assert (generator.card.size, generator.card.spaces["x_T"].shape) == ((16, 16), (4, 8, 8))
    pipeline = LDMPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    source = torch.Generator().manual_seed(7)
    theirs = pipeline(num_inference_steps=5, generator=source, output_type="np").images[0]
    ours = generator.render(generator.sample([7]), Quality(steps=5))[0]
    torch.testing.assert_close((ours / 2 + 0.5).permute(1, 2, 0), torch.from_numpy(theirs), atol=2e-5, rtol=0)


def test_pixel_pictures_equal_those_of_the_pipeline_of_diffusers(tmp_path: Path) -> None:
    folder = save_ddim(tmp_path / "ddim")
    pipeline = DDIMPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    source = torch.Generator().manual_seed(3)
    theirs = pipeline(num_inference_steps=4, generator=source, output_type="np").images[0]
    generator = opened(folder)
    ours = generator.render(generator.sample([3]), FOUR)[0]
    torch.testing.assert_close((ours / 2 + 0.5).permute(1, 2, 0), torch.from_numpy(theirs), atol=2e-5, rtol=0)


def test_an_autoencoder_with_a_shift_is_undone(tmp_path: Path) -> None:
    from tiny_pipelines import tiny_kl, tiny_unet

    folder = tmp_path / "shifted"
    vae = tiny_kl(scaling_factor=0.25, shift_factor=0.5)
    LDMPipeline(vqvae=vae, unet=tiny_unet(4, 8), scheduler=DDIMScheduler()).save_pretrained(folder)
    x = standard_normal([0], (4, 8, 8))
    with torch.no_grad():
        expected = vae.eval().decode(x / 0.25 + 0.5).sample.clamp(-1, 1)
    torch.testing.assert_close(opened(folder)._decoding.decoded(x), expected)


def test_samples_come_from_their_seeds_alone_and_truncation_is_ignored(tmp_path: Path) -> None:
    generator = opened(save_pixels(tmp_path / "pixels"))
    assert "truncation" not in generator.card.capabilities
    both = generator.sample([1, 2], truncation_psi=0.3)
    assert torch.equal(both.tensors["x_T"][1:], generator.sample([2]).tensors["x_T"])
    assert list(both.tensors) == ["x_T"]


def test_h_begins_as_zeros_and_zeros_change_no_bit(tmp_path: Path) -> None:
    generator = opened(save_latent(tmp_path / "latent"))
    bare = generator.sample([0, 1])
    filled = generator.advance(bare, "h")
    assert filled.tensors["h"].shape == (2, 16, 4, 4)
    assert not filled.tensors["h"].any()
    assert generator.advance(filled, "h") is filled
    assert generator.advance(bare, "x_T") is bare
    with pytest.raises(KeyError):
        generator.advance(bare, "w")
    without = generator.render(bare, FOUR)
    assert torch.equal(generator.render(filled, FOUR), without)
    generator._unet.mid_block._forward_hooks.clear()
    assert torch.equal(generator.render(bare, FOUR), without)


def explicit(unet: object, x: Tensor, t: int, h: Tensor) -> Tensor:
    """The U-Net written out, with ``h`` added to the middle block's output."""
    u: object = unet
    time = u.time_embedding(u.time_proj(torch.full((len(x),), t)))  # type: ignore[attr-defined]
    x = u.conv_in(x)  # type: ignore[attr-defined]
    skips = (x,)
    for block in u.down_blocks:  # type: ignore[attr-defined]
        x, more = block(hidden_states=x, temb=time)
        skips += more
    x = u.mid_block(x, time) + h  # type: ignore[attr-defined]
    for block in u.up_blocks:  # type: ignore[attr-defined]
        count = len(block.resnets)
        x, skips = block(x, skips[-count:], time), skips[:-count]
    return u.conv_out(u.conv_act(u.conv_norm_out(x)))  # type: ignore[attr-defined, no-any-return]


@torch.no_grad()
def test_h_equals_a_forward_pass_written_out_with_the_injection(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "ddim"))
    h = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    latent = generator.sample([0, 1]).with_space("h", h)
    made = generator.render(latent, FOUR)
    generator._unet.mid_block._forward_hooks.clear()
    unet = generator._unet
    x = latent.tensors["x_T"]
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(4)
    for t in scheduler.timesteps.tolist():
        x = scheduler.step(explicit(unet, x, t, h), t, x).prev_sample
    torch.testing.assert_close(made, x.clamp(-1, 1), atol=2e-5, rtol=0)
    assert (made - generator.render(generator.sample([0, 1]), FOUR)).abs().max() > 0.01


def test_rows_do_not_touch_each_other(tmp_path: Path) -> None:
    generator = opened(save_latent(tmp_path / "latent"))
    latent = generator.advance(generator.sample([0, 1, 2]), "h")
    before = generator.render(latent, FOUR)
    h = latent.tensors["h"].clone()
    h[1] = 5.0
    after = generator.render(latent.with_space("h", h), FOUR)
    assert torch.equal(after[[0, 2]], before[[0, 2]])
    assert not torch.equal(after[1], before[1])
    assert torch.equal(generator.render(latent, FOUR), before)  # nothing stays behind in the hook


def test_a_kept_prefix_gives_the_same_bits(tmp_path: Path) -> None:
    folder = with_card(save_latent(tmp_path / "latent"), h_window=[600, 0])
    generator, fresh = opened(folder), opened(folder)
    assert [t > 600 for t in generator.steps(FOUR)] == [True, False, False, False]
    latent = generator.advance(generator.sample([0, 1]), "h")
    generator.render(latent, FOUR)
    hits, misses = generator.prefixes.hits, generator.prefixes.misses
    steps: list[int] = []
    for amount in (0.5, 1.0, 0.0):
        moved = latent.with_space("h", latent.tensors["h"] + amount)
        picture = generator.render(moved, FOUR, callback=lambda done, x: steps.append(done))
        fresh.prefixes = BoundedCache(0, bytes_of)
        assert torch.equal(picture, fresh.render(moved, FOUR))
    assert (generator.prefixes.hits - hits, generator.prefixes.misses - misses) == (3, 0)
    assert steps == [2, 3, 4] * 3  # the first step was not computed again
    assert fresh.prefixes.size == 0


@pytest.mark.parametrize("change", ["batch", "order", "steps", "noise"])
def test_a_prefix_of_something_else_is_not_used(tmp_path: Path, change: str) -> None:
    generator = opened(with_card(save_latent(tmp_path / "latent"), h_window=[600, 0]))
    generator.render(generator.sample([0, 1]), FOUR)
    hits = generator.prefixes.hits
    seeds = {"batch": [0, 1, 2], "order": [1, 0], "noise": [0, 5]}.get(change, [0, 1])
    generator.render(generator.sample(seeds), Quality(steps=5) if change == "steps" else FOUR)
    assert generator.prefixes.hits == hits


def test_the_window_says_where_h_acts(tmp_path: Path) -> None:
    folder = with_card(save_ddim(tmp_path / "ddim"), h_window=[600, 300])
    generator = opened(folder)
    h = torch.ones(1, 16, 8, 8)
    latent = generator.sample([0]).with_space("h", h)
    made = generator.render(latent, FOUR)
    generator._unet.mid_block._forward_hooks.clear()
    x = latent.tensors["x_T"]
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(4)
    for t in scheduler.timesteps.tolist():  # 750, 500, 250, 0
        x = scheduler.step(explicit(generator._unet, x, t, h if t == 500 else 0 * h), t, x).prev_sample
    torch.testing.assert_close(made, x.clamp(-1, 1), atol=2e-5, rtol=0)
    other = with_card(save_ddim(tmp_path / "other"))
    assert diffusion.FAMILY.describe(other).fingerprint != generator.card.fingerprint


def test_a_digest_tells_shapes_and_types_apart() -> None:
    assert digest_of(torch.zeros(2, 3)) != digest_of(torch.zeros(3, 2))
    assert digest_of(torch.zeros(2)) != digest_of(torch.zeros(1, dtype=torch.float64))


def test_pictures_are_differentiable_in_x_and_h(tmp_path: Path) -> None:
    generator = opened(save_latent(tmp_path / "latent"))
    latent = generator.advance(generator.sample([0]), "h")
    for space in ("x_T", "h"):
        point = latent.tensors[space].clone().requires_grad_()
        picture = generator.render(latent.with_space(space, point), FOUR)
        (slope,) = torch.autograd.grad(picture.sum(), point)
        assert slope.abs().sum() > 0
    with torch.inference_mode():
        inside = generator.render(latent, FOUR)
    assert torch.equal(inside, generator.render(latent, FOUR))


def test_a_prefix_kept_in_inference_mode_serves_a_differentiable_picture(tmp_path: Path) -> None:
    generator = opened(with_card(save_latent(tmp_path / "latent"), h_window=[600, 0]))
    latent = generator.advance(generator.sample([0]), "h")
    with torch.inference_mode():
        generator.render(latent, FOUR)
    h = latent.tensors["h"].clone().requires_grad_()
    hits = generator.prefixes.hits
    (slope,) = torch.autograd.grad(generator.render(latent.with_space("h", h), FOUR).sum(), h)
    assert generator.prefixes.hits == hits + 1
    assert slope.abs().sum() > 0


def test_steps_follow_the_quality_and_the_card(tmp_path: Path) -> None:
    generator = opened(with_card(save_ddim(tmp_path / "ddim"), full_steps=20, interactive_steps=4, licence="MIT"))
    assert len(generator.steps(Quality())) == 20
    assert generator.steps(FOUR) == (750, 500, 250, 0)
    assert len(generator.steps(Quality(steps=5000))) == 1000
    assert (generator.card.interactive_steps, generator.card.licence) == (4, "MIT")


def test_a_number_of_steps_that_the_schedule_does_not_allow_is_refused(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "ddim", rescale_betas_zero_snr=True))
    assert generator.render(generator.sample([0]), Quality(steps=999)).isfinite().all()
    with pytest.raises(ModelError, match=r"1000 steps: .* no signal is left"):
        generator.render(generator.sample([0]), Quality(steps=1000))


def test_a_callback_stops_a_picture(tmp_path: Path) -> None:
    generator = opened(save_pixels(tmp_path / "pixels"))

    def stop(done: int, x: Tensor) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        generator.render(generator.sample([0]), FOUR, callback=stop)


def test_inversion_finds_the_noise_of_a_picture(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "ddim"))
    with torch.no_grad():  # a calm network: that of random weights is no score, and its steps cannot be undone
        generator._unet.conv_out.weight.mul_(0.05)
    picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    errors = []
    for refinements in (0, 2, 6):
        found = generator.encode(picture, 20, refinements)
        assert list(found.tensors) == ["x_T"]
        errors.append(float((generator.render(found, Quality(steps=20)) - picture).abs().max()))
    assert errors[0] > 3 * errors[1] > 3 * errors[2], errors
    assert errors[2] < 0.02, errors
    with pytest.raises(ModelError, match="shape"):
        generator.encode(picture[:, :1])


def test_a_step_that_forgets_where_it_came_from_cannot_be_inverted(tmp_path: Path) -> None:
    """Predicted samples that end without noise: the last step is the prediction itself."""
    generator = opened(save_ddim(tmp_path / "ddim", prediction_type="sample"))
    with pytest.raises(ModelError, match="cannot be encoded"):
        generator.encode(torch.zeros(1, 3, 16, 16), 4)
    other = opened(save_ddim(tmp_path / "other", prediction_type="sample", set_alpha_to_one=False, steps_offset=1))
    assert other.encode(torch.zeros(1, 3, 16, 16), 4).tensors["x_T"].isfinite().all()


def test_a_network_that_learns_its_variance_is_read_by_its_first_half(tmp_path: Path) -> None:
    from diffusers import DDPMPipeline, DDPMScheduler
    from tiny_pipelines import tiny_unet

    folder = tmp_path / "learned"
    DDPMPipeline(tiny_unet(out_channels=6), DDPMScheduler()).save_pretrained(folder)
    generator = opened(folder)
    assert generator.render(generator.sample([0]), FOUR).shape == (1, 3, 16, 16)


def test_without_a_middle_block_there_is_no_h(tmp_path: Path) -> None:
    from diffusers import DDPMPipeline, DDPMScheduler
    from tiny_pipelines import tiny_unet

    folder = tmp_path / "flat"
    DDPMPipeline(tiny_unet(mid_block_type=None), DDPMScheduler()).save_pretrained(folder)
    generator = opened(folder)
    assert list(generator.card.spaces) == ["x_T"]
    assert generator.render(generator.sample([0]), FOUR).isfinite().all()
