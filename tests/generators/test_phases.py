"""Edits that act in some steps of a sampler alone: against one written out, and what is kept of their beginnings."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st
from tiny_pipelines import save_ddim, save_flow, save_pixels, tiny_unet
from torch import Tensor
from toys import ToyVae

from explorer.controls.base import Move
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError
from explorer.generators import diffusion
from explorer.generators.base import Latent
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.diffusion_scheduler import CLASSES
from explorer.generators.editing import edited, rendered, rows_of, stacked
from explorer.generators.phases import acting, apart
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality, StepWindow

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # of diffusers
EIGHT = Quality(steps=8)

edges = st.integers(0, 8)
two_edges = st.tuples(edges, edges).filter(lambda ends: ends[0] != ends[1])
windows = two_edges.map(lambda ends: StepWindow(max(ends) / 8, min(ends) / 8))


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


def direction(generator: DiffusionGenerator, seed: int, space: str = "h") -> LinearControl:
    shape = generator.card.spaces[space].shape
    vector = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return LinearControl(ControlCard(name=f"{seed}", space=space), 3 * vector)


def move(control: LinearControl, amount: float, window: StepWindow | None = None) -> Move:
    return Move(control, torch.tensor([amount]), window=window)


@given(st.lists(windows, max_size=5))
def test_stretches_lie_in_every_window_whole_or_not_at_all(chosen: list[StepWindow]) -> None:
    stretches = apart(chosen)
    for level in [(eighth + 0.5) / 8 for eighth in range(8)]:
        here = [one for one in stretches if one.low <= level < one.high]
        inside = {window for window in chosen if window.low <= level < window.high}
        assert len(here) == bool(inside)
        for stretch in here:
            moves: list[Any] = [Move(None, None, window=window) for window in chosen]  # type: ignore[arg-type]
            assert {one.window for one in acting(moves, stretch)} == inside
    assert all(one.low >= other.high for one, other in itertools.pairwise(stretches))


@torch.no_grad()
def written_out(x: Tensor, steps: int, h_at: Callable[[float], Tensor]) -> Tensor:
    """A picture by diffusers' own U-Net and DDIM scheduler; ``h_at``: what is added in the middle at a share of the
    schedule."""
    network, scheduler = tiny_unet().eval(), DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(steps)
    added: list[Tensor] = []
    network.mid_block.register_forward_hook(lambda module, inputs, output: output + added[-1])
    for t in scheduler.timesteps:
        added.append(h_at(int(t) / 1000))
        x = scheduler.step(network(x, t).sample, t, x).prev_sample
    return x.clamp(-1, 1)


def test_a_picture_equals_one_written_out(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    early, late, always = (direction(generator, seed) for seed in (1, 2, 3))
    start = generator.sample([5])
    moves = [move(early, 1.0, StepWindow(1.0, 0.5)), move(late, -2.0, StepWindow(0.6, 0.2)), move(always, 0.5)]

    def h_at(noise: float) -> Tensor:
        h = 0.5 * always.direction
        h = h + early.direction if noise >= 0.5 else h
        return (h - 2 * late.direction if 0.2 <= noise < 0.6 else h)[None]

    ours = rendered(generator, [(start, moves)], EIGHT)
    theirs = written_out(start.tensors["x_T"], 8, h_at)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)
    assert (ours - rendered(generator, [(start, moves[2:])], EIGHT)).abs().max() > 0.01


@pytest.mark.parametrize("sampler", CLASSES)
def test_a_window_of_all_steps_is_none_and_one_of_no_step_changes_no_bit(tmp_path: Path, sampler: str) -> None:
    generator, quality = opened(save_pixels(tmp_path / "model")), Quality(steps=8, sampler=sampler)
    control, start = direction(generator, 1), generator.sample([5])
    bare = generator.render(generator.advance(start, "h"), quality)
    whole = rendered(generator, [(start, [move(control, 1.0, StepWindow(1.0, 0.0))])], quality)
    assert torch.equal(whole, rendered(generator, [(start, [move(control, 1.0)])], quality))
    assert not torch.equal(whole, bare)
    between = StepWindow(0.9999, 0.9995)  # two training steps lie no nearer
    assert torch.equal(rendered(generator, [(start, [move(control, 1.0, between)])], quality), bare)


@pytest.mark.parametrize("sampler", CLASSES)
def test_only_the_steps_from_the_first_change_on_are_computed_and_give_the_same_bits(
    tmp_path: Path, sampler: str
) -> None:
    generator, quality = opened(save_pixels(tmp_path / "model")), Quality(steps=8, sampler=sampler)
    early, late = direction(generator, 1), direction(generator, 2)
    start = generator.sample([5])

    def drawn(amount: float) -> tuple[Tensor, int]:
        moves = [move(early, 1.0, StepWindow(1.0, 0.75)), move(late, amount, StepWindow(0.4, 0.0))]
        steps = 0

        def count(done: int, sample: Tensor) -> None:
            nonlocal steps
            steps += 1

        return generator.render(edited(generator, start, moves), quality, count), steps

    _, all_steps = drawn(1.0)
    dragged, own_steps = drawn(2.0)
    assert own_steps < 0.55 * all_steps
    again, none = drawn(2.0)
    assert torch.equal(dragged, again)
    assert none == own_steps  # the end of the picture is kept by the engine, as that of any other
    anew = opened(tmp_path / "model")
    moves = [move(early, 1.0, StepWindow(1.0, 0.75)), move(late, 2.0, StepWindow(0.4, 0.0))]
    assert torch.equal(dragged, rendered(anew, [(start, moves)], quality))


def test_an_earlier_change_is_not_taken_for_a_kept_beginning(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    early, late, start = direction(generator, 1), direction(generator, 2), generator.sample([5])
    pictures = []
    for amount in (1.0, 2.0):
        moves = [move(early, amount, StepWindow(1.0, 0.75)), move(late, 1.0, StepWindow(0.4, 0.0))]
        pictures.append(rendered(generator, [(start, moves)], EIGHT))
        assert torch.equal(pictures[-1], rendered(opened(tmp_path / "model"), [(start, moves)], EIGHT))
    assert not torch.equal(*pictures)


def test_points_of_different_windows_are_one_batch(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    first, second = direction(generator, 1), direction(generator, 2)
    edits = [
        (generator.sample([5]), [move(first, 1.0, StepWindow(1.0, 0.5))]),
        (generator.sample([6]), [move(second, 2.0, StepWindow(0.7, 0.2)), move(first, 1.0)]),
        (generator.sample([7]), []),
    ]
    together = rendered(generator, edits, EIGHT)
    for row, point in zip(together, edits, strict=True):
        torch.testing.assert_close(row[None], rendered(generator, [point], EIGHT), atol=1e-4, rtol=0)
    latents = stacked(generator, [edited(generator, start, moves) for start, moves in edits])
    assert [one.batch for _, one in latents.phases] == [3] * len(latents.phases)
    torch.testing.assert_close(generator.render(rows_of(latents, [1]), EIGHT), together[1:2], atol=1e-4, rtol=0)


def test_what_is_put_in_place_of_a_point_has_no_phases(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    point = edited(generator, generator.sample([5]), [move(direction(generator, 1), 1.0, StepWindow(0.5, 0.0))])
    assert point.phases
    assert point.at(0.4) is point.phases[0][1]
    assert point.at(0.5) is point
    assert point.with_space("h", torch.zeros(1, *generator.card.spaces["h"].shape)).phases == ()


def test_a_flow_begins_with_its_first_window(tmp_path: Path) -> None:
    """Its first step is that of pure noise, a share of 1."""
    generator = opened(save_flow(tmp_path / "model"))
    control, start = direction(generator, 1), generator.sample([5])
    whole = rendered(generator, [(start, [move(control, 1.0, StepWindow(1.0, 0.0))])], EIGHT)
    assert torch.equal(whole, rendered(generator, [(start, [move(control, 1.0)])], EIGHT))
    first = rendered(generator, [(start, [move(control, 1.0, StepWindow(1.0, 0.99))])], EIGHT)
    assert not torch.equal(first, generator.render(generator.advance(start, "h"), EIGHT))


def test_slopes_reach_through_all_phases(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    control, start = direction(generator, 1), generator.sample([5])
    amount = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)

    def picture(number: Tensor) -> Tensor:
        point = edited(generator, start, [Move(control, number, window=StepWindow(0.6, 0.1))])
        return generator.render(point, EIGHT).sum()

    (slope,) = torch.autograd.grad(picture(amount.float()), amount)
    with torch.no_grad():
        step = 1e-2
        ends = [picture(torch.tensor([0.3 + sign * step])) for sign in (1, -1)]
    assert float(slope) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=0.05)


def test_what_draws_in_one_go_has_no_windows() -> None:
    generator = ToyVae()
    control = LinearControl(ControlCard(name="one", space="z"), torch.ones(generator.card.spaces["z"].shape))
    with pytest.raises(ControlError, match="in one go, so no control can act in some of its steps"):
        edited(generator, generator.sample([1]), [move(control, 1.0, StepWindow(0.5, 0.0))])


def test_latents_without_phases_are_what_they_were() -> None:
    latent = Latent({"z": torch.ones(2, 3)})
    assert latent.at(0.3) is latent
    assert latent.each(lambda tensor: tensor[:1]).phases == ()
    assert "phases" not in latent.travelling
