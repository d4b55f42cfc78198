"""Diffusion models with other weights: as a network into which they were merged, in all steps or in some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler
from tiny_pipelines import save_ddim, save_flow, tiny_unet
from torch import Tensor

from explorer.controls.base import WEIGHTS, Move
from explorer.controls.linear import LinearControl
from explorer.controls.low_rank import LowRank, LowRankControl
from explorer.errors import ControlError
from explorer.generators import diffusion
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.editing import by_weights, edited, rendered, reweighted
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality, StepWindow

CPU = torch.device("cpu")
EIGHT = Quality(steps=8)
WEIGHT = "mid_block.resnets.0.conv1.weight"


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def adapter(seed: int = 0, name: str = WEIGHT) -> LowRankControl:
    outputs, inputs, *kernel = tiny_unet().state_dict()[name].shape
    pair = LowRank(normal(seed, 2, inputs, *kernel), normal(seed + 1, outputs, 2, 1, 1))
    return LowRankControl(ControlCard(name=f"adapter {seed}", space=WEIGHTS), {name: pair})


def move(control: LowRankControl | LinearControl, amount: float, window: StepWindow | None = None) -> Move:
    return Move(control, torch.tensor([amount]), window=window)


@torch.no_grad()
def merged(x: Tensor, change_at: Callable[[float], Tensor]) -> Tensor:
    """A picture by diffusers' own U-Net and scheduler, ``change_at`` (share of the schedule) added to its weight."""
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(8)
    for t in scheduler.timesteps:
        network = tiny_unet().eval()
        network.get_parameter(WEIGHT).add_(change_at(int(t) / 1000))
        x = scheduler.step(network(x, t).sample, t, x).prev_sample
    return x.clamp(-1, 1)


def test_a_picture_is_that_of_the_merged_network(tmp_path: Path) -> None:
    generator, control = opened(save_ddim(tmp_path / "model")), adapter()
    assert "weights" in generator.card.capabilities
    start = generator.sample([5])
    change = control.factors[WEIGHT].product()
    bare = generator.render(start, EIGHT)
    ours = rendered(generator, [(start, [move(control, -0.7)])], EIGHT)
    torch.testing.assert_close(ours, merged(start.tensors["x_T"], lambda noise: -0.7 * change), atol=1e-5, rtol=0)
    assert (ours - bare).abs().max() > 0.01
    assert torch.equal(rendered(generator, [(start, [move(control, 0.0)])], EIGHT), bare)
    assert torch.equal(generator.render(start, EIGHT), bare)


def test_in_a_window_it_is_merged_in_those_steps_alone(tmp_path: Path) -> None:
    """The first steps without: what keeps the structure of a picture (concept sliders leave out those above 0.8)."""
    generator, control, other = opened(save_ddim(tmp_path / "model")), adapter(), adapter(7)
    start = generator.sample([5])
    late, early = StepWindow(0.8, 0.0), StepWindow(1.0, 0.3)

    def change_at(noise: float) -> Tensor:
        change = control.factors[WEIGHT].product() if noise < 0.8 else torch.zeros(())
        return change + (2 * other.factors[WEIGHT].product() if noise >= 0.3 else 0)

    ours = rendered(generator, [(start, [move(control, 1.0, late), move(other, 2.0, early)])], EIGHT)
    torch.testing.assert_close(ours, merged(start.tensors["x_T"], change_at), atol=1e-5, rtol=0)


def test_the_steps_that_it_does_not_reach_are_not_drawn_anew(tmp_path: Path) -> None:
    generator, control = opened(save_ddim(tmp_path / "model")), adapter()
    start = generator.sample([5])

    def steps(amount: float) -> int:
        count = 0

        def hear(done: int, sample: Tensor) -> None:
            nonlocal count
            count += 1

        ((weights, _),) = by_weights([move(control, amount, StepWindow(0.5, 0.0))], 1).items()
        drawing = reweighted(generator, weights)
        assert isinstance(drawing, DiffusionGenerator)
        drawing.render(start, EIGHT, hear)
        return count

    assert [steps(1.0), steps(2.0), steps(1.0)] == [8, 4, 4]
    anew = rendered(opened(tmp_path / "model"), [(start, [move(control, 2.0, StepWindow(0.5, 0.0))])], EIGHT)
    assert torch.equal(rendered(generator, [(start, [move(control, 2.0, StepWindow(0.5, 0.0))])], EIGHT), anew)


def test_offsets_in_the_middle_reach_the_changed_network_once(tmp_path: Path) -> None:
    generator, control = opened(save_ddim(tmp_path / "model")), adapter()
    direction = LinearControl(ControlCard(name="h", space="h"), 3 * normal(3, *generator.card.spaces["h"].shape))
    start = generator.sample([5])
    moves = [move(control, 1.0), move(direction, 1.0, StepWindow(0.6, 0.0))]
    ours = rendered(generator, [(start, moves)], EIGHT)

    @torch.no_grad()
    def written_out(x: Tensor) -> Tensor:
        network, scheduler = tiny_unet().eval(), DDIMScheduler(clip_sample=False)
        network.get_parameter(WEIGHT).add_(control.factors[WEIGHT].product())
        scheduler.set_timesteps(8)
        added: list[Tensor | float] = []
        network.mid_block.register_forward_hook(lambda module, inputs, output: output + added[-1])
        for t in scheduler.timesteps:
            added.append(direction.direction if int(t) < 600 else 0.0)
            x = scheduler.step(network(x, t).sample, t, x).prev_sample
        return x.clamp(-1, 1)

    torch.testing.assert_close(ours, written_out(start.tensors["x_T"]), atol=2e-5, rtol=0)


def test_a_flow_s_weights_change_too(tmp_path: Path) -> None:
    generator, control = opened(save_flow(tmp_path / "model")), adapter()
    start = generator.sample([5])
    bare = generator.render(start, EIGHT)
    whole = rendered(generator, [(start, [move(control, 1.0)])], EIGHT)
    assert not torch.equal(whole, bare)
    assert torch.equal(whole, rendered(generator, [(start, [move(control, 1.0, StepWindow(1.0, 0.0))])], EIGHT))


def test_its_parts_are_the_blocks_and_a_change_that_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    parts = list(generator.weight_parts())
    assert parts[:2] == ["conv in", "time embedding"]
    assert {"down block 1", "down block 2", "mid block", "up block 1", "up block 2"} <= set(parts)
    wrong = LowRankControl(
        ControlCard(name="w", space=WEIGHTS), {"conv_in.bias": LowRank(normal(0, 1, 2), normal(1, 3, 1))}
    )
    with pytest.raises(ControlError, match="does not fit 'model'"):
        rendered(generator, [(generator.sample([1]), [move(wrong, 1.0)])], EIGHT)


def test_points_of_one_batch_may_have_different_weights(tmp_path: Path) -> None:
    generator, control = opened(save_ddim(tmp_path / "model")), adapter()
    start = generator.sample([5])
    both = rendered(generator, [(start, [move(control, 1.0)]), (start, [])], EIGHT)
    torch.testing.assert_close(both[:1], rendered(generator, [(start, [move(control, 1.0)])], EIGHT), atol=1e-5, rtol=0)
    assert edited(generator, start, [move(control, 1.0, StepWindow(0.5, 0.0))]).phases == ()
