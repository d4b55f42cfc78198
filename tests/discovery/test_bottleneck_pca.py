"""PCA of a real U-Net's bottleneck: the pipeline of diffusers, random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel

from explorer.controls.linear import LinearControl
from explorer.discovery import registry
from explorer.discovery.sampling import bottleneck_rows
from explorer.errors import ControlError, ModelError
from explorer.generators.base import Generator
from explorer.generators.diffusion import FAMILY
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.scene.model import Quality

FOUR = Quality(steps=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipeline folder of 1×8×8 diffusion in pixels, and a card that asks for four steps."""
    from diffusers import DDIMPipeline, DDIMScheduler

    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16),
        norm_num_groups=4, attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    DDIMPipeline(unet, DDIMScheduler(clip_sample=False)).save_pretrained(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "card.json").write_text(json.dumps({"interactive_steps": 4, "full_steps": 4}))
    return tmp_path / "pipeline"


def _opened(folder: Path) -> DiffusionGenerator:
    generator = FAMILY.load(folder, torch.device("cpu"))
    assert isinstance(generator, DiffusionGenerator)
    return generator


def _heard(generator: DiffusionGenerator, batch: int) -> list[torch.Tensor]:
    """The middle block's outputs while a picture is drawn, recorded from outside."""
    outputs: list[torch.Tensor] = []

    def record(module: object, inputs: object, output: torch.Tensor) -> None:
        outputs.append(output.clone())

    listening = generator._unet.mid_block.register_forward_hook(record)
    generator.render(generator.sample(range(batch)), FOUR)
    listening.remove()
    return outputs


def test_the_bottleneck_is_the_mean_of_what_the_middle_block_puts_out(folder: Path) -> None:
    generator = _opened(folder)
    outputs = _heard(generator, 3)
    assert len(outputs) == 4
    ours = generator.bottleneck(generator.sample(range(3)), FOUR)
    torch.testing.assert_close(ours, torch.stack(outputs).mean(0))
    picture = generator.render(generator.sample(range(3)), FOUR)
    generator.bottleneck(generator.sample(range(3)), FOUR)
    assert torch.equal(generator.render(generator.sample(range(3)), FOUR), picture)  # nothing is left behind


def test_only_the_steps_of_the_window_are_heard(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "h_window": [600, 200]}))
    generator = _opened(folder)
    inside = [600 >= t >= 200 for t in generator.steps(FOUR)]
    assert 0 < sum(inside) < 4
    outputs = [output for output, heard in zip(_heard(generator, 2), inside, strict=True) if heard]
    torch.testing.assert_close(generator.bottleneck(generator.sample(range(2)), FOUR), torch.stack(outputs).mean(0))
    (folder / "card.json").write_text(json.dumps({**card, "h_window": [2, 1]}))
    with pytest.raises(ModelError, match="No step of 4 lies in the window"):
        _opened(folder).bottleneck(generator.sample([0]), FOUR)


def test_components_of_h_are_found_and_move_the_picture(folder: Path) -> None:
    generator: Generator = _opened(folder)
    assert registry.fitting(generator.card)[0] == "pca"
    found = registry.method("pca").discover(generator, 3, seed=1, settings={"samples": 40})
    found.check(generator.card)
    rows = bottleneck_rows(generator, 40, 1).double().numpy()
    _, singular, right = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    latent = generator.advance(generator.sample([0]), "h")
    before = generator.render(latent, FOUR)
    for index, control in enumerate(found.controls):
        assert isinstance(control, LinearControl)
        direction = control.direction.double().flatten().numpy()
        assert np.linalg.norm(direction) == pytest.approx(singular[index] / np.sqrt(39), rel=1e-4)
        assert abs(direction @ right[index]) / np.linalg.norm(direction) == pytest.approx(1, abs=1e-6)
        moved = latent.with_space("h", control.move(latent.tensors["h"], torch.tensor([3.0])))
        assert not torch.equal(generator.render(moved, FOUR), before)


def test_a_u_net_without_a_middle_block_has_only_its_noise(folder: Path) -> None:
    config = json.loads((folder / "unet" / "config.json").read_text())
    torch.manual_seed(0)
    UNet2DModel.from_config({**config, "mid_block_type": None}).save_pretrained(folder / "unet")
    generator = _opened(folder)
    assert "bottleneck" not in generator.card.capabilities
    assert registry.fitting(generator.card)[-1] == "random_orthogonal"
    assert "pca" not in registry.fitting(generator.card)
    with pytest.raises(ControlError, match="same spread in every direction"):
        registry.method("pca").discover(generator, 2)
    registry.method("random_orthogonal").discover(generator, 2).check(generator.card)
