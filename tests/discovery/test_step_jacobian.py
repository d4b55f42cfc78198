"""The Jacobian of the predicted picture by h at one level of noise: against one written down, by diffusers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import RLock

import pytest
import torch
from diffusers import DDIMScheduler
from tiny_pipelines import save_ddim, tiny_unet
from torch import Tensor
from toys import ToyVae

from explorer.controls import control_set
from explorer.controls.base import Move
from explorer.controls.step_jacobian import ITERATIONS, StepJacobianControl
from explorer.discovery import registry
from explorer.engine.turns import TakingTurns
from explorer.errors import ControlError
from explorer.generators import diffusion
from explorer.generators.base import Latent
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.editing import edited, rendered, rows_of
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality

REGION = "0,0,1,0.25"
METHOD = registry.method("step_jacobian")


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> DiffusionGenerator:
    folder = save_ddim(tmp_path_factory.mktemp("tiny") / "model")
    (folder / "card.json").write_text('{"full_steps": 5, "interactive_steps": 3}')
    found = diffusion.FAMILY.load(folder, torch.device("cpu"))
    assert isinstance(found, DiffusionGenerator)
    return found


def by_hand(start: Latent, step: int) -> tuple[Tensor, list[Tensor]]:
    """By diffusers: x̂₀ in the ``step``-th of five, and the rows of its Jacobian by h, one backward pass a pixel."""
    unet, scheduler = tiny_unet().eval().requires_grad_(False), DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(5)
    x, h = start.tensors["x_T"], torch.zeros(1, 16, 8, 8, requires_grad=True)
    for t in scheduler.timesteps[:step]:
        with torch.no_grad():
            x = scheduler.step(unet(x, t).sample, t, x).prev_sample
    unet.mid_block.register_forward_hook(lambda module, inputs, output: output + h)
    t = scheduler.timesteps[step]
    clean = scheduler.step(unet(x, t).sample, t, x).pred_original_sample.flatten()
    rows = [torch.autograd.grad(one, h, retain_graph=True)[0].flatten() for one in clean]
    return clean.detach(), rows


def test_the_prediction_and_its_jacobian_are_those_of_diffusers(generator: DiffusionGenerator) -> None:
    start = generator.advance(generator.sample([3]), "h")
    clean, rows = by_hand(start, 2)
    jacobian = torch.stack(rows)
    nothing = torch.zeros(1, 16, 8, 8)
    predicted = generator.predicted_by_h(start, 0.42, nothing)  # of .8, .6, .4, .2 and 0 the nearest is .4
    torch.testing.assert_close(predicted.flatten(), clean, atol=2e-5, rtol=1e-4)
    settings = {"region": REGION, "noise": 0.42, "held": 3}
    found = METHOD.discover(generator, 2, settings=settings)
    inside = torch.zeros(3, 16, 16)
    inside[:, :4] = 1
    inside = inside.flatten()[:, None]
    held = torch.linalg.svd((1 - inside) * jacobian, full_matrices=False)[2][:3]
    left = inside * (jacobian - jacobian @ held.T @ held)
    _, values, right = torch.linalg.svd(left, full_matrices=False)
    for index, control in enumerate(found.controls):
        assert isinstance(control, StepJacobianControl)
        direction = control.direction(generator, start).flatten()
        assert float(direction.norm()) == pytest.approx(1, abs=1e-4)
        assert float((left @ direction).norm()) > 0.9 * float(values[index])
        assert float((held @ direction).norm()) < 0.1
    leading = found.controls[0]
    assert isinstance(leading, StepJacobianControl)
    assert abs(float(leading.direction(generator, start).flatten() @ right[0])) > 0.9


def test_every_picture_has_its_own_and_a_batch_that_of_each(generator: DiffusionGenerator, tmp_path: Path) -> None:
    found = METHOD.discover(generator, 2, settings={"noise": 0.6})
    found.check(generator.card)
    control_set.save(found, tmp_path / "set.safetensors")
    control = control_set.load(tmp_path / "set.safetensors").controls[1]
    assert isinstance(control, StepJacobianControl)
    start, quality = generator.sample([3, 4]), Quality(steps=3)
    both = edited(generator, start, [Move(control, torch.tensor([1.0, 2.0]))]).tensors["h"]
    for row, amount in enumerate((1.0, 2.0)):
        alone = rows_of(start, [row])
        h = edited(generator, alone, [Move(found.controls[1], torch.tensor([amount]))]).tensors["h"]
        torch.testing.assert_close(h[0], both[row], atol=1e-4, rtol=1e-3)
        assert float(h.norm()) == pytest.approx(amount * control.scale, rel=1e-3)
        assert float((h * control.reference).sum()) >= 0  # on the side of the example's
    assert float(torch.cosine_similarity(both[0].flatten(), both[1].flatten(), dim=0)) < 0.999
    bare = generator.render(generator.advance(start, "h"), quality)
    assert torch.equal(rendered(generator, [(start, [Move(control, torch.zeros(2))])], quality), bare)
    with torch.inference_mode():  # as the engine draws
        moved = rendered(generator, [(generator.sample([9]), [Move(control, torch.ones(1))])], quality)
    assert not torch.equal(moved, generator.render(generator.sample([9]), quality))


def test_whatever_is_added_to_the_network_is_added_in_ones_turn(
    generator: DiffusionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live picture must not be drawn with what a search has added; after it nothing is added any more."""
    turn, owned = RLock(), list[bool]()
    add = generator._add

    def noted(h: Tensor | None, batch: int) -> None:
        owned.append(turn._is_owned())  # type: ignore[attr-defined]
        add(h, batch)

    monkeypatch.setattr(generator, "_add", noted)
    control = METHOD.discover(TakingTurns(generator, turn), 1, settings={"noise": 0.42}).controls[0]  # type: ignore[arg-type]
    assert isinstance(control, StepJacobianControl)
    control.direction(TakingTurns(generator, turn), generator.sample([7]))
    assert len(owned) > ITERATIONS
    assert all(owned)
    assert generator._injection is not None
    assert not generator._injection.added.any()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [{"noise": 0.8}, {"held": 0}, {"mask": torch.eye(16)}, {"count": 3}, {"scale": 5.0}],
    ids=lambda one: next(iter(one)),
)
def test_what_is_kept_of_a_start_is_that_of_its_own_settings(
    generator: DiffusionGenerator, change: dict[str, object]
) -> None:
    control = METHOD.discover(generator, 2, settings={"region": REGION, "noise": 0.42, "held": 2}).controls[1]
    assert isinstance(control, StepJacobianControl)
    start, other = generator.advance(generator.sample([3]), "h"), replace(control, **change)  # type: ignore[arg-type]
    before = control.direction(generator, start)
    after = other.direction(generator, start)
    nothing_kept = TakingTurns(generator, RLock())
    assert torch.equal(after, other.direction(nothing_kept, start))
    assert not torch.equal(after, before)


def test_what_it_cannot_do_is_said(generator: DiffusionGenerator) -> None:
    with pytest.raises(ControlError, match="has none that can be moved"):
        METHOD.discover(ToyVae(), 2)
    with pytest.raises(ControlError, match="is no part of the picture"):
        METHOD.discover(generator, 2, settings={"region": "0,0,2,1"})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"index": 3}, "direction 3 of 3"),
        ({"noise": 1.5}, "noise 1.5"),
        ({"scale": 0.0}, "scale 0.0"),
        ({"held": 2.0}, "index, count"),
    ],
)
def test_a_damaged_file_is_refused(changes: dict[str, float], sentence: str) -> None:
    parameters = {"index": 1, "count": 3, "held": 2, "noise": 0.6, "scale": 1.0, **changes}
    card = ControlCard(name="c", space="h")
    with pytest.raises(ValueError, match=sentence):
        StepJacobianControl.restore(card, {"reference": torch.ones(2, 3, 3), "mask": torch.ones(4, 4)}, parameters)
