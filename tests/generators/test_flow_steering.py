"""A conditional flow: its classes, and steering towards them, against a reference that is written out here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, DDPMPipeline, FlowMatchEulerDiscreteScheduler, LDMPipeline
from tiny_pipelines import DECODERS, tiny_unet
from torch import Tensor

from explorer.controls.base import Move
from explorer.controls.linear import LinearControl
from explorer.discovery.velocity_split import METHOD
from explorer.errors import Cancelled, ControlError
from explorer.generators import diffusion
from explorer.generators.base import Latent, standard_normal
from explorer.generators.editing import edited, rendered, stacked
from explorer.generators.flow_generator import FlowGenerator
from explorer.generators.flow_steering import NOISE_SEED, QUARTERS, SPACE, amounts_at
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality

CPU = torch.device("cpu")
CLASSES, STEPS = 3, 6
QUALITY = Quality(steps=STEPS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("flow")
    unet = tiny_unet(num_class_embeds=CLASSES)
    with torch.no_grad():  # classes that tell
        unet.class_embedding.weight.mul_(5.0)
    DDPMPipeline(unet, FlowMatchEulerDiscreteScheduler(shift_terminal=0.1)).save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def flow(folder: Path) -> FlowGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, FlowGenerator)
    return generator


def towards(number: int, layers: tuple[int, int] | None = None) -> LinearControl:
    card = ControlCard(name=f"to {number}", space=SPACE, layers=layers)
    return LinearControl(card, torch.eye(CLASSES)[number])


def moved(flow: FlowGenerator, seeds: list[int], *moves: tuple[LinearControl, list[float]]) -> Tensor:
    start = flow.sample(seeds)
    made = edited(flow, start, [Move(control, torch.tensor(amounts)) for control, amounts in moves])
    return flow.render(made, QUALITY)


def by_hand(folder: Path, flow: FlowGenerator, seed: int, target: int, amount: float, begin: float = 1.0) -> Tensor:
    """FlowSlider with diffusers' network and scheduler."""
    pipeline = DDPMPipeline.from_pretrained(folder)
    unet, scheduler = pipeline.unet.eval(), pipeline.scheduler
    label = flow.sample([seed]).label
    assert label is not None
    own, other = label.argmax(1), torch.tensor([target])
    scheduler.set_timesteps(STEPS)

    def velocity(x: Tensor, t: Tensor, of: Tensor) -> Tensor:
        said: Tensor = unet(x, t, class_labels=of).sample
        return said

    with torch.no_grad():
        x = standard_normal([seed], (3, 16, 16))
        for t in scheduler.timesteps:
            x = scheduler.step(velocity(x, t, own), t, x).prev_sample
        changed = torch.zeros_like(x)
        for index, t in enumerate(scheduler.timesteps):
            sigma, following = scheduler.sigmas[index], scheduler.sigmas[index + 1]
            source = (1 - sigma) * x + sigma * standard_normal([NOISE_SEED + index], (3, 16, 16))
            target_point = source + changed
            keeps = velocity(target_point, t, own) - velocity(source, t, own)
            steers = velocity(target_point, t, other) - velocity(target_point, t, own)
            scale = amount if float(sigma) <= begin + 1e-6 else 0.0
            changed = changed + (following - sigma) * (keeps + scale * steers)
    return (x + changed).clamp(-1.0, 1.0)


def other_class(flow: FlowGenerator, seed: int) -> int:
    label = flow.sample([seed]).label
    assert label is not None
    return (int(label.argmax()) + 1) % CLASSES


@pytest.mark.parametrize("amount", [0.4, 1.0, -0.7])
def test_pictures_are_steered_as_the_definition_says(folder: Path, flow: FlowGenerator, amount: float) -> None:
    target = other_class(flow, 5)
    expected = by_hand(folder, flow, 5, target, amount)
    torch.testing.assert_close(moved(flow, [5], (towards(target), [amount])), expected, atol=1e-4, rtol=0)
    assert (expected - moved(flow, [5])).abs().max() > 0.01


