"""The sampler of a conditional model runs backwards under what the model is told, and the point draws the picture under
the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDPMPipeline, FlowMatchEulerDiscreteScheduler
from PIL import Image
from tiny_pipelines import tiny_unet

from explorer.engine.origins import latent_of
from explorer.generators import diffusion
from explorer.generators.base import Generator
from explorer.inversion.base import psnr
from explorer.inversion.invert import invert
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Condition, Quality, Start

CPU = torch.device("cpu")
SECOND = Condition(classes=((1, 1.0),))


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    folder = tmp_path_factory.mktemp("flow")
    unet = tiny_unet(num_class_embeds=2)
    with torch.no_grad():  # classes that tell
        unet.class_embedding.weight.mul_(5.0)
    DDPMPipeline(unet, FlowMatchEulerDiscreteScheduler(shift_terminal=0.1)).save_pretrained(folder)
    return diffusion.FAMILY.load(folder, CPU)


@pytest.mark.parametrize("condition", [Condition(), SECOND], ids=["nothing said", "the second class"])
def test_the_point_draws_the_picture_under_the_condition_that_it_was_looked_for(
    flow: Generator, condition: Condition, tmp_path: Path
) -> None:
    levels = ((0.5 * flow.render(flow.sample([3]), Quality(steps=10)) + 1.0) * 127.5).round()
    own = levels / 127.5 - 1.0
    file = tmp_path / "own.png"
    Image.fromarray(levels[0].byte().permute(1, 2, 0).numpy()).save(file)
    found = invert(flow, file, file.name, InversionOptions(way="flow", steps=10, condition=condition))
    quality = Quality()
    same = flow.render(latent_of(flow, Start(found.point, 1.0, condition)), quality)
    assert psnr(same, own)[0] == pytest.approx(found.own.psnr, abs=0.2)
    other = SECOND if condition == Condition() else Condition(classes=((0, 1.0),))
    assert psnr(flow.render(latent_of(flow, Start(found.point, 1.0, other)), quality), own)[0] < found.own.psnr - 1.0
