"""PCA of the bottleneck in every step: against numpy's decomposition of what a hook hears, and signs that were turned
on purpose."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_pipelines import save_ddim
from torch import Tensor
from toys import ToyDiffusion, ToyVae

from explorer.controls.base import Move
from explorer.controls.control_set import ControlSet
from explorer.controls.stepped import SteppedControl
from explorer.discovery import registry
from explorer.discovery.sampling import drawn_seeds
from explorer.errors import ControlError
from explorer.generators import diffusion
from explorer.generators.base import Latent
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.editing import rendered
from explorer.numerics.linalg import align_signs
from explorer.scene.model import Quality

SAMPLES, STEPS = 14, 5


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> DiffusionGenerator:
    found = diffusion.FAMILY.load(save_ddim(tmp_path_factory.mktemp("tiny") / "model"), torch.device("cpu"))
    assert isinstance(found, DiffusionGenerator)
    return found


@pytest.fixture(scope="module")
def found(generator: DiffusionGenerator) -> ControlSet:
    asked: dict[str, Any] = {"samples": SAMPLES, "windows": STEPS}
    return registry.method("pca_steps").discover(generator, 3, seed=4, settings=asked)


def heard(generator: DiffusionGenerator) -> list[NDArray[np.float64]]:
    """(N, d) a step: what the middle block puts out while the pictures of the search are drawn, one at a time."""
    outputs: list[Tensor] = []
    hook = generator._unet.mid_block.register_forward_hook(
        lambda module, inputs, output: outputs.append(output.clone())
    )
    for seed in drawn_seeds(SAMPLES, 4):
        generator.render(generator.sample([seed]), Quality(steps=STEPS))
    hook.remove()
    return [np.stack([one.double().flatten().numpy() for one in outputs[step::STEPS]]) for step in range(STEPS)]


def test_each_step_has_the_components_of_its_own_activations(generator: DiffusionGenerator, found: ControlSet) -> None:
    found.check(generator.card)
    for step, rows in enumerate(heard(generator)):
        _, singular, right = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
        for index, control in enumerate(found.controls):
            assert isinstance(control, SteppedControl)
            direction = control.directions[step].double().flatten().numpy()
            assert abs(direction @ right[index]) == pytest.approx(1, abs=1e-3)
            assert float(control.sigmas[step]) == pytest.approx(singular[index] / np.sqrt(SAMPLES - 1), rel=1e-4)


def test_its_windows_are_around_the_steps_that_were_drawn(generator: DiffusionGenerator, found: ControlSet) -> None:
    visited = [t / 1000 for t in generator.steps(Quality(steps=STEPS))]
    for control in found.controls:
        assert isinstance(control, SteppedControl)
        assert [one.holds(level) for one, level in zip(control.windows, visited, strict=True)] == [True] * STEPS
        assert all(later.high == earlier.low for earlier, later in pairwise(control.windows))
        assert (control.windows[0].high, control.windows[-1].low) == (1, 0)
        turned = [float((one * other).sum()) for one, other in pairwise(control.directions)]
        assert min(turned) >= 0


def test_one_unit_adds_one_deviation_in_each_step(generator: DiffusionGenerator, found: ControlSet) -> None:
    """Heard behind the hook that adds: the difference from the picture without it, in the first step, whose input is
    the same."""
    control = found.controls[1]
    assert isinstance(control, SteppedControl)
    start, outputs = generator.sample([3]), []
    hook = generator._unet.mid_block.register_forward_hook(
        lambda module, inputs, output: outputs.append(output.clone())
    )
    for amount in (0.0, 1.0):
        rendered(generator, [(start, [Move(control, torch.tensor([amount]))])], Quality(steps=STEPS))
    hook.remove()
    added = (outputs[STEPS] - outputs[0])[0]
    torch.testing.assert_close(added, control.directions[0] * float(control.sigmas[0]), atol=1e-5, rtol=1e-4)


def test_signs_follow_the_step_before() -> None:
    first = torch.eye(3, dtype=torch.float64)[:2]
    turn = torch.tensor([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    frames = [first]
    for _ in range(3):
        frames.append(frames[-1] @ turn)
    signs = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], dtype=torch.float64)
    whole = torch.stack(frames)
    torch.testing.assert_close(align_signs(whole * signs[..., None]), whole, atol=0, rtol=0)
    # To the first step they are not aligned: by then the direction has turned by more than a right angle.
    assert float(whole[3, 0] @ whole[0, 0]) < 0


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(ControlError, match="has none that can be moved"):
        registry.method("pca_steps").discover(ToyVae(), 2)
    with pytest.raises(ControlError, match="4 components need more than 4 samples"):
        registry.method("pca_steps").discover(ToyDiffusion(), 4, settings={"samples": 4})


def test_a_level_that_is_visited_twice_counts_once() -> None:
    class Twice(ToyDiffusion):
        def bottlenecks(self, latent: Latent, quality: Quality) -> tuple[tuple[float, ...], Tensor]:
            whole = self.bottleneck(latent, quality)
            return (0.9, 0.5, 0.5, -0.1), torch.stack([whole, 3 * whole, whole, whole], 1)

    (control,) = registry.method("pca_steps").discover(Twice(), 1, settings={"samples": 20}).controls
    assert isinstance(control, SteppedControl)
    assert [(round(one.high, 2), round(one.low, 2)) for one in control.windows] == [(1, 0.7), (0.7, 0.25), (0.25, 0)]
    torch.testing.assert_close(control.sigmas / control.sigmas[0], torch.tensor([1.0, 2.0, 1.0]).double())