def test_fewer_quarters_steer_from_less_noise_on(folder: Path, flow: FlowGenerator) -> None:
    target = other_class(flow, 5)
    expected = by_hand(folder, flow, 5, target, 1.0, begin=0.5)
    made = moved(flow, [5], (towards(target, (2, 3)), [1.0]))
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=0)


def test_no_amount_is_the_picture_bit_for_bit_in_any_company(flow: FlowGenerator) -> None:
    seeds = [1, 2, 3]
    plain = flow.render(flow.sample(seeds), QUALITY)
    assert torch.equal(moved(flow, seeds, (towards(0), [0.0] * 3)), plain)
    label = flow.sample(seeds).label
    assert label is not None
    target = (int(label[1].argmax()) + 1) % CLASSES
    mixed = moved(flow, seeds, (towards(target), [0.0, 1.0, 0.0]))
    assert torch.equal(mixed[[0, 2]], plain[[0, 2]])
    assert (mixed[1] - plain[1]).abs().max() > 0.01


def test_the_own_class_is_no_direction(flow: FlowGenerator) -> None:
    label = flow.sample([4]).label
    assert label is not None
    made = moved(flow, [4], (towards(int(label.argmax())), [2.0]))
    torch.testing.assert_close(made, moved(flow, [4]), atol=1e-5, rtol=0)


def test_the_order_of_classes_does_not_matter_and_a_batch_is_its_rows(flow: FlowGenerator) -> None:
    one, two = (towards(0), [0.6, 0.3]), (towards(1), [0.0, 0.8])
    both = moved(flow, [1, 2], one, two)
    assert torch.equal(both, moved(flow, [1, 2], two, one))
    alone = moved(flow, [2], (towards(0), [0.3]), (towards(1), [0.8]))
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=0)


def test_a_drag_repeats_the_steering_alone(flow: FlowGenerator) -> None:
    asked: list[int] = []
    hook = flow._unet.register_forward_hook(lambda *of: asked.append(1))
    try:
        target = other_class(flow, 11)
        first = moved(flow, [11], (towards(target), [0.5]))
        begun = len(asked)
        again = moved(flow, [11], (towards(target), [0.6]))
        assert begun == STEPS + 3 * STEPS
        assert len(asked) - begun == 3 * STEPS
        assert not torch.equal(first, again)
        assert torch.equal(moved(flow, [11], (towards(target), [0.5])), first)
    finally:
        hook.remove()


def test_what_h_does_is_steered_too(flow: FlowGenerator) -> None:
    latent = flow.advance(flow.sample([6]), "h")
    target = other_class(flow, 6)
    steering = torch.zeros(1, QUARTERS, CLASSES)
    steering[..., target] = 1.0
    pushed = latent.with_space("h", latent.tensors["h"] + 2.0)
    seen = {
        name: flow.render(point.with_space(SPACE, steering), QUALITY)
        for name, point in (("still", latent), ("pushed", pushed), ("still again", latent))
    }
    assert (seen["still"] - seen["pushed"]).abs().max() > 0.01
    assert torch.equal(seen["still"], seen["still again"])


def test_points_that_hold_different_spaces_are_one_batch(flow: FlowGenerator) -> None:
    h = LinearControl(ControlCard(name="h", space="h"), torch.ones(flow.card.spaces["h"].shape))
    label = LinearControl(ControlCard(name="label", space="label"), torch.tensor([1.0, -1.0, 0.5]))
    target = other_class(flow, 8)
    edits = [
        (flow.sample([8]), [Move(control, torch.tensor([1.0]))]) for control in (h, label, towards(target), towards(0))
    ]
    together = rendered(flow, edits, QUALITY)
    for row, edit in enumerate(edits):
        torch.testing.assert_close(together[row : row + 1], rendered(flow, [edit], QUALITY), atol=1e-5, rtol=0)
    batch = stacked(flow, [edited(flow, *edit) for edit in edits])
    assert set(batch.tensors) == set(flow.card.spaces)


