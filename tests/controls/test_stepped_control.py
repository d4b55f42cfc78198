"""Offsets that differ by the noise that is left: what an edit makes of them, and their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_pipelines import save_ddim, save_pixels
from torch import Tensor
from toys import ToyGenerator

from explorer.controls import control_set
from explorer.controls.base import Move
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.controls.stepped import SteppedControl
from explorer.engine.landscape import landscape
from explorer.errors import ControlError
from explorer.generators import diffusion
from explorer.generators.base import Latent
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.editing import edited, placed, rendered
from explorer.generators.phases import around, overlap
from explorer.scene.cards import ControlCard
from explorer.scene.landscape import Plane
from explorer.scene.model import Edit, Quality, StepWindow

WINDOWS = (StepWindow(1.0, 0.7), StepWindow(0.7, 0.45), StepWindow(0.4, 0.0))
SAMPLERS = ("ddim", "ddpm", "pndm", "euler", "euler_ancestral", "dpmpp_2m", "unipc", "lcm")


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, torch.device("cpu"))
    assert isinstance(generator, DiffusionGenerator)
    return generator


def stepped(generator: DiffusionGenerator, seed: int = 1) -> SteppedControl:
    source = torch.Generator().manual_seed(seed)
    shape = generator.card.spaces["h"].shape
    card = ControlCard(name="stepped", space="h")
    return SteppedControl(card, torch.randn(3, *shape, generator=source), torch.tensor([1.0, 2.0, 3.0]), WINDOWS)


def by_hand(control: SteppedControl, amount: float, own: StepWindow | None = None) -> list[Move]:
    """A straight move in every window of ``control``."""
    moves = []
    for window, direction, sigma in zip(WINDOWS, control.directions, control.sigmas, strict=True):
        both = window if own is None else overlap(window, own)
        if both is not None:
            straight = LinearControl(ControlCard(name="straight", space="h"), direction * sigma)
            moves.append(Move(straight, torch.tensor([amount]), window=both))
    return moves


def drawn(generator: DiffusionGenerator, start: Latent, moves: list[Move], quality: Quality) -> Tensor:
    return rendered(generator, [(start, moves)], quality)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_it_is_its_offset_of_every_window_in_any_number_of_steps(tmp_path: Path, sampler: str) -> None:
    generator = opened(save_pixels(tmp_path / "model"))
    control, start = stepped(generator), generator.sample([5])
    for steps in (5, 8):
        quality = Quality(steps=steps, sampler=sampler)
        ours = drawn(generator, start, [Move(control, torch.tensor([0.5]))], quality)
        assert torch.equal(ours, drawn(opened(tmp_path / "model"), start, by_hand(control, 0.5), quality))
        bare = generator.render(generator.advance(start, "h"), quality)
        assert not torch.equal(ours, bare)
        nothing = drawn(generator, start, [Move(control, torch.tensor([0.0]))], quality)
        assert torch.equal(nothing, bare)


def test_the_window_of_the_edit_cuts_those_of_the_control(tmp_path: Path) -> None:
    generator, quality = opened(save_ddim(tmp_path / "model")), Quality(steps=8)
    control, start, own = stepped(generator), generator.sample([5]), StepWindow(0.6, 0.2)
    move = Move(control, torch.tensor([1.0]), window=own)
    phases = dict(edited(generator, start, [move]).phases)
    assert set(phases) == {StepWindow(0.6, 0.45), StepWindow(0.4, 0.2)}
    ours = drawn(generator, start, [move], quality)
    assert torch.equal(ours, drawn(generator, start, by_hand(control, 1.0, own), quality))
    assert not torch.equal(ours, drawn(generator, start, by_hand(control, 1.0), quality))
    outside = Move(control, torch.tensor([1.0]), window=StepWindow(0.45, 0.4))
    assert torch.equal(drawn(generator, start, [outside], quality), generator.render(start, quality))


def test_only_the_steps_from_its_window_on_are_drawn_anew(tmp_path: Path) -> None:
    generator, quality = opened(save_ddim(tmp_path / "model")), Quality(steps=8)
    control, start = stepped(generator), generator.sample([5])
    counts = []
    for amount in (1.0, 2.0):
        done: list[int] = []
        move = Move(control, torch.tensor([amount]), window=StepWindow(0.4, 0.0))
        generator.render(edited(generator, start, [move]), quality, lambda step, x, done=done: done.append(step))
        counts.append(len(done))
    assert counts == [8, 4]  # .375, .25, .125 and 0 of the schedule


@pytest.mark.parametrize("factor", [0.5, -2.0])
def test_another_unit_is_another_amount(tmp_path: Path, factor: float) -> None:
    generator, quality = opened(save_ddim(tmp_path / "model")), Quality(steps=4)
    control, start = stepped(generator), generator.sample([5])
    other = scaled(control, factor)
    assert isinstance(other, SteppedControl)
    assert bool((other.sigmas > 0).all())
    ours = drawn(generator, start, [Move(other, torch.tensor([1.0]))], quality)
    assert torch.equal(ours, drawn(generator, start, [Move(control, torch.tensor([factor]))], quality))


def test_whoever_draws_no_picture_sees_its_mean_over_the_noise(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    control, start = stepped(generator), generator.sample([5])
    point = placed(generator, start, [Move(control, torch.tensor([2.0]), window=StepWindow(0.1, 0.0))])
    lengths = torch.tensor([0.3, 0.25, 0.4]) * control.sigmas
    torch.testing.assert_close(point.tensors["h"][0], 2 * torch.einsum("s,schw->chw", lengths, control.directions))
    assert not point.phases


def test_it_has_no_value_and_needs_steps(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    control, start = stepped(generator), generator.sample([5])
    with pytest.raises(ControlError, match="no value along 'stepped'"):
        edited(generator, start, [Move(control, torch.tensor([1.0]), absolute=True)])
    toy = ToyGenerator()
    shape = toy.card.spaces["z"].shape
    card = ControlCard(name="c", space="z")
    other = SteppedControl(card, torch.ones(1, *shape), torch.ones(1), (StepWindow(),))
    with pytest.raises(ControlError, match="in one go"):
        edited(toy, toy.sample([0]), [Move(other, torch.tensor([1.0]))])


def test_a_file_keeps_it_to_the_bit(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    windows = tuple(around([0.98, 1 / 3, 0.1]))
    shape = generator.card.spaces["h"].shape
    control = SteppedControl(ControlCard(name="c", space="h"), torch.randn(3, *shape), torch.rand(3).double(), windows)
    found = ControlSet("m", "M", generator.card.fingerprint, "h", (control,))
    control_set.save(found, tmp_path / "set.safetensors")
    loaded = control_set.load(tmp_path / "set.safetensors")
    loaded.check(generator.card)
    (again,) = loaded.controls
    assert isinstance(again, SteppedControl)
    assert again.windows == windows
    assert torch.equal(again.directions, control.directions)
    assert torch.equal(again.sigmas, control.sigmas)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"windows": torch.tensor([[1.0, 0.5], [0.6, 0.0]])}, "overlap"),
        ({"windows": torch.tensor([[0.5, 0.0], [1.0, 0.5]])}, "overlap"),
        ({"windows": torch.tensor([[1.0, 0.5], [0.2, 0.3]])}, "a window that is none"),
        ({"windows": torch.tensor([[1.5, 0.5], [0.2, 0.1]])}, "a window that is none"),
        ({"windows": torch.tensor([[1.0, 0.5]])}, "2 directions for 1 windows"),
        ({"windows": torch.tensor([1.0, 0.5])}, "windows of shape"),
        ({"sigmas": torch.ones(3)}, "2 directions for 2 windows"),
        ({"directions": torch.ones(2, 3, dtype=torch.int64)}, "directions of torch.int64"),
    ],
)
def test_a_damaged_file_is_refused(changes: dict[str, Tensor], sentence: str) -> None:
    windows = (StepWindow(1.0, 0.5), StepWindow(0.5, 0.0))
    control = SteppedControl(ControlCard(name="c", space="h"), torch.ones(2, 3), torch.ones(2), windows)
    with pytest.raises(ValueError, match=sentence):
        SteppedControl.restore(control.card, {**control.tensors(), **changes}, {})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9, unique=True), st.floats(0, 1))
@settings(max_examples=80)
def test_every_step_belongs_to_the_level_nearest_to_it(levels: list[float], noise: float) -> None:
    falling = sorted(levels, reverse=True)
    windows = around(falling)
    assert windows[0].high == 1
    assert windows[-1].low == 0
    holding = [level for level, window in zip(falling, windows, strict=True) if window.holds(noise)]
    assert len(holding) == 1
    assert abs(holding[0] - noise) <= min(abs(level - noise) for level in falling) + 1e-12


def test_its_landscape_is_that_of_its_mean_and_a_windowed_edit_has_a_path(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "model"))
    control = stepped(generator)
    found = ControlSet("m", "M", generator.card.fingerprint, "h", (control,))
    start = generator.advance(generator.sample([5]), "h")
    edits = [Edit("stepped", 1.0, window=StepWindow(0.4, 0.0))]
    seen = landscape(generator, found, start, edits, "stepped", Plane())
    ends = torch.tensor([seen.path[0], seen.path[-1]])
    mean = placed(generator, start, [Move(control, torch.tensor([1.0]))]).tensors["h"]
    far = (control.card.high - control.card.low) * float(mean.norm())
    assert float((ends[1] - ends[0]).norm()) == pytest.approx(far, rel=1e-3)