def test_steering_may_be_stopped_and_its_steps_count_on(flow: FlowGenerator) -> None:
    heard: list[int] = []
    steering = torch.ones(1, QUARTERS, CLASSES)
    latent = flow.advance(flow.sample([21]), "h").with_space(SPACE, steering)
    flow.render(latent, QUALITY, lambda done, x: heard.append(done))
    assert heard == list(range(1, 2 * STEPS + 1))

    def stop(done: int, x: Tensor) -> None:
        if done > STEPS:
            raise Cancelled

    with pytest.raises(Cancelled):
        flow.render(latent, QUALITY, stop)


def test_slopes_reach_the_amounts(flow: FlowGenerator) -> None:
    steering = torch.full((1, QUARTERS, CLASSES), 0.1, requires_grad=True)
    latent = flow.advance(flow.sample([1]), "h").with_space(SPACE, steering)
    flow.render(latent, Quality(steps=3)).sum().backward()  # type: ignore[no-untyped-call]
    assert steering.grad is not None
    assert steering.grad.abs().sum() > 0


def test_quarters_are_those_of_the_noise_levels() -> None:
    steering = torch.arange(QUARTERS, dtype=torch.float32)[None, :, None]
    levels = (1.0, 0.9, 0.751, 0.75, 0.5, 0.3, 0.25, 0.001, 0.0)
    assert [float(amounts_at(steering, level)[0, 0]) for level in levels[:-1]] == [0, 0, 0, 1, 2, 2, 3, 3]


def test_the_method_has_a_slider_for_each_class(flow: FlowGenerator) -> None:
    made = METHOD.discover(flow, 2, settings={"quarters": 2})
    assert [control.card.name for control in made.controls] == ["to class 0", "to class 1"]
    assert all(control.card.layers == (2, 3) for control in made.controls)
    whole = METHOD.discover(flow, CLASSES)
    assert all(control.card.layers is None for control in whole.controls)
    assert all(not control.misfit(flow.card.spaces[SPACE]) for control in (*made.controls, *whole.controls))
    picture = flow.render(edited(flow, flow.sample([5]), [Move(whole.controls[1], torch.tensor([0.5]))]), QUALITY)
    assert torch.equal(picture, moved(flow, [5], (towards(1), [0.5])))
    with pytest.raises(ControlError, match="at most 3"):
        METHOD.discover(flow, 4)


def test_models_without_classes_or_flow_are_refused_in_one_sentence(tmp_path: Path) -> None:
    plain, unconditional = tmp_path / "plain", tmp_path / "unconditional"
    DDPMPipeline(tiny_unet(num_class_embeds=2), DDIMScheduler(clip_sample=False)).save_pretrained(plain)
    DDPMPipeline(tiny_unet(), FlowMatchEulerDiscreteScheduler()).save_pretrained(unconditional)
    for path in (plain, unconditional):
        card = diffusion.FAMILY.describe(path)
        assert SPACE not in card.spaces
        assert "no rectified flow that was trained with classes" in METHOD.refusal(card)


def test_latent_flows_are_steered_before_they_are_decoded(tmp_path: Path) -> None:
    folder = tmp_path / "latent"
    unet = tiny_unet(4, 8, num_class_embeds=2)
    LDMPipeline(DECODERS["AutoencoderKL"](), unet, FlowMatchEulerDiscreteScheduler()).save_pretrained(folder)
    generator = diffusion.FAMILY.load(folder, CPU)
    latent: Latent = generator.sample([1])
    assert latent.label is not None
    steering = torch.zeros(1, QUARTERS, 2)
    steering[..., 1 - int(latent.label.argmax())] = 1.0
    made = generator.render(generator.advance(latent, "h").with_space(SPACE, steering), QUALITY)
    assert made.shape == (1, 3, 16, 16)
    assert (made - generator.render(latent, QUALITY)).abs().max() > 1e-3
